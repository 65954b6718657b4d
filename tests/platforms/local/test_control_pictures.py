"""Pictures that are looked at as a whole tell what no question would have found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oneclick import report
from oneclick.editing.operations import AnswerQuestion, DeleteTrack, Operation
from oneclick.platforms.local import control_pictures
from oneclick.platforms.local.desk_records import AskedQuestion
from oneclick.platforms.local.workbench import EditRequest
from oneclick.storage import control_outcomes
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.platforms.local.desk import Server, sure_labels, waiting

LABELS = sure_labels(clips.clip())
FIRST, SECOND = LABELS.tracks


def question(
    track: int | None, start: int, stop: int, box: tuple[float, float, float, float] | None = None
) -> AskedQuestion:
    return AskedQuestion(
        id=f"q{track}{start}", track=track, start=start, stop=stop, expected=1.0, why="", box=box
    )


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_the_sample_has_its_share_of_the_pictures(share: float) -> None:
    count, frames = 400, 0
    for number in range(count):
        asked = control_pictures.ask(replace(LABELS, revision=number + 1), share)
        assert [each.start for each in asked] == sorted({each.start for each in asked})
        assert all(each.track is None and each.box is None for each in asked)
        frames += len(asked)
    assert frames / (count * LABELS.frames) == pytest.approx(share, abs=0.012)
    assert control_pictures.ask(LABELS, share) == control_pictures.ask(LABELS, share)


def test_what_no_question_was_about_counts_once() -> None:
    asked = [question(2, 0, 3)]
    count = control_pictures.count_missed
    assert count((4,), asked, (FIRST, SECOND), (FIRST, SECOND)) == (1, 0)
    assert count((4,), [], (FIRST, SECOND), (FIRST, SECOND)) == (2, 0)
    # A wrong box of a track that was asked about anywhere would have been found.
    assert count((4,), asked, (FIRST, SECOND), (FIRST,)) == (1, 0)
    assert count((4,), [], (FIRST, SECOND), (FIRST,)) == (2, 1)
    assert count((4,), [], (FIRST,), (replace(FIRST, cls="carer"),)) == (1, 1)
    moved = replace(FIRST, boxes=FIRST.boxes + np.float32(8))
    assert count((4,), [], (FIRST,), (moved,)) == (1, 1)
    assert count((), [], (FIRST,), ()) == (0, 0)


def test_somebody_added_counts_unless_the_place_was_asked_about() -> None:
    count = control_pictures.count_missed
    assert count((4,), [], (FIRST,), (FIRST, SECOND)) == (2, 1)
    x1, y1, x2, y2 = (float(value) for value in SECOND.boxes[7])
    place = question(None, 6, 9, (x1, y1, x2, y2))
    assert count((4,), [place], (FIRST,), (FIRST, SECOND)) == (1, 0)
    elsewhere = question(None, 6, 9, (60.0, 0.0, 63.0, 3.0))
    assert count((4,), [elsewhere], (FIRST,), (FIRST, SECOND)) == (2, 1)


def test_only_pictures_with_an_answer_are_counted_and_the_report_tells(tmp_path: Path) -> None:
    ids = waiting(tmp_path, 2, make_labels=sure_labels)
    server = Server.start(tmp_path)
    asked = control_pictures.ask(LABELS, 1.0)
    works: list[tuple[str, list[Operation]]] = [
        (ids[0], [DeleteTrack(track=2), AnswerQuestion(question="picture:4", answer="wrong")]),
        (ids[1], [AnswerQuestion(question="picture:5", answer="right")]),
    ]
    for clip, operations in works:
        fence = server.leases.take(clip, "anna").fence
        for number, operation in enumerate(operations):
            server.edit(clip, f"e{number}", number, fence, operation)
        request = EditRequest(clip=clip, key="d", base=len(operations), fence=fence, by="anna")
        assert server.bench.decide(request, "accept", asked=asked)
    outcomes = control_outcomes.read_all(Workspace(tmp_path).review_dir())
    assert [(each.frames, each.boxes, each.missed) for each in outcomes] == [
        ((4,), 2, 1),
        ((5,), 2, 0),
    ]
    quality = report.review_quality_report(tmp_path)
    assert quality.unasked is not None
    assert (quality.unasked.pictures, quality.unasked.missed) == (2, 1)
    assert quality.unasked.low < 0.25 < quality.unasked.high

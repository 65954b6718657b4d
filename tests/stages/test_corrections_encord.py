"""Corrections on Encord of clips that were collected: a further round of review, taken once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from oneclick.catalog import Catalog, rebuild, verify
from oneclick.catalog.reconcile import bring_up_to_date
from oneclick.core.clips import ClipStage
from oneclick.core.errors import IllegalMove
from oneclick.core.results import BatchResult
from oneclick.platforms.encord import import_corrections
from oneclick.platforms.encord.label_rows import RowReader
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.verdict_inbox import VerdictInbox
from oneclick.report import lineage
from oneclick.stages import publish, reopen, review
from oneclick.storage import cards, datasets, labels, reopenings, sealed_files, verdicts
from tests.fakes import clips
from tests.fakes.encord_server import Call
from tests.fakes.encord_world import ANNOTATE, COMPLETE, Json
from tests.platforms.encord.desk import ANNA, BEN, Desk
from tests.stages.test_review_encord import desk as desk
from tests.stages.test_review_encord import ids
from tests.waits import HANG_SECONDS

REASON = import_corrections.REASON
DRAWN = 9
"""Id of a track that a person draws."""


def collect(desk: Desk) -> BatchResult:
    return review.collect(desk.home, desk.choice)


def accepted(desk: Desk) -> str:
    """Return a clip that was accepted on Encord; a minute passes there."""
    cards.save_video_card(desk.workspace, clips.VIDEO)
    clip = ids()[0]
    review.send(desk.home, [clip], desk.choice)
    desk.finish(clip, seconds=20)
    assert collect(desk).done == [clip]
    desk.world.ahead += timedelta(minutes=1)
    return clip


def state(desk: Desk, clip: str) -> Any:
    """Return stage, authors of the revisions, reviewers, and whether the files agree."""
    with Catalog.open(desk.home) as catalog:
        reviewers = [row.by for row in catalog.verdicts() if row.clip == clip]
        problems = [line for line in verify.verify(catalog) if "frames" not in line]  # few here
        stage, revision = catalog.clip(clip).stage, catalog.clip(clip).revision
    paths = labels.revisions(desk.workspace, clip)
    authors = [labels.load(path).made_by for path in paths][1:]
    waits = verdicts.is_waiting(desk.workspace, clip)
    return stage, revision, authors, reviewers, waits, problems


def published(desk: Desk) -> str:
    """Return a clip that was accepted on Encord, and published; a minute passes there."""
    clip = accepted(desk)
    for number in range(10):
        path = desk.workspace.frame_file(clip, number)
        path.parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8))
    assert publish.publish(desk.home, [clip], "", ("person",)).result.done == [clip]
    return clip


TAKEN: Any = (ClipStage.ACCEPTED, 3, [ANNA, BEN], [ANNA, BEN], False, [])
UNTAKEN: Any = (ClipStage.ACCEPTED, 2, [ANNA], [ANNA], False, [])


def test_an_edit_after_acceptance_becomes_a_revision_of_a_further_round(desk: Desk) -> None:
    clip = accepted(desk)
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    desk.server.log.clear()
    result = collect(desk)
    assert (result.done, result.failed) == ([clip], {})
    listings = [len(desk.server.calls(name)) for name in ("labelrowmetadata", "labelrow GET")]
    assert listings == [2, 1]
    assert state(desk, clip) == TAKEN
    latest = labels.latest(desk.workspace, clip)
    assert latest is not None
    assert (latest.parent, latest.tracks[0].origins) == (2, "dddh" + "d" * 6)
    reopening = reopenings.find(desk.workspace.review_dir(), clip)
    assert reopening is not None
    assert (reopening.round, reopening.revision, reopening.by) == (2, 2, BEN)
    assert reopening.reason == REASON
    with Catalog.open(desk.home) as catalog:
        *_, back, again = catalog.events(clip)
        (_, verdict) = catalog.verdicts()
    assert (back.new, back.detail) == (ClipStage.IN_REVIEW, f"encord: {REASON}")
    assert (again.new, again.by) == (ClipStage.ACCEPTED, BEN)
    assert (verdict.edits, verdict.seconds, verdict.reason) == (1, 0.0, REASON)


def test_it_is_taken_once_and_the_next_edit_after_it(desk: Desk) -> None:
    clip = accepted(desk)
    desk.draw(clip, clips.track(DRAWN, 3.0, "h"), by=BEN)
    assert collect(desk).done == [clip]
    assert collect(desk) == BatchResult()
    for path in (desk.workspace.review_dir() / "encord").glob("*.json"):
        path.unlink()
    assert collect(desk) == BatchResult()
    assert state(desk, clip) == TAKEN
    desk.world.ahead += timedelta(minutes=1)
    desk.move_box(clip, 1, 3, 5.0, by=ANNA)
    assert review.collect(desk.home, desk.choice, thorough=False).done == [clip]
    assert state(desk, clip)[:3] == (ClipStage.ACCEPTED, 4, [ANNA, BEN, ANNA])
    latest = labels.latest(desk.workspace, clip)
    assert latest is not None
    assert len(latest.tracks) == 2
    with Catalog.open(desk.home) as catalog:
        assert [row.edits for row in catalog.verdicts()] == [0, 10, 1]


def test_a_row_saved_again_as_it_was_is_no_news(desk: Desk) -> None:
    clip = accepted(desk)
    desk.world.edit(desk.title(clip), BEN, lambda blob, data: None)
    assert collect(desk) == BatchResult()
    assert state(desk, clip) == UNTAKEN
    desk.server.log.clear()
    assert collect(desk) == BatchResult()
    assert [call.name for call in desk.server.log][-1] == "labelrowmetadata GET"
    assert desk.server.calls("labelrow GET") == []


def test_the_next_version_takes_it_and_lineage_shows_it(desk: Desk) -> None:
    clip = published(desk)
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    assert collect(desk).done == [clip]
    after = publish.publish(desk.home, [clip], "", ("person",))
    assert (after.new, after.result.done) == (True, [clip])
    version = datasets.find(desk.workspace, after.version)
    assert version is not None
    (source,) = lineage.source_clips(desk.home, version)
    assert (source.revision, source.made_by) == (3, BEN)
    assert collect(desk) == BatchResult()
    bring_up_to_date(desk.home)
    assert state(desk, clip)[0] is ClipStage.PUBLISHED


def test_a_row_back_in_annotation_is_taken_when_it_is_finished_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = accepted(desk)
    desk.world.move(desk.title(clip), ANNOTATE, BEN)
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    for _ in range(2):
        assert collect(desk) == BatchResult()
    assert state(desk, clip) == UNTAKEN
    # Later the edit is no news any more, and only the stage changes.
    list_edited = RowReader.list_edited
    monkeypatch.setattr(
        RowReader,
        "list_edited",
        lambda reader, since: list_edited(reader, since + timedelta(minutes=25)),
    )
    desk.world.ahead = timedelta(0)
    desk.finish(clip, by=BEN, seconds=30)
    assert collect(desk).done == [clip]
    assert state(desk, clip) == TAKEN
    with Catalog.open(desk.home) as catalog:
        assert [row.seconds for row in catalog.verdicts()] == [20, 30]


@pytest.mark.parametrize("is_decided", [False, True])
def test_a_clip_reviewed_again_here_is_left_alone_with_one_line(
    desk: Desk, is_decided: bool
) -> None:
    clip = accepted(desk)
    reopen.reopen(desk.home, clip, "lea", "somebody lies on the floor")
    if is_decided:
        review.give_verdict(desk.home, [clip], "accept", "lea")
        assert review.collect_own(desk.home).done == [clip]
    before = state(desk, clip)
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    result = collect(desk)
    assert list(result.failed) == [clip]
    assert "reviewed again here" in result.failed[clip]
    assert collect(desk) == BatchResult()
    assert state(desk, clip) == before
    queue = LocalPlatform(desk.workspace.review_dir())
    assert queue.pending() == ([] if is_decided else [clip])


def draw_polygons(blob: Json, data: str) -> None:
    """Draw boxes as polygons, which no label of ours can be."""
    for frame_labels in blob["data_units"][data]["labels"].values():
        for item in frame_labels["objects"]:
            item |= {"shape": "polygon", "polygon": {"0": {"x": 0.1, "y": 0.1}}}


def test_what_became_invalid_is_one_line_until_it_is_repaired(desk: Desk) -> None:
    clip = accepted(desk)
    before = desk.blob(clip)
    desk.world.edit(desk.title(clip), BEN, draw_polygons)
    for _ in range(2):
        result = collect(desk)
        assert (result.done, list(result.failed)) == ([], [clip])
        assert "\n" not in result.failed[clip]
    assert state(desk, clip) == UNTAKEN
    desk.world.edit(desk.title(clip), BEN, lambda blob, data: blob.update(before))
    assert collect(desk) == BatchResult()
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    assert collect(desk).done == [clip]
    assert state(desk, clip) == TAKEN


def test_a_rejection_after_acceptance_is_one_line_and_changes_nothing(desk: Desk) -> None:
    clip = accepted(desk)
    desk.reject(clip, BEN, "too dark")
    result = collect(desk)
    assert (result.done, list(result.failed)) == ([], [clip])
    assert "rejected on Encord now (too dark)" in result.failed[clip]
    assert state(desk, clip) == UNTAKEN


def test_what_is_edited_on_a_rejected_clip_changes_nothing(desk: Desk) -> None:
    clip = ids()[0]
    review.send(desk.home, [clip], desk.choice)
    desk.reject(clip, ANNA, "too dark")
    desk.finish(clip)
    assert collect(desk).done == [clip]
    desk.world.ahead += timedelta(minutes=1)
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    assert "was rejected" in collect(desk).failed[clip]
    assert collect(desk) == BatchResult()


def test_two_who_collect_at_once_take_it_once(desk: Desk) -> None:
    clip = accepted(desk)
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    batches: list[BatchResult] = []
    other = threading.Thread(target=lambda: batches.append(collect(desk)))
    entered = threading.Event()

    def script(call: Call) -> None:
        if not entered.is_set() and call.name == "labelrow GET":
            entered.set()
            other.start()

    desk.server.script = script
    batches.append(collect(desk))
    other.join(HANG_SECONDS)
    assert [clip_id for result in batches for clip_id in result.done] == [clip]
    assert [result.failed for result in batches] == [{}, {}]
    assert state(desk, clip) == TAKEN


def test_an_edit_while_labels_are_read_comes_another_time(desk: Desk) -> None:
    clip = accepted(desk)
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    pending = [True]

    def script(call: Call) -> None:
        # The labels were read; the row is listed once more.
        if pending and call.name == "labelrowmetadata GET" and desk.server.calls("labelrow GET"):
            pending.clear()
            desk.world.ahead += timedelta(seconds=5)
            desk.move_box(clip, 1, 4, 5.0, by=ANNA)

    desk.server.log.clear()
    desk.server.script = script
    assert collect(desk).done == [clip]
    assert collect(desk).done == [clip]
    assert state(desk, clip)[:3] == (ClipStage.ACCEPTED, 4, [ANNA, BEN, ANNA])


class Killed(BaseException):
    """The process ends here."""


def kill_after(owner: Any, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Return what makes a process end once it has called a function."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        function = getattr(owner, name)

        def fatal(*arguments: Any, **options: Any) -> None:
            function(*arguments, **options)
            raise Killed

        monkeypatch.setattr(owner, name, fatal)

    return patch


def kill_before(owner: Any, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Return what makes a process end just before it calls a function."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        def fatal(*arguments: Any, **options: Any) -> None:
            raise Killed

        monkeypatch.setattr(owner, name, fatal)

    return patch


KILLS = {
    "fetched": kill_after(VerdictInbox, "put_correction"),
    "listed": kill_after(sealed_files, "write"),
    "reopened": kill_after(reopenings, "begin"),
    "moved": kill_after(Catalog, "move"),
    "saved": kill_after(labels, "save"),
    "counted": kill_after(Catalog, "add_verdict"),
    "not archived": kill_before(VerdictInbox, "archive"),
}


WAYS = ("again", "quick", "away", "rebuilt", "older catalog")
HARDEST = "moved"
"""The kill after which every run of the tests goes on in all ways; the slow campaign takes all."""


@pytest.mark.parametrize(
    ("kill", "way"),
    [
        pytest.param(kill, way, marks=() if way == "again" or kill == HARDEST else pytest.mark.slow)
        for kill in KILLS
        for way in WAYS
    ],
)
def test_killed_anywhere_and_done_again_it_ends_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, kill: str, way: str
) -> None:
    clip = published(desk)
    with Catalog.open(desk.home) as catalog:
        catalog.sync()
    old = (desk.home / "catalog.sqlite").read_bytes()
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    with monkeypatch.context() as patch:
        KILLS[kill](patch)
        with pytest.raises(Killed):
            collect(desk)
    if (desk.workspace.review_dir() / "encord" / "verdicts" / f"{clip}.json").exists():
        with pytest.raises(IllegalMove):
            reopen.reopen(desk.home, clip, "lea", "while it is taken in")
    if way == "rebuilt":
        rebuild.rebuild(desk.home)
    if way == "older catalog":
        put_back(desk.home, old)
    if way == "away":
        desk.server.script = lambda call: "drop"
        assert set(collect(desk).failed) <= {"encord"}
        desk.server.script = lambda call: None
    review.collect(desk.home, desk.choice, thorough=way != "quick")
    assert state(desk, clip) == TAKEN
    assert LocalPlatform(desk.workspace.review_dir()).pending() == []
    assert collect(desk) == BatchResult()


def put_back(home: Path, content: bytes) -> None:
    """Restore an older copy of the catalog."""
    for part in home.glob("catalog.sqlite*"):
        part.unlink()
    (home / "catalog.sqlite").write_bytes(content)


def test_an_older_catalog_and_lost_labels_come_back_from_the_archive(desk: Desk) -> None:
    clip = accepted(desk)
    with Catalog.open(desk.home) as catalog:
        catalog.sync()
    old = (desk.home / "catalog.sqlite").read_bytes()
    desk.move_box(clip, 1, 3, 5.0, by=BEN)
    collect(desk)
    path = labels.revisions(desk.workspace, clip)[-1]
    content = path.read_bytes()
    path.unlink()
    put_back(desk.home, old)
    assert collect(desk) == BatchResult()
    assert path.read_bytes() == content
    assert state(desk, clip) == TAKEN


def test_an_outage_is_over_when_edits_can_be_listed_again(desk: Desk) -> None:
    accepted(desk)
    desk.server.script = lambda call: "drop"
    assert list(collect(desk).failed) == ["encord"]
    assert desk.workspace.review_trouble.exists()
    desk.server.script = lambda call: None
    assert collect(desk) == BatchResult()
    assert not desk.workspace.review_trouble.exists()
    assert desk.world.task_of(desk.title(ids()[0])).stage == next(
        stage["uuid"] for stage in desk.project.stages if stage["title"] == COMPLETE
    )

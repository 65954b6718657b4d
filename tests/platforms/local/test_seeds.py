"""An error is shown to the reviewer, measured, and never accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from oneclick.catalog import Catalog
from oneclick.core.errors import BadInput
from oneclick.editing import seeded_errors
from oneclick.editing.operations import DrawTrack
from oneclick.editing.seeded_errors import SeededError
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.local.workbench import EditRequest
from oneclick.stages import review
from oneclick.storage import labels, reopenings, seeded_outcomes
from oneclick.storage.labels import TrackDocument
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.platforms.local.desk import Server, move, sure_labels, waiting


def error_of(home: Path, clip: str) -> SeededError:
    queue = LocalPlatform(Workspace(home).review_dir())
    error = queue.seeded_error(clip, queue.task_file(clip).read_bytes())
    assert error is not None
    return error


def accept(server: Server, clip: str, base: int, fence: int) -> None:
    assert server.bench.decide(
        EditRequest(clip=clip, key="decide", base=base, fence=fence, by="anna"), "accept"
    )


def documents(home: Path, clip: str) -> list[TrackDocument]:
    label_set = labels.latest(Workspace(home), clip)
    assert label_set is not None
    return [TrackDocument.encode(track) for track in label_set.tracks]


def test_an_error_that_nobody_noticed_is_not_accepted(tmp_path: Path) -> None:
    ids = waiting(tmp_path, 6, seeded=1.0, make_labels=sure_labels)
    server = Server.start(tmp_path)
    for clip in ids:
        shown_tracks = [TrackDocument.encode(t) for t in server.bench.open(clip).state.tracks]
        assert shown_tracks != documents(tmp_path, clip)
        accept(server, clip, 0, server.leases.take(clip, "anna").fence)
    truth = {clip: documents(tmp_path, clip) for clip in ids}
    assert sorted(review.collect_own(tmp_path).done) == sorted(ids)
    assert {clip: documents(tmp_path, clip) for clip in ids} == truth
    outcomes = seeded_outcomes.read_all(Workspace(tmp_path).review_dir())
    assert [(outcome.clip, outcome.by, outcome.caught) for outcome in outcomes] == [
        (clip, "anna", False) for clip in ids
    ]
    with Catalog.open(tmp_path) as catalog:
        assert [verdict.edits for verdict in catalog.verdicts()] == [0] * len(ids)


def test_a_person_drawn_again_is_caught_and_stays_as_drawn(tmp_path: Path) -> None:
    ids = waiting(tmp_path, 12, seeded=1.0, make_labels=sure_labels)
    clip = next(clip for clip in ids if error_of(tmp_path, clip).kind == "person removed")
    (original,) = error_of(tmp_path, clip).tracks()
    server = Server.start(tmp_path)
    fence = server.leases.take(clip, "anna").fence
    corners = original.boxes[4].astype(float).tolist()
    drawn = DrawTrack(
        track=9,
        cls="person",
        frame=4,
        box=(corners[0], corners[1], corners[2], corners[3]),
        carry=False,
    )
    server.edit(clip, "a", 0, fence, drawn)
    for frame in (0, 9):
        corners = original.boxes[frame].astype(float).tolist()
        box = (corners[0], corners[1], corners[2], corners[3])
        operation = move(0, frame)
        server.edit(
            clip,
            f"m{frame}",
            1 + (frame > 0),
            fence,
            type(operation)(track=9, frame=frame, box=box),
        )
    assert server.bench.open(clip).head == 3
    accept(server, clip, 3, fence)
    (outcome,) = seeded_outcomes.read_all(Workspace(tmp_path).review_dir())
    review.collect_own(tmp_path)
    accepted = labels.latest(Workspace(tmp_path), clip)
    assert accepted is not None
    # Three boxes are less than half of the person: the others are put back.
    assert not outcome.caught
    frames = [frame for track in accepted.tracks for frame in track.frames.tolist()]
    assert sorted(frames) == sorted([*range(10), *range(10)])


def test_edits_belong_to_the_labels_with_the_error(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path, seeded=1.0, make_labels=sure_labels)
    server = Server.start(tmp_path)
    shown_ids = [track.id for track in server.bench.open(clip).state.tracks]
    fence = server.leases.take(clip, "anna").fence
    operation = move(0, 3)
    server.edit(
        clip, "a", 0, fence, type(operation)(track=shown_ids[0], frame=3, box=operation.box)
    )
    again = Server.start(tmp_path)
    assert again.bench.open(clip).head == 1
    (seed_file,) = (Workspace(tmp_path).review_dir() / "seeded").glob("*.json")
    seed_file.rename(seed_file.with_suffix(".away"))
    with pytest.raises(BadInput, match="belongs to other labels"):
        Server.start(tmp_path).bench.open(clip)


def test_nothing_is_put_into_labels_without_a_share_or_of_a_further_round(tmp_path: Path) -> None:
    ids = waiting(tmp_path, 4, seeded=0.0, make_labels=sure_labels)
    review_dir = Workspace(tmp_path).review_dir()
    assert not (review_dir / "seeded").exists()
    queue = LocalPlatform(review_dir, seeded=1.0)
    clip = clips.clip(0)
    review.give_verdict(tmp_path, [clip.id], "accept", "anna")
    review.collect_own(tmp_path)
    label_set = labels.latest(Workspace(tmp_path), clip.id)
    assert label_set is not None
    queue.reopen(label_set, "lea", clips.NOON, "somebody is missing")
    assert reopenings.current_round(review_dir, clip.id) == 2
    queue.task_file(clip.id).unlink()
    list(queue.send([(clip, label_set)]))
    assert queue.task_file(clip.id).exists()
    assert not (review_dir / "seeded").exists()
    assert ids[0] == clip.id


def test_a_task_gets_the_same_error_whenever_it_is_sent(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for home in (first, second):
        waiting(home, 8, seeded=0.5, make_labels=sure_labels)
    drawn = [
        {path.name: path.read_bytes() for path in (home / "review" / "seeded").glob("*.json")}
        for home in (first, second)
    ]
    assert drawn[0] == drawn[1]
    assert 0 < len(drawn[0]) < 8


def test_an_error_of_an_unsure_track_is_never_drawn(tmp_path: Path) -> None:
    waiting(tmp_path, 4, seeded=1.0)
    assert not (Workspace(tmp_path).review_dir() / "seeded").exists()
    assert seeded_errors.SURE > 0.5

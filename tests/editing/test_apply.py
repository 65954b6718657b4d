"""What reviewers do to labels; the review page runs the same cases in a browser."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oneclick.core.labels import LabelTrack
from oneclick.core.tracks import HUMAN, ORIGINS
from oneclick.editing import operations, state
from oneclick.editing.history import History
from oneclick.editing.operations import BadEdit, Operation
from oneclick.editing.state import EditState
from tests.editing.random_edits import draw_operation, draw_state

CASES: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "cases.json").read_text()
)


def decode(document: dict[str, Any]) -> Operation:
    return operations.decode(json.dumps(document).encode())


@pytest.mark.parametrize("case", CASES["possible"], ids=lambda case: case["name"])
def test_an_operation_changes_labels_as_the_case_says(case: dict[str, Any]) -> None:
    history = History(EditState.from_document(case["state"]), map(decode, case["ops"]))
    assert json.loads(json.dumps(history.state.to_document())) == case["want"]


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["name"])
def test_an_impossible_operation_is_refused_in_one_line(case: dict[str, Any]) -> None:
    history = History(EditState.from_document(case["state"]))
    with pytest.raises(BadEdit) as caught:
        history.push(decode(case["op"]))
    assert "\n" not in str(caught.value)
    assert json.loads(json.dumps(history.state.to_document())) == case["state"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe{",
        b"[]",
        b'{"op":"explode"}',
        b'{"op":"delete"}',
        b'{"op":"delete","track":"1"}',
        b'{"op":"delete","track":1,"extra":2}',
        b'{"op":"move","track":1,"frame":2,"box":[1,2,3]}',
        b'{"op":"move","track":1,"frame":2,"box":[1,2,3,NaN]}',
        b'{"op":"answer","question":"q","answer":"maybe"}',
        b'{"op":"draw","track":' + b"[" * 100_000,
    ],
)
def test_bytes_that_are_no_operation_are_refused(content: bytes) -> None:
    with pytest.raises(BadEdit):
        operations.decode(content)


def test_a_box_with_an_endless_side_is_refused() -> None:
    first = draw_state(random.Random(0))
    box = (0.0, 0.0, float("inf"), 9.0)
    with pytest.raises(BadEdit, match="finite"):
        History(first).push(operations.MoveBox(first.tracks[0].id, 0, box))


def check_track(track: LabelTrack, labels: EditState) -> None:
    assert len(track.frames) > 0
    assert track.frames[0] >= 0
    assert track.frames[-1] < labels.frames
    assert np.isfinite(track.boxes).all()
    assert (track.boxes[:, :2] < track.boxes[:, 2:]).all()
    assert set(track.origins) <= set(ORIGINS)
    assert set(track.keyframes) <= set(track.frames.tolist())
    for ranges in track.attributes.values():
        stops = [0, *(stop for _, stop, _ in ranges)]
        assert all(
            before <= start < stop <= labels.frames
            for before, (start, stop, _) in zip(stops, ranges, strict=False)
        )


@pytest.mark.parametrize("seed", range(40))
def test_any_operations_leave_sound_labels_and_can_all_be_undone(seed: int) -> None:
    rng = random.Random(seed)
    first = draw_state(rng)
    history, documents = History(first), [first.to_document()]
    for _ in range(60):
        before = history.state
        try:
            history.push(draw_operation(rng, before))
        except BadEdit:
            assert history.state is before
            continue
        documents.append(history.state.to_document())
        for track in history.state.tracks:
            check_track(track, history.state)
        ids = [track.id for track in history.state.tracks]
        assert ids == sorted(set(ids))
        again = EditState.from_document(json.loads(json.dumps(documents[-1])))
        assert again.to_document() == documents[-1]
    assert len(documents) > 10
    for document in documents[-2::-1]:
        history.push(operations.Undo())
        assert history.state.to_document() == document
    for document in documents[1:]:
        history.push(operations.Redo())
        assert history.state.to_document() == document


@pytest.mark.parametrize("seed", range(20))
def test_a_moved_box_is_exactly_where_it_was_put(seed: int) -> None:
    rng = random.Random(seed)
    labels = draw_state(rng)
    track = rng.choice(labels.tracks)
    frame = int(rng.choice(track.frames.tolist()))
    box = (10.25, 20.5, 31.75, 60.0)
    after = History(labels).push(operations.MoveBox(track.id, frame, box)).find(track.id)
    assert after is not None
    row = after.frames.tolist().index(frame)
    assert tuple(after.boxes[row].tolist()) == box
    assert after.origins[row] == HUMAN
    assert frame in after.keyframes
    reach = round(labels.fps)
    far = np.abs(after.frames - frame) > reach
    assert (after.boxes[far] == track.boxes[far]).all()


def test_changes_name_what_differs_between_two_states() -> None:
    labels = draw_state(random.Random(3))
    first, second, *_ = labels.tracks
    after = History(labels).push(operations.MergeTracks(first.id, second.id))
    changed, removed_ids = state.changes(labels, after)
    assert [track.id for track in changed] == [first.id]
    assert removed_ids == [second.id]

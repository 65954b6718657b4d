"""Seeded errors are errors, are noticed when they are repaired, and never stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oneclick.core.labels import LabelTrack
from oneclick.core.tracks import UNITED
from oneclick.editing import operations, seeded_errors
from oneclick.editing.apply import apply
from oneclick.editing.seeded_errors import ErrorKind
from oneclick.editing.state import EditState

FRAMES = 60


def walk(track_id: int, x: float, y: float, step: float = 1.0) -> LabelTrack:
    frames = np.arange(FRAMES)
    left = x + step * frames
    boxes = np.stack([left, np.full(FRAMES, y), left + 30, np.full(FRAMES, y + 80)], 1)
    return LabelTrack(
        id=track_id,
        cls="person",
        frames=frames.astype(np.int32),
        boxes=boxes.astype(np.float32),
        scores=np.full(FRAMES, 0.95, np.float32),
        origins=UNITED * FRAMES,
    )


def labels() -> EditState:
    return EditState(
        clip="hall-20260101T000000Z-0",
        frames=FRAMES,
        fps=10.0,
        width=640,
        height=480,
        classes=("person", "carer"),
        attributes={},
        tracks=(walk(1, 50, 50), walk(2, 300, 50, -1.0), walk(3, 100, 250)),
    )


KINDS = pytest.mark.parametrize("kind", seeded_errors.KINDS)
SEEDS = pytest.mark.parametrize("seed", range(8))


@KINDS
@SEEDS
def test_an_error_that_nobody_noticed_is_repaired_to_the_bit(kind: ErrorKind, seed: int) -> None:
    before = labels()
    error = seeded_errors.draw_error(before, np.random.default_rng(seed), kind)
    assert error is not None
    state = replace(before, tracks=error.put(before.tracks))
    assert state.to_document() != before.to_document()
    assert not seeded_errors.is_caught(error, state)
    repaired = seeded_errors.repair(error, state)
    assert repaired.to_document()["tracks"] == before.to_document()["tracks"]


@KINDS
@SEEDS
def test_labels_without_the_error_count_as_caught_and_stay(kind: ErrorKind, seed: int) -> None:
    before = labels()
    error = seeded_errors.draw_error(before, np.random.default_rng(seed), kind)
    assert error is not None
    assert seeded_errors.is_caught(error, before)
    assert seeded_errors.repair(error, before).to_document() == before.to_document()


@SEEDS
def test_a_person_drawn_again_under_a_new_id_is_caught(seed: int) -> None:
    before = labels()
    error = seeded_errors.draw_error(before, np.random.default_rng(seed), "person removed")
    assert error is not None
    state = replace(before, tracks=error.put(before.tracks))
    (original,) = error.tracks()
    again = state.with_tracks(replace(original, id=9, boxes=original.boxes + 2))
    assert seeded_errors.is_caught(error, again)
    assert seeded_errors.repair(error, again) is again


@SEEDS
def test_half_a_person_drawn_is_completed(seed: int) -> None:
    before = labels()
    error = seeded_errors.draw_error(before, np.random.default_rng(seed), "person removed")
    assert error is not None
    state = replace(before, tracks=error.put(before.tracks))
    (original,) = error.tracks()
    half = apply(state.with_tracks(original), operations.TrimTrack(original.id, 10, FRAMES))
    assert not seeded_errors.is_caught(error, half)
    repaired = seeded_errors.repair(error, half)
    assert repaired.to_document()["tracks"] == before.to_document()["tracks"]


@SEEDS
def test_shifted_boxes_that_were_deleted_are_caught(seed: int) -> None:
    error = seeded_errors.draw_error(labels(), np.random.default_rng(seed), "boxes shifted")
    assert error is not None
    state = replace(labels(), tracks=error.put(labels().tracks))
    track_id = error.tracks()[0].id
    trimmed_labels = apply(state, operations.TrimTrack(track_id, error.start, error.stop))
    assert seeded_errors.is_caught(error, trimmed_labels)
    assert seeded_errors.repair(error, trimmed_labels) is trimmed_labels


def seed_error(kind: ErrorKind, number: int = 0) -> tuple[seeded_errors.SeededError, EditState]:
    """Return an error, and labels with it."""
    error = seeded_errors.draw_error(labels(), np.random.default_rng(number), kind)
    assert error is not None
    return error, replace(labels(), tracks=error.put(labels().tracks))


@pytest.mark.parametrize("name", ["ignore", "person"])
def test_a_class_that_the_reviewer_chose_stays(name: str) -> None:
    error, task = seed_error("class wrong")
    track_id = error.tracks()[0].id
    after = apply(task, operations.ClassifyTrack(track_id, name))
    assert seeded_errors.repair(error, after) is after


def test_a_wrong_class_is_repaired_in_both_parts_of_a_track_that_was_split() -> None:
    error, task = seed_error("class wrong")
    state = apply(task, operations.SplitTrack(error.tracks()[0].id, 20, 9))
    final = seeded_errors.repair(error, state)
    assert {track.cls for track in final.tracks} == {"person"}
    after = apply(state, operations.ClassifyTrack(9, "ignore"))
    classes = {track.id: track.cls for track in seeded_errors.repair(error, after).tracks}
    assert (classes[9], classes[error.tracks()[0].id]) == ("ignore", "person")


@SEEDS
def test_boxes_beside_which_the_reviewer_removed_all_are_not_restored(seed: int) -> None:
    error, task = seed_error("boxes dropped", seed)
    track_id = error.tracks()[0].id
    without_rest = apply(task, operations.DeleteTrack(track_id))
    assert seeded_errors.repair(error, without_rest) is without_rest
    for start, stop in ((0, error.start), (error.stop, FRAMES)):
        if start < stop:
            state = apply(task, operations.TrimTrack(track_id, start, stop))
            assert seeded_errors.repair(error, state) is state


@SEEDS
def test_boxes_are_restored_to_the_track_that_has_the_rest_now(seed: int) -> None:
    error, task = seed_error("boxes dropped", seed)
    track_id = error.tracks()[0].id
    # The rest goes to another id, and an unrelated person is drawn under the one that is free.
    rest = task.find(track_id)
    assert rest is not None
    state = task.with_tracks(replace(rest, id=9), walk(track_id, 500, 300, 0.5))
    final = seeded_errors.repair(error, state)
    assert {track.id: len(track.frames) for track in final.tracks}[9] == FRAMES


def test_a_removed_person_is_not_joined_to_somebody_who_got_the_id() -> None:
    error, task = seed_error("person removed")
    (original,) = error.tracks()
    stranger = walk(original.id, 500, 300, 0.5)
    state = apply(task.with_tracks(stranger), operations.TrimTrack(original.id, 0, 50))
    final = seeded_errors.repair(error, state)
    assert (final.find(original.id), len(final.tracks)) == (state.find(original.id), 4)
    assert max(len(track.frames) for track in final.tracks if track.id > 3) == FRAMES


def test_swapped_ids_of_people_who_were_both_removed_do_not_refuse_the_verdict() -> None:
    error, task = seed_error("ids swapped")
    for original in error.tracks():
        task = apply(task, operations.TrimTrack(original.id, error.start, FRAMES))
    assert seeded_errors.repair(error, task) is task


def test_shifted_boxes_of_a_track_that_was_split_are_left_and_repaired() -> None:
    error, task = seed_error("boxes shifted")
    (original,) = error.tracks()
    state = apply(task, operations.SplitTrack(original.id, error.start + 3, 9))
    assert not seeded_errors.is_caught(error, state)
    parts = [t for t in seeded_errors.repair(error, state).tracks if t.id in (original.id, 9)]
    boxes = np.concatenate([track.boxes for track in parts])
    assert (boxes == original.boxes).all()


def test_nothing_is_seeded_into_labels_in_doubt() -> None:
    unsure = labels()
    tracks = [replace(track, scores=np.full(FRAMES, 0.5, np.float32)) for track in unsure.tracks]
    rng = np.random.default_rng(0)
    assert seeded_errors.draw_error(unsure.with_tracks(*tracks), rng) is None


def test_every_kind_is_seeded_about_as_often() -> None:
    rng = np.random.default_rng(1)
    counts = dict.fromkeys(seeded_errors.KINDS, 0)
    for _ in range(200):
        error = seeded_errors.draw_error(labels(), rng)
        assert error is not None
        counts[error.kind] += 1
    assert min(counts.values()) > 20

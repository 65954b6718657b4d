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

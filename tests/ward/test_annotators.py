"""Simulated annotators: what they change, what they leave, and what it costs."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core import boxes
from oneclick.core.labels import LabelSet, LabelTrack, from_tracks
from oneclick.core.tracks import HUMAN, Tracks
from oneclick.ward import annotators
from oneclick.ward.annotators import Annotator
from tests.fakes import arrays

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
SURE = Annotator(name="annotator-1", jitter=0.0, slip=0.0)
LOOKING = 1.6 * 20 + 0.2 * 40


def truth(people: int = 2, length: int = 20) -> Tracks:
    frames, tracks = np.tile(np.arange(length), people), np.repeat(np.arange(people), length)
    lefts, top = 20.0 + frames, 10.0 + tracks * 100
    corners = np.stack([lefts, top, lefts + 30, top + 80], axis=1)
    n = len(frames)
    ones, zeros = np.ones(n, np.float32), np.zeros(n, np.int16)
    return arrays.tracks(
        frames=frames,
        tracks=tracks,
        boxes=corners,
        scores=ones,
        classes=zeros,
        origins=np.full(n, HUMAN),
        length=length,
        fps=10.0,
    )


def as_labels(tracks: Tracks, revision: int = 1) -> LabelSet:
    auto = replace(tracks, origins=np.full(len(tracks), "u"), scores=tracks.scores * 0.5)
    label_tracks = from_tracks(auto)
    return LabelSet(
        clip="c",
        revision=revision,
        kind="auto",
        parent=None,
        made_by="x",
        made_at=NOON,
        frames=tracks.length,
        width=300,
        height=320,
        classes=("person",),
        tracks=label_tracks,
    )


def without(labels: LabelSet, track: int, start: int, stop: int) -> LabelSet:
    """One track with a hole."""
    old = labels.tracks[track]
    keep = (old.frames < start) | (old.frames >= stop)
    cut = LabelTrack(
        id=old.id,
        cls=old.cls,
        frames=old.frames[keep],
        boxes=old.boxes[keep],
        scores=old.scores[keep],
        origins="u" * int(keep.sum()),
    )
    return replace(labels, tracks=(*labels.tracks[:track], cut, *labels.tracks[track + 1 :]))


def corrected(labels: LabelSet, tracks: tuple[LabelTrack, ...] | None) -> LabelSet:
    assert tracks is not None
    return replace(labels, revision=labels.revision + 1, kind="human", tracks=tracks)


def test_perfect_labels_are_only_looked_at() -> None:
    verdict = SURE.review(as_labels(truth()), truth(), NOON)
    assert (verdict.decision, verdict.by, verdict.edits) == ("accept", "annotator-1", 0)
    assert verdict.seconds == pytest.approx(LOOKING)
    assert verdict.tracks is not None
    assert {track.origins for track in verdict.tracks} == {"u" * 20}


def test_a_hole_is_filled_in_its_own_track_with_two_key_boxes() -> None:
    labels = without(as_labels(truth()), 0, 5, 12)
    verdict = SURE.review(labels, truth(), NOON)
    assert verdict.edits == 7
    assert verdict.seconds == pytest.approx(LOOKING - 0.2 * 7 + 2 * 7.0)
    first = corrected(labels, verdict.tracks).tracks[0]
    assert first.origins == "u" * 5 + "h" * 7 + "u" * 8
    assert first.keyframes == (5, 11)
    np.testing.assert_allclose(first.boxes, truth(1).boxes)
    assert first.scores[5] == 1


def test_a_false_track_is_deleted_in_one_operation() -> None:
    false = replace(as_labels(truth()).tracks[0], id=9, boxes=truth(1).boxes + np.float32(150))
    labels = as_labels(truth())
    labels = replace(labels, tracks=(*labels.tracks, false))
    verdict = SURE.review(labels, truth(), NOON)
    assert verdict.edits == 20
    assert verdict.seconds == pytest.approx(LOOKING + 0.2 * 20 + 1.5)
    assert [track.id for track in corrected(labels, verdict.tracks).tracks] == [0, 1]


def test_boxes_that_fit_badly_are_moved() -> None:
    shifted = truth()
    shifted = replace(shifted, boxes=shifted.boxes + np.array([9, 0, 9, 0], np.float32))
    verdict = SURE.review(as_labels(shifted), truth(), NOON)
    assert verdict.edits == 40
    assert verdict.seconds == pytest.approx(LOOKING + 2 * 2 * 3.5)
    assert verdict.tracks is not None
    np.testing.assert_allclose(verdict.tracks[1].boxes, truth().boxes[1::2], atol=1e-4)


def test_a_curved_way_needs_more_key_boxes() -> None:
    bent = truth(1)
    swing = (60 * np.sin(bent.frames / 3.0)).astype(np.float32)[:, None] * np.array(
        [1, 0, 1, 0], np.float32
    )
    bent = replace(bent, boxes=bent.boxes + np.array([80, 0, 80, 0], np.float32) + swing)
    labels = replace(as_labels(bent), tracks=())
    verdict = SURE.review(labels, bent, NOON)
    assert verdict.tracks is not None
    (track,) = verdict.tracks
    assert 2 < len(track.keyframes) < 20
    assert verdict.seconds == pytest.approx(1.6 * 20 + 7.0 * len(track.keyframes))
    assert boxes.iou_pairs(track.boxes, bent.boxes).min() >= annotators.GOOD


def test_somebody_whom_nobody_saw_gets_a_track_of_her_own() -> None:
    labels = replace(as_labels(truth()), tracks=as_labels(truth()).tracks[:1])
    verdict = SURE.review(labels, truth(), NOON)
    assert verdict.tracks is not None
    assert [track.id for track in verdict.tracks] == [0, 1]
    assert verdict.tracks[1].origins == "h" * 20


def test_notes_of_the_labels_stay() -> None:
    labels = without(as_labels(truth()), 0, 5, 12)
    noted = replace(labels.tracks[0], keyframes=(2,), attributes={"posture": ((0, 20, "lying"),)})
    verdict = SURE.review(replace(labels, tracks=(noted, labels.tracks[1])), truth(), NOON)
    assert verdict.tracks is not None
    assert verdict.tracks[0].keyframes == (2, 5, 11)
    assert verdict.tracks[0].attributes == noted.attributes


def test_an_empty_clip_costs_a_look() -> None:
    empty = Tracks.empty(20, 10.0)
    verdict = SURE.review(as_labels(empty), empty, NOON)
    assert (verdict.tracks, verdict.edits) == ((), 0)
    assert verdict.seconds == pytest.approx(1.6 * 20)


def test_a_truth_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="20 frames, the truth 21"):
        SURE.review(as_labels(truth()), truth(length=21), NOON)


def test_a_careless_annotator_overlooks_everything() -> None:
    labels = without(as_labels(truth()), 0, 5, 12)
    verdict = replace(SURE, slip=1.0).review(labels, truth(), NOON)
    assert verdict.edits == 0
    assert corrected(labels, verdict.tracks).boxes() == labels.boxes()


def test_the_team_has_two_people_who_draw_differently() -> None:
    labels = replace(as_labels(truth()), tracks=())
    first_person, two = annotators.team()
    assert (first_person.name, two.name) == ("annotator-1", "annotator-2")
    first, again, other = (
        annotator.review(labels, truth(), NOON).tracks
        for annotator in (first_person, first_person, two)
    )
    assert first is not None
    assert again is not None
    assert other is not None
    assert np.array_equal(first[0].boxes, again[0].boxes)
    assert not np.array_equal(first[0].boxes, other[0].boxes)
    assert np.abs(first[0].boxes - truth(1).boxes).mean() < 3


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_whatever_the_labels_a_sure_annotator_leaves_nothing_to_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    real = truth(3, 15)
    noise = rng.normal(0, 6, real.boxes.shape).astype(np.float32)
    noisy = real.boxes + noise
    noisy[:, 2:] = np.maximum(noisy[:, 2:], noisy[:, :2] + 1)
    # Identities are shuffled from frame to frame, and a third of the boxes is missing.
    order = np.concatenate([rng.permutation(3) for _ in range(15)])
    noisy_tracks = replace(real, boxes=noisy, tracks=order).where(rng.random(45) > 0.33)
    labels = as_labels(noisy_tracks)
    verdict = SURE.review(labels, real, NOON)
    assert annotators.plan(corrected(labels, verdict.tracks), real) == []
    assert corrected(labels, verdict.tracks).boxes() == 45

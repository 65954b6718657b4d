"""One drawn box becomes a track: by pictures, detections, labels, or several drawn boxes."""

from __future__ import annotations

import numpy as np
import pytest

from oneclick.editing import carry
from oneclick.editing.carry import CarryOptions
from tests.editing.carry_scene import (
    BODY,
    FRAMES,
    HEIGHT,
    WIDTH,
    Figure,
    GreyScene,
    Scene,
    evidence,
    overlaps,
)

ALL = list(range(FRAMES))
WALKER = Figure(lambda frame: (20 + 4 * frame, 60 + frame / 4))
STANDING = Figure(lambda frame: (100, 70))
LYING = Figure(lambda frame: (80, 100), size=(70, 26))


@pytest.mark.parametrize("frame", [0, 20, 39], ids=["first", "middle", "last"])
@pytest.mark.parametrize("figure", [WALKER, STANDING, LYING], ids=["walks", "stands", "lies"])
def test_pictures_alone_carry_a_person_through_the_whole_clip(figure: Figure, frame: int):
    track = carry.carry(frame, figure.box(frame), Scene([figure]), evidence())
    assert track.frames.tolist() == ALL
    assert overlaps(track, figure).min() > 0.6
    assert track.origins == "i" * frame + "h" + "i" * (39 - frame)


def test_a_person_who_lies_down_after_a_walk_is_kept():
    figure = Figure(lambda frame: (20 + 4 * min(frame, 15), 60))
    track = carry.carry(5, figure.box(5), Scene([figure]), evidence())
    assert track.frames.tolist() == ALL
    assert overlaps(track, figure).min() > 0.6


def test_grey_pictures_do_as_well():
    track = carry.carry(20, WALKER.box(20), GreyScene([WALKER]), evidence())
    assert track.frames.tolist() == ALL
    assert overlaps(track, WALKER).min() > 0.6


def test_a_person_is_carried_before_a_camera_that_turns():
    scene = Scene([WALKER], camera=lambda frame: 3 * frame)
    track = carry.carry(20, WALKER.box(20), scene, evidence())
    assert track.frames.tolist() == ALL
    assert overlaps(track, WALKER).min() > 0.5


def test_the_drawn_box_stays_as_it_was_drawn_and_scores_fall_with_the_distance():
    track = carry.carry(20, WALKER.box(20), Scene([WALKER]), evidence())
    assert track.boxes[20].tolist() == WALKER.box(20).astype(np.float32).tolist()
    assert track.scores[20] == 1
    assert (np.diff(track.scores[20:]) < 0).all()
    assert (np.diff(track.scores[:21]) > 0).all()
    assert track.scores.min() > 0


@pytest.mark.parametrize("use_background", [True, False], ids=["background", "no background"])
def test_somebody_who_leaves_ends_at_the_edge_of_the_picture(use_background: bool):
    figure = Figure(lambda frame: (100 + 6 * frame, 60))  # half outside from frame 21 on
    options = CarryOptions(use_background=use_background)
    track = carry.carry(2, figure.box(2), Scene([figure]), evidence(), options)
    assert abs(int(track.frames[-1]) - 21) <= 2
    assert track.boxes[-1, 2] == WIDTH
    assert track.boxes[:, [0, 2]].max() <= WIDTH
    assert track.boxes[:, [1, 3]].max() <= HEIGHT


def test_an_occlusion_by_a_labelled_person_is_bridged_if_it_is_short_enough():
    walker = Figure(lambda frame: (20 + 4 * frame, 60))
    wide = Figure(lambda frame: (84, 50), seed=2, size=(40, 80))  # hides the walker for a second
    scene, record = Scene([walker, wide]), evidence([wide.label()])
    track = carry.carry(3, walker.box(3), scene, record)
    assert track.frames.tolist() == ALL
    assert overlaps(track, walker).min() > 0.5
    short = carry.carry(3, walker.box(3), scene, record, CarryOptions(bridge_seconds=0.3))
    assert short.frames[-1] < 20


@pytest.mark.parametrize("width", [0.5, 2.0], ids=["half", "whole"])
@pytest.mark.parametrize("figure", [WALKER, STANDING, LYING], ids=["walks", "stands", "lies"])
def test_a_label_over_somebody_in_full_view_hides_nobody(figure: Figure, width: float):
    # A box around two people, or around where somebody was before, as motion alone makes them.
    size = round(width * figure.size[0]), 2 * figure.size[1]
    too_large = Figure(lambda frame: (figure.path(frame)[0], figure.path(frame)[1] - 20), size=size)
    record = evidence([too_large.label(frames=range(5, FRAMES))])
    track = carry.carry(2, figure.box(2), Scene([figure]), record)
    assert track.frames.tolist() == ALL
    assert overlaps(track, figure).min() > 0.7


@pytest.mark.parametrize("with_detections", [False, True], ids=["pictures", "detections"])
def test_two_alike_who_cross_do_not_exchange_their_boxes(with_detections: bool):
    one = Figure(lambda frame: (20 + 4 * frame, 60), seed=3)
    other = Figure(lambda frame: (180 - 4 * frame, 56), seed=3)
    detections = [one.detections(0.3), other.detections(0.9)] if with_detections else []
    record = evidence([other.label()], detections)
    track = carry.carry(2, one.box(2), Scene([one, other]), record)
    assert track.frames.tolist() == ALL
    assert overlaps(track, one).min() > 0.5


def test_a_carried_box_never_goes_over_to_somebody_who_is_labelled():
    # The walker vanishes behind a wall where somebody else goes on the same way.
    walker = Figure(lambda frame: (20 + 4 * frame, 60) if frame < 15 else (-500, 60))
    other = Figure(lambda frame: (20 + 4 * frame, 60) if frame >= 15 else (-500, 60), seed=2)
    label = other.label(frames=range(15, FRAMES))
    record = evidence([label], [other.detections(0.9, range(15, FRAMES))])
    track = carry.carry(5, walker.box(5), Scene([walker, other]), record)
    assert track.frames.tolist() == list(range(15))


@pytest.mark.parametrize("forwards", [True, False], ids=["after", "before"])
def test_a_carried_box_ends_where_the_labels_of_the_same_person_begin(forwards: bool):
    # The labels show the upper part alone: not enough to hide somebody behind it.
    walker = Figure(lambda frame: (20 + 4 * frame, 60))
    upper_part = Figure(walker.path, size=(BODY[0], 32))
    labelled = range(25, FRAMES) if forwards else range(15)
    record = evidence([upper_part.label(frames=labelled)])
    track = carry.carry(20, walker.box(20), Scene([walker]), record)
    assert track.frames.tolist() == [frame for frame in ALL if frame not in labelled]


def test_without_pictures_low_scores_are_enough():
    figure = Figure(lambda frame: (20 + 2 * frame, 60))
    record = evidence(detections=[figure.detections(0.35, range(0, FRAMES, 2))])
    track = carry.carry(10, figure.box(10), None, record, length=FRAMES)
    assert track.frames.tolist() == list(range(39))
    assert overlaps(track, figure).min() > 0.6
    assert track.origins[8:13] == "rihir"


def test_without_any_evidence_the_drawn_box_stays_alone():
    track = carry.carry(10, WALKER.box(10), None, evidence(), length=FRAMES)
    assert track.frames.tolist() == [10]
    assert track.origins == "h"


def test_detections_elsewhere_do_not_draw_the_box_away():
    far = Figure(lambda frame: (150, 20), seed=5)
    record = evidence(detections=[far.detections(0.9)])
    track = carry.carry(20, LYING.box(20), Scene([LYING]), record)
    assert overlaps(track, LYING).min() > 0.6


def test_several_drawn_boxes_are_all_kept_and_what_lies_between_goes_through_them():
    keys = {frame: WALKER.box(frame) for frame in (3, 18, 30)}
    track = carry.carry_keys(keys, Scene([WALKER]), evidence())
    assert track.frames.tolist() == ALL
    assert [k for k, letter in enumerate(track.origins) if letter == "h"] == [3, 18, 30]
    assert overlaps(track, WALKER).min() > 0.6


def test_between_drawn_boxes_without_evidence_lies_the_straight_line():
    keys = {frame: WALKER.box(frame) for frame in (4, 5, 20)}
    track = carry.carry_keys(keys, None, evidence(), length=FRAMES)
    assert track.frames.tolist() == list(range(4, 21))
    assert np.abs(track.boxes - WALKER.boxes(track.frames)).max() < 0.5
    assert track.scores[8:14].max() < 0.5


def test_the_end_of_a_track_is_carried_on_with_its_velocity():
    label = WALKER.label(frames=range(10, 20))
    record = evidence([label])
    later = carry.extend(label, "stop", Scene([WALKER]), record)
    earlier = carry.extend(label, "start", Scene([WALKER]), record)
    assert later.frames.tolist() == list(range(20, FRAMES))
    assert earlier.frames.tolist() == list(range(10))
    assert min(overlaps(later, WALKER).min(), overlaps(earlier, WALKER).min()) > 0.6
    assert "h" not in later.origins + earlier.origins


def test_each_picture_is_read_a_few_times_at_most():
    scene = Scene([WALKER])
    carry.carry(20, WALKER.box(20), scene, evidence())
    assert max(np.bincount(scene.reads)) <= 4


def test_a_clip_of_one_frame_gives_the_drawn_box():
    track = carry.carry(0, STANDING.box(0), Scene([STANDING], length=1), evidence())
    assert track.frames.tolist() == [0]


@pytest.mark.parametrize(
    ("frame", "box"),
    [(40, [0, 0, 10, 10]), (-1, [0, 0, 10, 10]), (3, [5, 5, 5, 9]), (3, [float("nan")] * 4)],
    ids=["after the clip", "before the clip", "no area", "no number"],
)
def test_a_box_that_cannot_be_is_refused(frame: int, box: list[float]):
    with pytest.raises(ValueError, match="expected a box with an area in 0 … 39"):
        carry.carry(frame, box, Scene([STANDING]), evidence())


def test_a_clip_without_pictures_needs_a_length():
    with pytest.raises(ValueError, match="length: expected"):
        carry.carry(0, STANDING.box(0), None, evidence())


def test_boxes_as_small_as_a_thumb_and_as_large_as_the_picture_do_no_harm():
    for box in ([5, 5, 7, 9], [0, 0, WIDTH, HEIGHT], [-20, -20, *BODY]):
        track = carry.carry(20, box, Scene([WALKER]), evidence())
        assert np.isfinite(track.boxes).all()
        assert 20 in track.frames

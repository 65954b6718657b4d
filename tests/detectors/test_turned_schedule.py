"""When a video is looked at turned: rarely where nothing speaks for it, often where somebody is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest

from oneclick import detectors
from oneclick.core.detections import Detections
from oneclick.detectors import turned_schedule
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.detectors.turned_schedule import EVERY_FRAME, LookRates, LookRecorder, TurnedLooks
from tests.fakes.standing import StandingDetector, room

FPS = 10.0
CLASSES = ("person",)
LYING, STANDING = (40, 80, 110, 105), (60, 20, 80, 90)
EMPTY = [room()]
DEFAULT = LookRates()


class CountingLooks(TurnedLooks):
    """Turned looks that remember at which frames they were taken."""

    def __init__(
        self,
        detector: StandingDetector,
        rates: LookRates,
        motion=None,
        novelty=None,
        classes=CLASSES,
    ) -> None:
        super().__init__(detector, FPS, classes, rates, motion=motion, novelty=novelty)
        self.numbers: list[int] = []

    def add(self, frame, upright) -> None:
        before = self.count
        super().add(frame, upright)
        if self.count > before:
            self.numbers.append(len(self._by_frame) - 1)


class BedDetector(StandingDetector):
    """Finds a bed, too, in pictures that are wider than high: it stands upright in these."""

    bed: tuple[int, int, int, int] | None = None

    def _detect_one(self, frame: Frame) -> FrameDetections:
        people = super()._detect_one(frame)
        if self.bed is None or frame.shape[0] > frame.shape[1]:
            return people
        boxes, scores, classes = people
        return (
            np.concatenate([boxes, np.array([self.bed], np.float32)]),
            np.append(scores, np.float32(0.9)),
            np.append(classes, np.int16(0)),
        )


def look(
    frames: Sequence[Frame],
    rates: LookRates = DEFAULT,
    motion: Callable[[int, np.ndarray], float] | None = None,
    novelty: Callable[[int], float] | None = None,
    batch: int = 8,
) -> tuple[CountingLooks, Detections]:
    """Watch frames in batches; the looks, and the upright detections."""
    detector = StandingDetector()
    looks = CountingLooks(detector, rates, motion, novelty)
    recorder = LookRecorder(detector, looks)
    by_frame = [
        found
        for start in range(0, len(frames), batch)
        for found in recorder.detect(frames[start : start + batch])
    ]
    upright = detectors.base.join_frames(by_frame, detector.names, len(frames), FPS, CLASSES)
    return looks, upright


def test_an_empty_room_is_looked_at_every_five_seconds() -> None:
    looks, _ = look(EMPTY * 151)
    assert looks.numbers == [0, 50, 100, 150]
    assert not len(looks.detections(151))


def test_every_frame_is_looked_at_where_that_is_asked_for() -> None:
    assert look(EMPTY * 20, EVERY_FRAME)[0].numbers == list(range(20))


def test_motion_outside_all_boxes_brings_a_look_a_second() -> None:
    looks, _ = look(EMPTY * 100, motion=lambda number, _: 0.05 * (30 <= number < 60))
    assert looks.numbers == [0, 30, 40, 50, 60]


def test_an_unusual_picture_brings_a_look_a_second() -> None:
    looks, _ = look(EMPTY * 101, novelty=lambda number: 1.2 if 40 <= number < 70 else 0.9)
    assert looks.numbers == [0, 40, 50, 60, 70]


def test_somebody_in_doubt_brings_a_look_a_second() -> None:
    detector = StandingDetector(score=0.3)
    looks = CountingLooks(detector, LookRates())
    recorder = LookRecorder(detector, looks)
    recorder.detect(EMPTY * 20 + [room(STANDING)] * 25)
    assert looks.numbers == [0, 20, 30, 40]


def test_who_stands_and_stays_in_sight_brings_no_look() -> None:
    assert look([room(STANDING)] * 101)[0].numbers == [0, 50, 100]


def test_who_vanishes_in_the_middle_of_the_picture_is_looked_for_again_and_again() -> None:
    looks, _ = look([room(STANDING)] * 20 + EMPTY * 60)
    assert looks.numbers == [0, 24, 34, 44, 54, 64, 74]


def test_who_leaves_by_the_border_is_not() -> None:
    leaving = [room((0, 20, 20, 90))] * 20
    assert look(leaving + EMPTY * 60)[0].numbers == [0, 50]


def test_who_comes_back_is_not_looked_for_any_more() -> None:
    frames = [room(STANDING)] * 20 + EMPTY * 10 + [room(STANDING)] * 70
    assert look(frames)[0].numbers == [0, 24, 34, 84]


def test_who_lies_still_is_looked_at_less_and_less_often_down_to_once_a_second() -> None:
    looks, _ = look([room(LYING)] * 60)
    pauses = [b - a for a, b in pairwise(looks.numbers)]
    assert pauses[:3] == [2, 4, 8]
    assert set(pauses[3:]) == {10}
    assert set(looks.detections(60).frames.tolist()) == set(looks.numbers)


def test_who_lies_and_moves_is_looked_at_five_times_a_second() -> None:
    moving = [room((10 + 4 * k, 80, 60 + 4 * k, 105)) for k in range(24)]
    assert look(moving)[0].numbers == list(range(0, 24, 2))


def test_a_man_who_lies_down_and_rises_is_seen_all_along() -> None:
    """Walks in, lies for ten seconds, rises and leaves: no second without a box of one look."""
    frames = [room((5 + 3 * k, 20, 25 + 3 * k, 90)) for k in range(20)]
    frames += [room(LYING)] * 100 + [room((60 + 5 * k, 20, 80 + 5 * k, 90)) for k in range(15)]
    looks, upright = look(frames)
    seen = np.unique(np.concatenate([upright.frames, looks.detections(len(frames)).frames]))
    assert np.diff(seen).max() <= 10
    assert len(looks.numbers) < len(frames) / 5


def test_looks_do_not_depend_on_how_frames_arrive() -> None:
    frames = [room(STANDING)] * 13 + EMPTY * 20 + [room(LYING)] * 30 + EMPTY * 9
    numbers = look(frames)[0].numbers
    for batch in (1, 3, 100):
        assert look(frames, batch=batch)[0].numbers == numbers


def test_upright_detections_stay_as_they_are() -> None:
    frames = [room(STANDING), room(LYING), room(), room(STANDING, (10, 5, 15, 40))]
    _, upright = look(frames, EVERY_FRAME)
    alone = detectors.run(StandingDetector(), iter(frames), len(frames), FPS, CLASSES)
    np.testing.assert_array_equal(upright.boxes, alone.boxes)
    np.testing.assert_array_equal(upright.frames, alone.frames)


def test_stored_detections_stand_for_the_detector() -> None:
    frames = [room(STANDING)] * 10 + EMPTY * 20 + [room(LYING)] * 20
    fresh, upright = look(frames)
    detector = StandingDetector()
    looks = TurnedLooks(detector, FPS, CLASSES, LookRates())
    recorder = LookRecorder(turned_schedule.StoredView(detector, upright), looks)
    again = detectors.run(recorder, iter(frames), len(frames), FPS, CLASSES)
    np.testing.assert_array_equal(again.boxes, upright.boxes)
    np.testing.assert_array_equal(
        looks.detections(len(frames)).frames, fresh.detections(len(frames)).frames
    )
    assert detector.pictures == 2 * looks.count


@pytest.mark.parametrize(
    ("frames", "bed"),
    [
        pytest.param([room(LYING)] * 60, (20, 70, 120, 110), id="who lies in it"),
        pytest.param([room(STANDING)] * 20 + EMPTY * 60, STANDING, id="who vanished in it"),
    ],
)
def test_a_bed_hides_nobody(frames: list[Frame], bed: tuple[int, int, int, int]) -> None:
    numbers = []
    for place in (None, bed):
        detector = BedDetector()
        detector.bed = place
        looks = CountingLooks(detector, LookRates(), classes=("person", "bed"))
        LookRecorder(detector, looks).detect(frames)
        numbers.append(looks.numbers)
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) >= 7


@pytest.mark.parametrize("score", [0.1, 0.9])
def test_a_break_in_time_is_a_new_beginning(score: float) -> None:
    detector = StandingDetector(score)
    looks = CountingLooks(detector, LookRates())
    recorder = LookRecorder(detector, looks)
    recorder.detect(EMPTY * 7)
    recorder.reset()
    recorder.detect(EMPTY * 7)
    assert looks.numbers == [0, 7]

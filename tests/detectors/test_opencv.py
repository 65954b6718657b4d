import numpy as np
import pytest

from oneclick import detectors
from oneclick.core import boxes
from oneclick.detectors import hog, motion
from tests.detectors import footage


def test_confidence_rises_with_the_weight_and_the_operating_point_is_a_weight_of_one():
    weights = np.linspace(-5, 5, 101)
    assert (np.diff(hog.score(weights)) > 0).all()
    assert hog.score(np.array([hog.MIDDLE])) == hog.THRESHOLD
    assert 0.1 < hog.score(np.array([hog.LOWEST_WEIGHT]))[0] < 0.12


def test_hog_finds_the_people_of_a_real_street():
    footage.needed()
    detector = detectors.create("opencv:hog")
    detections = detectors.run(detector, footage.frames(5, 150), 5, 10.0, ("person",))
    precision, recall, _ = footage.f1(detections, detector.threshold, 150)
    assert precision > 0.85
    assert recall > 0.7
    assert detections.scores.min() < 0.2  # doubtful ones are kept


@pytest.mark.parametrize("scale", [0.75, 2.0])
def test_hog_finds_the_same_people_at_any_resolution(scale):
    import cv2

    footage.needed()
    frame = next(footage.frames(1))
    detector = hog.HogDetector()
    other = cv2.resize(frame, None, fx=scale, fy=scale)
    (a, a_score, _), (b, b_score, _) = (detector.detect([f])[0] for f in (frame, other))
    overlap = boxes.iou(a[a_score > 0.6], b[b_score > 0.3] / np.float32(scale))
    assert len(overlap) >= 3
    assert (overlap.max(1) > 0.6).all()


def room(count=60, height=240, width=320):
    """Frames and boxes of a static room; an upright block walks through from frame 20 on."""
    rng = np.random.default_rng(3)
    wall = rng.integers(60, 120, (height, width, 3)).astype(np.int16)
    frames, people = [], []
    for k in range(count):
        frame = np.clip(wall + rng.normal(0, 2, wall.shape), 0, 255).astype(np.uint8)
        x = 20 + 6 * (k - 20)
        if k >= 20:
            frame[80:180, x : x + 36] = (200, 60, 50)
        frames.append(frame)
        people.append([x, 80, x + 36, 180] if k >= 20 else None)
    return frames, people


def test_motion_finds_who_walks_through_a_static_room():
    frames, people = room()
    detections = motion.MotionDetector().detect(frames)
    assert all(len(scores) == 0 for _, scores, _ in detections[:20])
    for (box, scores, _), person in list(zip(detections, people, strict=True))[20:]:
        assert len(scores) == 1
        assert scores[0] > motion.THRESHOLD
        assert boxes.iou(box, np.array([person], np.float32))[0, 0] > 0.8


def test_a_person_is_found_below_as_many_specks_as_a_wide_picture_can_have():
    moving = np.zeros((motion.WORK_HEIGHT, 6000), np.uint8)
    moving[:390:14, ::4] = 1  # nearer ones are joined: 42,000 pieces
    moving[405:, 5000:5010] = 1
    people, fill = motion.person_boxes(moving)
    assert people.tolist() == [[5000, 405, 5010, motion.WORK_HEIGHT]]
    assert fill.tolist() == [1]


def test_motion_says_nothing_while_it_warms_up():
    frames, _ = room()
    for boxes_, scores, _ in motion.MotionDetector().detect(frames[20 : 20 + motion.WARM_UP]):
        assert len(boxes_) == len(scores) == 0


def test_a_lamp_that_is_switched_on_is_no_person():
    frames, _ = room(20)
    bright = [np.clip(frame.astype(int) + 90, 0, 255).astype(np.uint8) for frame in frames[:3]]
    for _, scores, _ in motion.MotionDetector().detect(frames + bright):
        assert len(scores) == 0


def test_another_picture_size_starts_anew():
    frames, _ = room(20)
    detector = motion.MotionDetector()
    detector.detect(frames)
    small = [frame[::2, ::2].copy() for frame in frames]
    assert all(len(scores) == 0 for _, scores, _ in detector.detect(small))


def test_motion_finds_most_walkers_of_a_real_street():
    footage.needed()
    detector = detectors.create("opencv:motion")
    detections = detectors.run(detector, footage.frames(100), 100, 10.0, ("person",))
    precision, recall, _ = footage.f1(detections, detector.threshold)
    assert precision > 0.7
    assert recall > 0.4  # 0.69 over the whole video: at first nobody knows the empty street

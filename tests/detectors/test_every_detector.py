"""The contract all detectors share, run over each of them with small or random weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from oneclick import detectors
from oneclick.core import progress
from oneclick.core.errors import UnknownName, UsageError
from oneclick.detectors import Detector
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.storage.workspace import Workspace
from tests.detectors import models, tiny_onnx
from tests.detectors.footage import noise

KINDS = ("hog", "motion", "onnx", "torchvision", "champion")


@pytest.fixture(scope="module")
def everyone(tmp_path_factory) -> dict[str, Detector]:
    """One of each kind, as a user would ask for it."""
    folder: Path = tmp_path_factory.mktemp("detectors")
    onnx = tiny_onnx.write(folder / "tiny.onnx")
    workspace = Workspace(folder / "home")
    models.train_nothing(workspace, "m1", champion=True)
    by_name = {
        "hog": detectors.create("opencv:hog"),
        "motion": detectors.create("opencv:motion"),
        "onnx": detectors.create(f"onnx:{onnx}"),
        "champion": detectors.create("model:champion", workspace, "cpu"),
    }
    with models.cached_weights(folder / "torch"):
        by_name["torchvision"] = detectors.create(f"torchvision:{models.SMALL}", None, "cpu")
    return by_name


@pytest.fixture(params=KINDS)
def detector(request, everyone) -> Detector:
    instance: Detector = everyone[request.param]
    instance.reset()
    return instance


def scene(count: int = 14) -> list[np.ndarray]:
    """A grey room through which a bright upright block walks."""
    frames = np.full((count, 120, 160, 3), 90, np.uint8)
    frames += np.random.default_rng(1).integers(0, 4, frames.shape, np.uint8)
    for k, frame in enumerate(frames):
        frame[30:100, 10 + 8 * k : 35 + 8 * k] = (230, 220, 200)
    return list(frames)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(np.zeros((120, 160, 3), np.uint8), id="black"),
        pytest.param(np.full((120, 160, 3), 255, np.uint8), id="white"),
        pytest.param(noise(), id="noise"),
        pytest.param(noise(8, 6), id="tiny"),
        pytest.param(noise(1, 1), id="one pixel"),
        pytest.param(noise(20, 600), id="wide"),
        pytest.param(noise(600, 20), id="tall"),
        pytest.param(noise(120, 160)[:, ::-1], id="a view with negative strides"),
    ],
)
def test_boxes_are_finite_inside_the_picture_and_scored_in_0_1(detector, frame):
    height, width = frame.shape[:2]
    repeats = 12 if detector.stateful else 2
    for boxes, scores, classes in detector.detect([frame] * repeats):
        assert (boxes.dtype, scores.dtype, classes.dtype) == (np.float32, np.float32, np.int16)
        assert boxes.shape == (len(scores), 4)
        assert classes.shape == scores.shape
        assert np.isfinite(boxes).all()
        assert (boxes >= 0).all()
        assert (boxes <= [width, height, width, height]).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert ((scores >= 0) & (scores <= 1)).all()
        assert ((classes >= 0) & (classes < len(detector.names))).all()


def test_one_frame_at_a_time_gives_the_same_as_many_at_once(detector):
    frames = scene() if detector.stateful else scene(4)
    many = detector.detect(frames)
    detector.reset()
    singles = [detector.detect([frame])[0] for frame in frames]
    for a, b in zip(many, singles, strict=True):
        for batched, right in zip(a, b, strict=True):
            assert batched.shape == right.shape
            assert np.allclose(batched, right, atol=1e-3)


def test_frames_are_not_changed_and_may_be_read_only(detector):
    frames = scene(2)
    before = [frame.copy() for frame in frames]
    for frame in frames:
        frame.setflags(write=False)
    detector.detect(frames)
    assert all(np.array_equal(a, b) for a, b in zip(before, frames, strict=True))


def test_no_frames_give_no_answers(detector):
    assert detector.detect([]) == []


def test_an_identity_fits_into_a_path_and_the_operating_point_into_0_1(detector):
    assert Path(detector.model_id).name == detector.model_id
    assert detector.model_id.isprintable()
    assert not set(detector.model_id) & set('\\/:*?"<>| ')
    assert 0 < detector.threshold < 1
    assert "person" in detector.names


def test_a_reset_makes_the_second_video_like_the_first(detector):
    count = 14 if detector.stateful else 2
    first = detectors.run(detector, scene(count), count, 10.0, ("person",))
    second = detectors.run(detector, scene(count), count, 10.0, ("person",))
    assert np.array_equal(first.boxes, second.boxes)
    assert np.array_equal(first.frames, second.frames)


@pytest.mark.parametrize("name", ["foo", "", "opencv:face", "opencv:", "onnx:", "model", ":hog"])
def test_a_name_that_nothing_answers_to_lists_those_that_exist(name):
    with pytest.raises(UnknownName, match="opencv:hog, opencv:motion, torchvision:NAME"):
        detectors.create(name)


def test_a_device_that_is_not_there_is_named(tmp_path):
    models.train_nothing(Workspace(tmp_path), "m1")
    for device in ("cuda:99", "abacus"):
        with pytest.raises(UsageError, match=f"device '{device}' is not there"):
            detectors.create("model:m1", Workspace(tmp_path), device)


class Fixed:
    """Says the same about every frame."""

    name, model_id, threshold, stateful, shrinks = "fixed", "fixed", 0.5, False, False
    names: tuple[str, ...] = ("car", "person", "bed")
    resets = 0
    batches: tuple[int, ...] = ()

    def reset(self) -> None:
        self.resets += 1

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        self.batches += (len(frames),)
        boxes = np.array([[0, 0, 5, 5], [1, 1, 6, 6], [2, 2, 7, 7]], np.float32)
        scores = np.array([0.9, 0.8, 0.7], np.float32)
        return [(boxes, scores, np.array([0, 1, 2], np.int16)) for _ in frames]


def test_a_run_maps_names_drops_other_classes_and_resets_first():
    fixed = Fixed()
    detections = detectors.run(fixed, iter(scene(9)), 9, 12.5, ("bed", "person"))
    assert detections.names == ("bed", "person")
    assert detections.classes.tolist() == [1, 0] * 9
    assert detections.scores[:2].tolist() == pytest.approx([0.8, 0.7])
    assert detections.frames.tolist() == sorted([*range(9)] * 2)
    assert (detections.length, detections.fps, fixed.resets, fixed.batches) == (9, 12.5, 1, (8, 1))


def test_a_run_takes_no_more_than_the_frames_of_the_video_and_reports_each():
    reports = []
    progress.set_sink(lambda *report: reports.append(report))
    try:
        detections = detectors.run(Fixed(), scene(5), 3, 10.0, ("person",), "look")
    finally:
        progress.set_sink(None)
    assert detections.length == 3
    assert detections.frames.max() == 2
    assert reports == [("look", k, 3) for k in range(4)]


def test_a_run_over_nothing_keeps_the_length():
    detections = detectors.run(Fixed(), [], 7, 10.0, ("person",))
    assert (len(detections), detections.length) == (0, 7)


def test_a_detector_that_knows_none_of_the_classes_is_refused():
    with pytest.raises(UsageError, match="none of the classes wheelchair; it finds car, person"):
        detectors.run(Fixed(), scene(1), 1, 10.0, ("wheelchair",))

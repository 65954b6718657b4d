"""A real model of the library, small and with random weights, through the real loading code."""

import sys
from pathlib import Path

import numpy as np
import pytest

from oneclick import detectors
from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import Detector
from tests.detectors import tiny_transformers
from tests.detectors.footage import noise


def saved(folder: Path, seed: int = 0) -> Path:
    """A tiny RT-DETR v2 that knows beds and people, and sees people everywhere."""
    return tiny_transformers.save(folder, "rt_detr_v2", seed=seed, bias=[-1.0, 1.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("hf") / "tiny+model#1")


@pytest.fixture(scope="module")
def detector(folder: Path) -> Detector:
    return detectors.create(f"transformers:{folder}", None, "cpu")


def test_a_saved_model_detects_inside_the_picture_and_keeps_low_scores(detector: Detector) -> None:
    frame = noise()
    boxes, scores, classes = detector.detect([frame])[0]
    height, width = frame.shape[:2]
    assert len(boxes) > 5
    assert (boxes >= 0).all()
    assert (boxes <= [width, height, width, height]).all()
    assert ((scores >= 0.05) & (scores <= 1)).all()
    assert detector.names == ("bed", "person")
    assert np.bincount(classes, minlength=2).argmax() == 1


def test_a_batch_says_what_its_frames_say_alone(detector: Detector) -> None:
    frames = [noise(), noise(96, 128), noise(50, 200)]
    together = detector.detect(frames)
    for frame, batched in zip(frames, together, strict=True):
        alone = detector.detect([frame])[0]
        for k in range(3):
            np.testing.assert_allclose(batched[k], alone[k], atol=1e-3)
    assert detector.detect([]) == []


def test_its_classes_are_mapped_to_those_of_the_project(detector: Detector) -> None:
    detections = detectors.run(detector, iter([noise()] * 3), 3, 10.0, ("person",))
    assert detections.names == ("person",)
    assert set(detections.frames.tolist()) == {0, 1, 2}


def test_its_id_is_safe_and_changes_with_the_weights(
    folder: Path, detector: Detector, tmp_path: Path
) -> None:
    again = detectors.create(f"transformers:{folder}", None, "cpu")
    other = detectors.create(f"transformers:{saved(tmp_path / folder.name, 1)}", None, "cpu")
    assert detector.model_id.startswith("transformers-tiny-model-1-")
    assert again.model_id == detector.model_id != other.model_id
    assert other.model_id.rsplit("-", 1)[0] == detector.model_id.rsplit("-", 1)[0]


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason=tiny_transformers.REASON)
    with pytest.raises(DetectorUnavailable, match="no object detector could be loaded") as raised:
        detectors.create(f"transformers:{tmp_path}")
    assert "\n" not in str(raised.value)


def test_a_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(DetectorUnavailable, match=r"pip install 'oneclick\[transformers\]'"):
        detectors.create("transformers:any/thing")

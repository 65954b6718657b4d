"""A real model of the library, small and with random weights, through the real loading code."""

import sys
from pathlib import Path
from typing import Any

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


def test_weights_of_another_network_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = tiny_transformers.save(tmp_path / "net", "d_fine")
    tiny_transformers.swap_weights(folder, tiny_transformers.save(tmp_path / "other", "detr"))
    with pytest.raises(DetectorUnavailable, match=r"its weights lack \d+ of \d+ tensors") as raised:
        detectors.create(f"transformers:{folder}", None, "cpu")
    assert "\n" not in str(raised.value)


def test_one_missing_tensor_is_enough_to_refuse_a_detector(tmp_path: Path) -> None:
    folder = saved(tmp_path / "net")
    assert tiny_transformers.drop_weights(folder, "enc_score_head.bias") == 1
    with pytest.raises(DetectorUnavailable, match=r"its weights lack 1 of \d+ tensors"):
        detectors.create(f"transformers:{folder}", None, "cpu")


@pytest.mark.parametrize("part", ["num_batches_tracked", "denoising"])
def test_weights_without_what_only_training_uses_detect_the_same(part: str, tmp_path: Path) -> None:
    folder, frame = saved(tmp_path / "net"), noise()
    expected = detectors.create(f"transformers:{folder}", None, "cpu").detect([frame])[0]
    assert tiny_transformers.drop_weights(folder, part) > 0
    answer = detectors.create(f"transformers:{folder}", None, "cpu").detect([frame])[0]
    for k in range(3):
        np.testing.assert_array_equal(answer[k], expected[k])


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("preprocessor_config.json", {"size": {"height": 0, "width": 0}}, "could be loaded"),
        ("preprocessor_config.json", {"size": {"height": "x", "width": 9}}, "could be loaded"),
        ("preprocessor_config.json", {"do_normalize": True, "image_mean": [0, 0]}, "be loaded"),
        (
            "config.json",
            {"id2label": {"0": "bed", "5": "person"}, "label2id": {"bed": 0, "person": 5}},
            "numbers 2 classes up to 5: number them 0 to 1 without gaps",
        ),
    ],
)
def test_a_broken_folder_is_refused_when_it_is_loaded_and_not_by_the_first_frame(
    name: str, change: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    folder = saved(tmp_path / "net")
    tiny_transformers.damage(folder, name, change)
    with pytest.raises(DetectorUnavailable, match=reason) as raised:
        detectors.create(f"transformers:{folder}", None, "cpu")
    assert "\n" not in str(raised.value)


def test_a_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(DetectorUnavailable, match=r"pip install 'oneclick\[transformers\]'"):
        detectors.create("transformers:any/thing")

import numpy as np
import pytest

from oneclick import detectors
from oneclick.core import boxes as geometry
from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import onnx
from tests.detectors import footage, tiny_onnx

STREET = footage.DATA / "weights" / "yolox_nano.onnx"


def best(detector, frame):
    """The largest box that is sure."""
    boxes, scores, _ = detector.detect([frame])[0]
    sure = boxes[scores > 0.9]
    return sure[geometry.area(sure).argmax()]


def test_a_bright_cell_becomes_the_box_of_that_cell(tmp_path):
    detector = onnx.load(str(tiny_onnx.write(tmp_path / "m.onnx")))
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[32:, :32] = 255
    assert best(detector, frame).tolist() == [0, 32, 32, 64]


def test_boxes_come_back_in_the_frames_own_pixels(tmp_path):
    detector = onnx.load(str(tiny_onnx.write(tmp_path / "m.onnx")))
    frame = np.zeros((128, 256, 3), np.uint8)  # shown to the model as 32 × 64 px
    frame[:, 128:] = 255
    assert best(detector, frame).tolist() == [128, 0, 256, 128]


def test_the_score_is_objectness_times_class(tmp_path):
    detector = onnx.load(str(tiny_onnx.write(tmp_path / "m.onnx")))
    _, scores, _ = detector.detect([np.full((64, 64, 3), 102, np.uint8)])[0]
    assert np.allclose(scores, 0.4, atol=1e-3)


def test_the_model_sees_bgr_from_0_to_255_and_grey_around(tmp_path):
    red = np.zeros((10, 20, 3), np.uint8)
    red[..., 0] = 200
    picture, scale = onnx.letterbox(red, (40, 40))
    assert scale == 2
    assert picture[0, 0].tolist() == [0, 0, 200]
    assert picture[20:].min() == picture[20:].max() == 114


@pytest.mark.parametrize(("classes", "names"), [(1, ("person",)), (2, ("class0", "class1"))])
def test_names_follow_from_the_number_of_classes(tmp_path, classes, names):
    path = tiny_onnx.write(tmp_path / "m.onnx", classes=classes)
    assert onnx.load(str(path)).names == names


def test_eighty_classes_are_cocos(tmp_path):
    names = onnx.load(str(tiny_onnx.write(tmp_path / "m.onnx", classes=80))).names
    assert (names[0], names[79], len(set(names))) == ("person", "toothbrush", 80)


def test_names_may_lie_beside_the_model(tmp_path):
    path = tiny_onnx.write(tmp_path / "m.onnx", classes=2)
    (tmp_path / "m.onnx.names").write_text("person\nbed\n")
    assert onnx.load(str(path)).names == ("person", "bed")
    (tmp_path / "m.onnx.names").write_text("person\n")
    with pytest.raises(DetectorUnavailable, match="expected 2 names, one a line, got 1"):
        onnx.load(str(path))


@pytest.mark.parametrize("size", [32, 64, 96])
def test_the_size_is_read_from_the_file(tmp_path, size):
    path = tiny_onnx.write(tmp_path / "m.onnx", size)
    assert onnx.input_size(path.read_bytes()) == (size, size)


def test_identity_follows_the_weights(tmp_path):
    a = onnx.load(str(tiny_onnx.write(tmp_path / "m.onnx")))
    b = onnx.load(str(tiny_onnx.write(tmp_path / "m.onnx", classes=2)))
    assert a.model_id.startswith("onnx-m-")
    assert a.model_id != b.model_id


def test_a_missing_file_is_named():
    with pytest.raises(DetectorUnavailable, match=r"there is no file .*none\.onnx"):
        detectors.create("onnx:none.onnx")


def test_another_layout_says_what_was_found(tmp_path):
    path = tiny_onnx.write(tmp_path / "m.onnx", strides=(8, 16))
    with pytest.raises(DetectorUnavailable, match=r"\(1, 84, 5 \+ classes\).*found \(1, 80, 6\)"):
        onnx.load(str(path))


@pytest.mark.parametrize("content", [b"", b"hello", bytes(range(256))])
def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(DetectorUnavailable, match="cannot run it") as excinfo:
        onnx.load(str(path))
    assert "\n" not in str(excinfo.value)


def test_a_truncated_model_is_refused_in_one_line(tmp_path):
    path = tiny_onnx.write(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DetectorUnavailable, match="cannot run it"):
        onnx.load(str(path))


def test_yolox_finds_the_people_of_a_real_street():
    footage.needed()
    detector = onnx.load(str(STREET))
    detections = detectors.run(detector, footage.frames(6, 130), 6, 10.0, ("person",))
    assert footage.f1(detections, detector.threshold, 130)[2] > 0.85


def test_yolox_answers_as_another_runtime_did():
    """det/yoloxnano.txt was made with onnxruntime from the same weights."""
    footage.needed()
    reference = onnx_reference()
    detections = detectors.run(onnx.load(str(STREET)), footage.frames(3), 3, 10.0, ("person",))
    sure = detections.above(0.3)
    assert np.allclose(np.sort(sure.scores), np.sort(reference.scores), atol=0.01)
    assert np.allclose(np.sort(sure.boxes, 0), np.sort(reference.boxes, 0), atol=0.5)


def onnx_reference():
    from oneclick.core.spans import Span
    from oneclick.formats import mot_text

    path = footage.DATA / "mot" / "PETS09-S2L1" / "det" / "yoloxnano.txt"
    return mot_text.load(path, 10.0, footage.FRAMES).cut(Span(0, 3)).above(0.3)

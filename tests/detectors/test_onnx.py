import os

import cv2
import numpy as np
import onnx as model
import pytest
from onnx import helper

from oneclick import detectors
from oneclick.core import boxes as geometry
from oneclick.core.errors import DetectorUnavailable, UsageError
from oneclick.core.results import BatchResult
from oneclick.detectors import graph_card, onnx, onnx_session
from oneclick.detectors.onnx_pictures import IMAGENET_MEAN, IMAGENET_STD, PictureFormat
from oneclick.stages import predict
from oneclick.storage.workspace import Workspace
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
    wanted = PictureFormat(size=(40, 40), fill=114, bgr=True, divisor=1)
    picture, scale = wanted.picture(red)
    assert scale.tolist() == [2, 2]
    assert picture[:, 0, 0].tolist() == [0, 0, 200]
    assert picture[:, 20:].min() == picture[:, 20:].max() == 114


def test_the_model_sees_levels_divided_and_normalised_by_channel():
    frame = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    wanted = PictureFormat(size=None, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    mean, std = np.array(IMAGENET_MEAN, np.float32), np.array(IMAGENET_STD, np.float32)
    expected = (frame.astype(np.float32) / np.float32(255) - mean) / std
    picture, _ = wanted.picture(frame)
    assert picture.flags.c_contiguous
    np.testing.assert_array_equal(picture, expected.transpose(2, 0, 1))


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
    detector = onnx.load(str(tiny_onnx.write(tmp_path / "m.onnx", size)))
    frame = np.zeros((size, size, 3), np.uint8)
    frame[-32:, -32:] = 255
    assert best(detector, frame).tolist() == [size - 32, size - 32, size, size]


def test_a_graph_of_open_size_gets_the_usual_one(tmp_path):
    detector = onnx.load(str(tiny_onnx.write(tmp_path / "m.onnx", is_open=True)))
    frame = np.zeros((416, 416, 3), np.uint8)
    frame[:32, 32:64] = 255
    assert best(detector, frame).tolist() == [32, 0, 64, 32]


def test_a_graph_with_an_open_batch_answers_as_one_that_takes_a_picture(tmp_path):
    batched = onnx.load(str(tiny_onnx.write(tmp_path / "a.onnx", batch="N")))
    single = onnx.load(str(tiny_onnx.write(tmp_path / "b.onnx")))
    frames = [footage.noise(), footage.noise()[::-1].copy(), np.zeros((30, 90, 3), np.uint8)]
    for a, b in zip(batched.detect(frames), single.detect(frames), strict=True):
        for left, right in zip(a, b, strict=True):
            assert np.allclose(np.asarray(left), np.asarray(right), atol=1e-4)


WHITE, BLACK = np.full((64, 96, 3), 255, np.uint8), np.zeros((64, 96, 3), np.uint8)


@pytest.mark.parametrize(
    ("write", "box", "score", "name"),
    [
        pytest.param(tiny_onnx.fastest_det, [0, 0, 24, 16], 0.891, "class1", id="FastestDet"),
        pytest.param(tiny_onnx.detr, [0, 0, 48, 32], 0.982, "class0", id="DETR"),
        pytest.param(
            lambda path: tiny_onnx.detr(path, 80, mask=True),
            [0, 0, 48, 32],
            0.982,
            "person",
            id="DETR of transformers, with the mask",
        ),
        pytest.param(
            lambda path: tiny_onnx.detr(path, 80, ("height", "width"), ("labels", "dets")),
            [0, 0, 48, 32],
            0.982,
            "person",
            id="RF-DETR's names, of open size",
        ),
        pytest.param(tiny_onnx.torchvision, [2, 2, 10, 6], 1.0, "person", id="torchvision"),
        pytest.param(tiny_onnx.deployed, [0, 0, 96, 64], 1.0, "person", id="deployed RT-DETR"),
    ],
)
def test_a_layout_is_told_from_the_graph(tmp_path, write, box, score, name):
    detector = onnx.load(str(write(tmp_path / "m.onnx")))
    if name.startswith("class") and write is tiny_onnx.detr:
        score = 1.0  # normalised as ImageNet, white is brighter than 1
    (boxes, scores, classes), (_, dark, _) = detector.detect([WHITE, BLACK])
    assert boxes[0].tolist() == pytest.approx(box, abs=1e-3)
    assert scores[0] == pytest.approx(score, abs=1e-3)
    assert detector.names[classes[0]] == name
    assert len(dark) == 0


def test_names_and_normalisation_come_from_what_optimum_wrote_beside_the_graph(tmp_path):
    folder = tmp_path / "onnx"
    folder.mkdir()
    path = tiny_onnx.detr(folder / "model.onnx", 2, ("height", "width"))
    (tmp_path / "config.json").write_text('{"id2label": {"0": "nurse", "1": "bed"}}')
    processor = '{"size": {"height": 64, "width": 32}, "image_mean": [0.5, 0.5, 0.5], %s}'
    (tmp_path / "preprocessor_config.json").write_text(processor % '"image_std": [0.5, 0.5, 0.5]')
    detector = onnx.load(str(path))
    assert detector.names == ("nurse", "bed")
    (_, bright, _), (_, dark, _) = detector.detect([WHITE, BLACK])
    assert (len(bright), len(dark)) == (1, 0)
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(DetectorUnavailable, match=r"preprocessor_config\.json"):
        onnx.load(str(path))


def test_classes_of_a_detr_that_do_not_match_are_refused(tmp_path):
    path = tiny_onnx.detr(tmp_path / "m.onnx", 5)
    (tmp_path / "m.onnx.names").write_text("person\nbed\n")
    with pytest.raises(DetectorUnavailable, match=r"\.names: expected 5 or 4 names, .* got 2"):
        onnx.load(str(path))
    path.with_name("m.onnx.names").unlink()
    (tmp_path / "config.json").write_text('{"id2label": {"0": "person", "1": "bed"}}')
    with pytest.raises(DetectorUnavailable, match=r"5 classes, or 4 .* but 2 are named beside it"):
        onnx.load(str(path))


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
    with pytest.raises(
        DetectorUnavailable, match=r"outputs out \(1, 80, 6\).*\(1, 84, 5 \+ classes\)"
    ):
        onnx.load(str(path))


def other_input(path):
    tiny_onnx.parse(path, "g (float[1,4,8,8] x) => (float[1,4,8,8] y) { y = Identity(x) }")


def second_input(path):
    tiny_onnx.parse(path, "g (float[1,3,8,8] x, float[2] z) => (float[1,3,8,8] y) {y = Add(x, x)}")


def unknown_operator(path):
    tiny_onnx.parse(path, "g (float[1,3,8,8] x) => (float[1,3,8,8] y) { y = Wonder(x) }")


def weights_elsewhere(path):
    content = model.load(tiny_onnx.write(path))
    model.save(content, path, save_as_external_data=True, location="m.data", size_threshold=0)
    path.with_name("m.data").unlink()


def later_opset(path):
    content = model.load(tiny_onnx.write(path))
    content.opset_import[0].version = 99
    model.save(content, path)


def later_version(path):
    content = model.load(tiny_onnx.write(path))
    content.ir_version = 99
    model.save(content, path)


def broken_card(path):
    content = model.load(tiny_onnx.write(path))
    helper.set_model_props(content, {"oneclick": '{"model": 1}'})
    model.save(content, path)


def later_card(path):
    content = model.load(tiny_onnx.write(path))
    card = graph_card.GraphCard(
        schema=2, model="m", arch="a", weights="", classes=("person",), threshold=0.5
    )
    helper.set_model_props(content, {"oneclick": graph_card.to_text(card)})
    model.save(content, path)


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        pytest.param(lambda path: path.write_bytes(b""), "empty: copy it again", id="empty"),
        pytest.param(lambda path: path.write_bytes(b"hello"), "no ONNX file", id="text"),
        pytest.param(lambda path: path.write_bytes(bytes(range(256))), "no ONNX file", id="bytes"),
        pytest.param(
            lambda path: path.write_bytes(tiny_onnx.write(path).read_bytes()[:3000]),
            "only a part of one: copy it again",
            id="truncated",
        ),
        pytest.param(lambda path: path.mkdir(), "a folder", id="folder"),
        pytest.param(other_input, r"inputs x \[1, 4, 8, 8\]", id="four channels"),
        pytest.param(second_input, r"inputs x .*, z \[2\]", id="an input more"),
        pytest.param(unknown_operator, "without custom operators", id="unknown operator"),
        pytest.param(weights_elsewhere, "lie in m.data, which is missing", id="no weights"),
        pytest.param(later_opset, "update onnxruntime", id="later opset"),
        pytest.param(later_version, "update onnxruntime", id="later version"),
        pytest.param(broken_card, "detector onnx:.*model", id="broken card"),
        pytest.param(later_card, "schema 2, this version reads 1: update", id="later card"),
    ],
)
def test_a_graph_that_cannot_be_read_says_in_one_line_why(tmp_path, write, reason):
    path = tmp_path / "m.onnx"
    write(path)
    with pytest.raises(DetectorUnavailable, match=reason) as excinfo:
        onnx.load(str(path))
    assert "\n" not in str(excinfo.value)


def test_identity_follows_weights_in_another_file_too(tmp_path):
    path = tiny_onnx.write(tmp_path / "m.onnx")
    content = model.load(path)
    model.save(content, path, save_as_external_data=True, location="m.data", size_threshold=99)
    before = onnx.load(str(path)).model_id
    data = bytearray((tmp_path / "m.data").read_bytes())
    data[-1] ^= 1
    (tmp_path / "m.data").write_bytes(data)
    assert onnx.load(str(path)).model_id != before


@pytest.mark.parametrize(
    ("cores", "setting", "count"), [(1, "", 1), (2, "", 1), (4, "", 2), (64, "", 4), (2, "7", 7)]
)
def test_a_session_leaves_half_of_the_cores_to_others(monkeypatch, cores, setting, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: range(cores))
    monkeypatch.setenv(onnx_session.THREADS, setting)
    assert onnx_session.threads() == count


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "abacus", "cpu:x"])
def test_a_device_that_onnxruntime_lacks_is_named(tmp_path, device):
    path = tiny_onnx.write(tmp_path / "m.onnx")
    with pytest.raises(UsageError, match=f"device '{device}'") as excinfo:
        detectors.create(f"onnx:{path}", None, device)
    assert "\n" not in str(excinfo.value)


def test_a_graph_runs_on_the_cpu_where_torch_uses_the_gpu_of_a_mac(tmp_path):
    name, result = f"onnx:{tiny_onnx.write(tmp_path / 'm.onnx')}", BatchResult()
    detector = predict.load_detector(Workspace(tmp_path), name, "mps", result)
    (note,) = result.notes
    assert "run on the CPU" in note
    predict.load_detector(Workspace(tmp_path), name, "cpu", result)
    assert result.notes == [note]
    frame = np.zeros((64, 64, 3), np.uint8)
    (on_cpu,) = detectors.create(name, None, "cpu").detect([frame])
    for part, expected in zip(detector.detect([frame])[0], on_cpu, strict=True):
        np.testing.assert_array_equal(part, expected)


def test_yolox_answers_as_opencv_does():
    """The runtime before this one, with the same letterbox."""
    footage.needed()
    frame = next(footage.frames(1))
    detector = onnx.load(str(STREET))
    assert isinstance(detector, onnx.OnnxDetector)
    picture, _ = detector._graph.picture.picture(frame)
    network = cv2.dnn.readNetFromONNX(str(STREET))
    network.setInput(picture[None])
    rows = detector._session.run(detector._graph.feeds([picture], [frame.shape[:2]]))["output"]
    assert np.allclose(rows, network.forward(), atol=1e-3)


def test_fastest_det_answers_as_another_reader_did():
    """det/fastestdet.txt was made from the same weights."""
    footage.needed()
    from oneclick.core.spans import Span
    from oneclick.formats import mot_text

    path = footage.DATA / "mot" / "PETS09-S2L1" / "det" / "fastestdet.txt"
    reference = mot_text.load(path, 10.0, footage.FRAMES).cut(Span(0, 3)).above(0.5)
    detector = onnx.load(str(footage.DATA / "weights" / "FastestDet.onnx"))
    sure = detectors.run(detector, footage.frames(3), 3, 10.0, ("person",)).above(0.5)
    assert np.allclose(np.sort(sure.scores), np.sort(reference.scores), atol=0.01)
    assert np.allclose(np.sort(sure.boxes, 0), np.sort(reference.boxes, 0), atol=1)


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

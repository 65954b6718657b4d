"""What other projects export: each kind is read as it is meant, or refused in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx as model
import pytest
from onnx import helper
from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import coco, graph_card, onnx, onnx_layouts
from tests.detectors import tiny_onnx

SIZE = (64, 64)
FRAME = np.full((64, 96, 3), 255, np.uint8)
"""Shown to a graph of 64 × 64 px at two thirds of its size."""
CELLS = len(onnx_layouts.grid(SIZE)[0])
Answers = dict[str, np.ndarray]


def cell_rows(*columns: float) -> np.ndarray:
    """`(cells, 4 + n)`: each cell with a box of half its size again around its centre, in px."""
    cells, strides = onnx_layouts.grid(SIZE)
    centres = (cells + 0.5) * strides[:, None]
    sizes = np.stack([strides, strides], 1) * 1.5
    rest = np.tile(np.array(columns, np.float32), (CELLS, 1))
    return np.concatenate([centres, sizes, rest], 1).astype(np.float32)


def changed(rows: np.ndarray, row: int, column: int, value: float) -> np.ndarray:
    rows = rows.copy()
    rows[row, column] = value
    return rows


def write(path: Path, answers: Answers, metadata: dict[str, str] | None = None) -> Path:
    """A graph of 64 × 64 px that always gives these answers."""
    kinds = {"f": "float", "i": "int64"}
    heads = ", ".join(
        f"{kinds[v.dtype.kind]}[{','.join(map(str, v.shape))}] {n}" for n, v in answers.items()
    )
    values = ", ".join(
        f"{kinds[v.dtype.kind]}[{','.join(map(str, v.shape))}] c_{n} = "
        f"{{{', '.join(map(str, v.ravel().tolist()))}}}"
        for n, v in answers.items()
    )
    nodes = " ".join(f"{n} = Identity(c_{n})" for n in answers)
    tiny_onnx.parse(path, f"g (float[1,3,64,64] images) => ({heads}) <{values}> {{ {nodes} }}")
    if metadata:
        content = model.load(path)
        helper.set_model_props(content, metadata)
        model.save(content, path)
    return path


def names_beside(path: Path, text: str) -> None:
    path.with_name(path.name + ".names").write_text(text)


def found(path: Path) -> list[tuple[list[float], float, str]]:
    """Boxes, scores and class names in FRAME."""
    detector = onnx.load(str(path))
    boxes, scores, classes = detector.detect([FRAME])[0]
    return [
        (np.round(box, 1).tolist(), round(float(score), 3), detector.names[k])
        for box, score, k in zip(boxes, scores, classes, strict=True)
    ]


# The cell of stride 32 at the left upper corner: 48 px around (16, 16), clipped to the frame.
CORNER, CORNER_BOX = CELLS - 4, [0, 0, 60, 60]
YOLOV8 = {"output0": changed(cell_rows(0.01, 0.01), CORNER, 5, 0.9).T[None]}
SEGMENTS = {
    "output0": changed(cell_rows(0.01, 0.01, 7, -7), CORNER, 5, 0.9).T[None],
    "output1": np.zeros((1, 2, 16, 16), np.float32),
}
YOLOV5 = {
    "output": changed(
        changed(np.tile(cell_rows(0.01, 0.01, 0.9), (3, 1)), CORNER, 4, 0.8), CORNER, 5, 0.5
    )[None]
}
YOLOV6 = {"outputs": changed(cell_rows(1, 0.01), CORNER, 5, 0.9)[None]}
ROWS = {
    "output0": np.array([[[10, 20, 30, 40, 0.9, 1], [0, 0, 0, 0, 0, 0]]], np.float32),
}
COUNTED = {
    "num_dets": np.array([[1]]),
    "boxes": np.array([[[10, 20, 30, 40], [0, 0, 0, 0]]], np.float32),
    "scores": np.array([[0.9, 0]], np.float32),
    "labels": np.array([[1, -1]]),
}
RELATIVE = {
    "bboxes": np.array([[[0.25, 0.25, 0.75, 0.5]]], np.float32),
    "labels": np.array([[1]]),
    "scores": np.array([[0.9]], np.float32),
}
MADE = {"names": "{0: 'bed', 1: 'person'}", "task": "detect", "imgsz": "[64, 64]"}


@pytest.mark.parametrize(
    ("answers", "metadata", "expected"),
    [
        pytest.param(YOLOV8, MADE, (CORNER_BOX, 0.9, "person"), id="YOLOv8"),
        pytest.param(YOLOV8, {}, (CORNER_BOX, 0.9, "class1"), id="YOLOv8 without names"),
        pytest.param(SEGMENTS, MADE | {"task": "segment"}, (CORNER_BOX, 0.9, "person"), id="masks"),
        pytest.param(YOLOV5, MADE, (CORNER_BOX, 0.72, "person"), id="YOLOv5"),
        pytest.param(YOLOV6, {}, (CORNER_BOX, 0.9, "person"), id="YOLOv6"),
        pytest.param(ROWS, MADE, ([15, 30, 45, 60], 0.9, "person"), id="YOLOv10"),
        pytest.param(ROWS, {}, ([15, 30, 45, 60], 0.9, "bicycle"), id="YOLOv10 of COCO"),
        pytest.param(COUNTED, {}, ([15, 30, 45, 60], 0.9, "bicycle"), id="NMS in the graph"),
        pytest.param(COUNTED, MADE, ([15, 30, 45, 60], 0.9, "person"), id="NMS, named"),
        pytest.param(RELATIVE, {}, ([24, 24, 72, 48], 0.9, "person"), id="parts of the input"),
    ],
)
def test_a_kind_is_read_as_it_is_meant(
    tmp_path: Path,
    answers: Answers,
    metadata: dict[str, str],
    expected: tuple[list[float], float, str],
) -> None:
    found_first, *_ = found(write(tmp_path / "m.onnx", answers, metadata))
    assert found_first == expected


def test_yolo_sees_rgb_from_0_to_1_and_yolox_bgr_from_0_to_255(tmp_path: Path) -> None:
    yolo = onnx.load(str(write(tmp_path / "a.onnx", YOLOV8)))
    yolox = onnx.load(str(tiny_onnx.write(tmp_path / "b.onnx")))
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    levels = [each._graph.picture.picture(red)[0][:, 0, 0].tolist() for each in (yolo, yolox)]  # type: ignore[union-attr]
    assert levels == [[1, 0, 0], [0, 0, 255]]


def test_a_list_of_names_goes_before_those_in_the_graph(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", YOLOV8, MADE)
    names_beside(path, "lift\nnurse\n")
    assert found(path)[0][2] == "nurse"


def test_a_graph_of_open_size_says_the_size_it_was_trained_at(tmp_path: Path) -> None:
    path = tiny_onnx.write(tmp_path / "m.onnx", is_open=True)
    content = model.load(path)
    helper.set_model_props(content, {"imgsz": "[96, 128]"})
    model.save(content, path)
    assert onnx.load(str(path))._graph.picture.size == (96, 128)  # type: ignore[union-attr]


DETR_BOXES = np.array([[[0.25, 0.25, 0.5, 0.5], [0.75, 0.5, 0.5, 1], [0.5, 0.5, 0.2, 0.2]]])


def detr(*logits: list[float]) -> Answers:
    return {"dets": DETR_BOXES.astype(np.float32), "labels": np.array([logits], np.float32)}


@pytest.mark.parametrize(
    ("logits", "names", "expected"),
    [
        pytest.param(  # softmax of 4, 0, 2
            [[4.0, 0, 2], [-4, -4, 6], [-4, -4, 6]], "person\nbed\n", [0.867], id="DETR"
        ),
        pytest.param(
            [[2.0, -5, -5], [-5, -5, -6], [-4.5, -5, -6]], "person\nbed\n", [0.881], id="RF-DETR"
        ),
        pytest.param(
            [[2.0, -5, 9], [-5, -5, -6], [-4.5, -5, -6]],
            "person\nbed\n",
            [0.881],
            id="RF-DETR, a wild value in the unused column",
        ),
        pytest.param(
            [[2.0, -5], [-5, -5], [-4.5, -5]], "person\nbed\n", [0.881], id="a class a column"
        ),
    ],
)
def test_the_last_column_of_a_detr_is_no_object_only_where_it_wins_on_grey(
    tmp_path: Path, logits: list[list[float]], names: str, expected: list[float]
) -> None:
    path = write(tmp_path / "m.onnx", detr(*logits))
    names_beside(path, names)
    assert [(score, name) for _, score, name in found(path)] == [
        (score, "person") for score in expected
    ]


FINAL = {
    "boxes": np.array([[10, 20, 30, 40]], np.float32),
    "labels": np.array([13]),
    "scores": np.array([0.9], np.float32),
}
CATEGORIES = FasterRCNN_ResNet50_FPN_Weights.DEFAULT.meta["categories"]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param("", id="none"),
        pytest.param("\n".join(CATEGORIES), id="torchvision's own list, background first"),
        pytest.param("\n".join(coco.NUMBERED_NAMES[1:]) + "\n\n", id="blank where COCO has a gap"),
    ],
)
def test_numbers_of_torchvision_keep_their_names_in_every_list(tmp_path: Path, names: str) -> None:
    path = write(tmp_path / "m.onnx", FINAL)
    if names:
        names_beside(path, names)
    assert found(path)[0][2] == "stop sign"


PAIR = {
    "pred_boxes": cell_rows()[None, :, :4],
    "pred_scores": changed(cell_rows(0.01, 0.01)[:, 4:], CORNER, 0, 0.9)[None],
}
LOGITS_OF_YOLOX = {"out": changed(cell_rows(-6, 3), CORNER, 4, 2)[None]}
CHANCES = {
    "scores": np.array([[[0.02, 0.98], [0.99, 0.01]]], np.float32),
    "boxes": np.array([[[0.1, 0.1, 0.4, 0.9], [0.5, 0.5, 0.9, 0.9]]], np.float32),
}


def nan_graph(path: Path) -> Path:
    """YOLOX that answers what is not a number, as after an overflow in half a float."""
    tiny_onnx.write(path)
    content = model.load(path)
    node = content.graph.node[-1]
    node.output[0] = "numbers"
    content.graph.node.append(helper.make_node("Log", ["numbers"], ["logs"]))
    content.graph.node.append(helper.make_node("Mul", ["logs", "zero"], ["out"]))
    content.graph.initializer.append(
        helper.make_tensor("zero", model.TensorProto.FLOAT, [1], [0.0])
    )
    model.save(content, path)
    return path


def keypoints(path: Path) -> Path:
    return tiny_onnx.parse(
        path,
        """g (float[3,height,width] image)
        => (float[n,4] boxes, int64[n] labels, float[n] scores, float[n,17,3] keypoints)
        {
            none = Constant<value = int64[1] {0}>()
            four = Constant<value = int64[2] {0,4}>()
            seventeen = Constant<value = int64[3] {0,17,3}>()
            boxes = ConstantOfShape(four)
            scores = ConstantOfShape(none)
            keypoints = ConstantOfShape(seventeen)
            labels = Cast<to=7>(scores)
        }""",
    )


def test_keypoints_beside_the_boxes_are_left_unread(tmp_path: Path) -> None:
    assert found(keypoints(tmp_path / "m.onnx")) == []


def text_output(path: Path) -> Path:
    return tiny_onnx.parse(
        path,
        f"""g (float[1,3,64,64] x) => (string[1,{CELLS},6] out)
        {{
            zeros = Constant<value_ints = [1,{CELLS},6]>()
            numbers = ConstantOfShape(zeros)
            out = Cast<to = 8>(numbers)
        }}""",
    )


def list_output(path: Path) -> Path:
    return tiny_onnx.parse(
        path,
        """g (float[1,3,64,64] x) => (seq(float[1,3,64,64]) out)
        { out = SequenceConstruct(x, x) }""",
    )


def renamed_output(path: Path) -> Path:
    tiny_onnx.torchvision(path)
    content = model.load(path)
    card = graph_card.GraphCard(model="m", arch="a", weights="", classes=("person",), threshold=0.5)
    helper.set_model_props(content, {graph_card.KEY: graph_card.to_text(card)})
    model.save(content, path)
    return path


def half_of_the_weights(path: Path) -> Path:
    content = model.load(tiny_onnx.write(path))
    model.save(content, path, save_as_external_data=True, location="m.data", size_threshold=0)
    data = path.with_name("m.data")
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(PAIR, r"pred_boxes \(1, 84, 4\), pred_scores", id="boxes beside scores"),
        pytest.param(LOGITS_OF_YOLOX, "not between 0 and 1; export it with", id="no sigmoid"),
        pytest.param(CHANCES, "are chances, and what the numbers in boxes", id="chances"),
        pytest.param(nan_graph, "output out is not a number .* in float32", id="no number"),
        pytest.param(text_output, "unknown layout", id="text"),
        pytest.param(list_output, "unknown layout", id="a list of tensors"),
        pytest.param(renamed_output, "card does not fit its inputs and outputs", id="card"),
        pytest.param(half_of_the_weights, "only a part of its weights lies in m.data", id="half"),
    ],
)
def test_what_could_be_read_wrong_is_refused_in_one_line(
    tmp_path: Path, make: Any, reason: str
) -> None:
    path = tmp_path / "m.onnx"
    write(path, make) if isinstance(make, dict) else make(path)
    with pytest.raises(DetectorUnavailable, match=reason) as excinfo:
        onnx.load(str(path))
    assert "\n" not in str(excinfo.value)


def test_a_model_whose_boxes_are_turned_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", YOLOV8, MADE | {"task": "obb"})
    with pytest.raises(DetectorUnavailable, match=r"turned .* task detect"):
        onnx.load(str(path))


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("preprocessor_config.json", '{"size": {"height": -5, "width": 9}}', "size"),
        ("preprocessor_config.json", '{"size": {"height": 900000, "width": 9}}', "8192"),
        ("preprocessor_config.json", '{"image_std": [0, 1, 1]}', r"image_std\[0\]"),
        ("config.json", '{"id2label": ["person"]}', "id2label"),
    ],
)
def test_a_wild_number_beside_a_graph_is_named(
    tmp_path: Path, file: str, content: str, reason: str
) -> None:
    path = tiny_onnx.detr(tmp_path / "m.onnx", 80)
    (tmp_path / file).write_text(content)
    with pytest.raises(DetectorUnavailable, match=rf"{file}.*{reason}"):
        onnx.load(str(path))


@pytest.mark.parametrize("key", ["person", "30000000", "-1"])
def test_a_label_without_a_usable_number_is_left_out(tmp_path: Path, key: str) -> None:
    path = tiny_onnx.detr(tmp_path / "m.onnx", 2)
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {key: "bed"}}))
    assert onnx.load(str(path)).names == ("class0", "class1")


@pytest.mark.parametrize("name", ["a.onnx.json", "a.textproto", "a.onnxtxt", "a" * 5000])
def test_a_file_of_another_format_is_refused_whatever_it_is_called(
    tmp_path: Path, name: str
) -> None:
    if len(name) < 100:
        (tmp_path / name).write_text('{"location": "here"}')
    with pytest.raises(DetectorUnavailable) as excinfo:
        onnx.load(str(tmp_path / name))
    assert len(str(excinfo.value)) < 800


def test_a_home_folder_of_nobody_is_refused() -> None:
    with pytest.raises(DetectorUnavailable, match=r"^detector onnx:~no-such-user/m\.onnx: "):
        onnx.load("~no-such-user/m.onnx")


@pytest.mark.parametrize("kind", ["INT32", "FLOAT"])
def test_the_size_of_the_frame_is_told_in_the_type_that_a_graph_asks_for(
    tmp_path: Path, kind: str
) -> None:
    path = tiny_onnx.deployed(tmp_path / "m.onnx")
    content = model.load(path)
    content.graph.input[1].type.tensor_type.elem_type = getattr(model.TensorProto, kind)
    model.save(content, path)
    assert found(path) == [([0, 0, 96, 64], 1.0, "person")]


def test_the_number_of_channels_may_be_open(tmp_path: Path) -> None:
    path = tiny_onnx.detr(tmp_path / "m.onnx", 80, mask=True)
    content = model.load(path)
    channels = content.graph.input[0].type.tensor_type.shape.dim[1]
    channels.ClearField("dim_value")
    channels.dim_param = "num_channels"
    model.save(content, path)
    assert found(path)[0][2] == "person"

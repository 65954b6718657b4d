"""ONNX files of a few kilobytes, of each layout, whose answers can be worked out by hand."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, parser

STRIDES = (8, 16, 32)


def write(
    path: Path,
    size: int = 64,
    classes: int = 1,
    strides: tuple[int, ...] = STRIDES,
    batch: int | str = 1,
    is_open: bool = False,
) -> Path:
    """Write a graph in the layout of YOLOX for `size` × `size` px to `path`.

    For each stride a convolution as large as its cell: objectness = mean brightness, every class
    score = 1, the box = the cell itself. So a bright cell is a box, and its brightness the score.

    Args:
        batch: pictures that it takes, or the name of an open axis.
        is_open: whether height and width of the input are open too.
    """
    nodes, weights = [], [numpy_helper.from_array(np.array([0, 5 + classes, -1]), "flat")]
    for s in strides:
        weights += [
            numpy_helper.from_array(kernel(s, classes), f"w{s}"),
            numpy_helper.from_array(bias(classes), f"b{s}"),
        ]
        nodes.append(
            helper.make_node(
                "Conv", ["in", f"w{s}", f"b{s}"], [f"map{s}"], kernel_shape=[s, s], strides=[s, s]
            )
        )
        nodes.append(helper.make_node("Reshape", [f"map{s}", "flat"], [f"cells{s}"]))
    nodes.append(helper.make_node("Concat", [f"cells{s}" for s in strides], ["all"], axis=2))
    nodes.append(helper.make_node("Transpose", ["all"], ["out"], perm=[0, 2, 1]))
    cells = "cells" if is_open else sum((size // s) ** 2 for s in strides)
    sides = ("height", "width") if is_open else (size, size)
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, (batch, 3, *sides))],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, (batch, cells, 5 + classes))],
        weights,
    )
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), path)
    return path


def kernel(stride: int, classes: int) -> np.ndarray:
    weights = np.zeros((5 + classes, 3, stride, stride), np.float32)
    weights[4] = 1 / (3 * 255 * stride**2)
    return weights


def bias(classes: int) -> np.ndarray:
    return np.array([0.5, 0.5, 0, 0, 0] + [1] * classes, np.float32)


def parse(path: Path, text: str) -> Path:
    """Write the graph that onnx.parser reads from `text`."""
    onnx.save(parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]>\n{text}'), path)
    return path


def fastest_det(path: Path) -> Path:
    """FastestDet at 32 × 32 px, two classes: a cell's brightness is its objectness, its size is
    half the picture, its centre its own corner; the second class has 0.75 of the chance."""
    values = "0, 0, 0, 0, 0, 0.25, 0.75"
    weights = [0.0] * (7 * 3 * 16 * 16)
    weights[: 3 * 256] = [1 / (3 * 256)] * (3 * 256)
    return parse(
        path,
        f"""fastest (float[1,3,32,32] image) => (float[1,7,2,2] out)
        <float[7] b = {{{values}}}, float[7,3,16,16] w = {{{", ".join(map(str, weights))}}}>
        {{ out = Conv<kernel_shape = [16,16], strides = [16,16]>(image, w, b) }}""",
    )


def detr(
    path: Path,
    columns: int = 2,
    size: tuple[int | str, int | str] = (32, 48),
    names: tuple[str, str] = ("logits", "pred_boxes"),
    mask: bool = False,
) -> Path:
    """DETR with two queries: the first has a logit of 8 × mean level − 4 in class 0 and −4 in the
    others, the second −4 throughout; boxes in the left upper quarter and over the right half."""
    height, width = size
    low = ", ".join(["0.0"] * (2 * columns))
    first = ", ".join(["8.0"] + ["0.0"] * (2 * columns - 1))
    logits, boxes = names
    more = ", int64[N,64,64] pixel_mask" if mask else ""
    return parse(
        path,
        f"""detr (float[N,3,{height},{width}] pixel_values{more})
        => (float[N,2,{columns}] {logits}, float[N,2,4] {boxes}, float[N,2,7] last_hidden_state)
        <float[1,2,{columns}] first = {{{first}}}, float[1,2,{columns}] low = {{{low}}},
         float[1,2,4] places = {{0.25,0.25,0.5,0.5, 0.75,0.5,0.5,1}}, float four = {{4}},
         float none = {{0}}, float[1,2,7] nothing = {{0,0,0,0,0,0,0,0,0,0,0,0,0,0}},
         int64[2] axes = {{1,2}}>
        {{
            flat = ReduceMean<axes = [1,2,3], keepdims = 0>(pixel_values)
            level = Unsqueeze(flat, axes)
            high = Mul(level, first)
            shifted = Sub(high, four)
            {logits} = Add(shifted, low)
            zero = Mul(level, none)
            {boxes} = Add(zero, places)
            last_hidden_state = Add(zero, nothing)
        }}""",
    )


def torchvision(path: Path) -> Path:
    """Final boxes as torchvision exports them: a box of 2 … 10 px, label 1, score = mean level."""
    return parse(
        path,
        """final (float[3,height,width] image)
        => (float[n,4] boxes, int64[n] labels, float[n] scores)
        <float[1,4] box = {2,2,10,6}, int64[1] person = {1}>
        {
            boxes = Identity(box)
            labels = Identity(person)
            mean = ReduceMean<keepdims = 0>(image)
            shape = Constant<value_ints = [1]>()
            scores = Reshape(mean, shape)
        }""",
    )


def deployed(path: Path) -> Path:
    """Final boxes as RT-DETR and D-FINE deploy them: the whole frame is one box of label 0."""
    return parse(
        path,
        """deployed (float[N,3,32,32] images, int64[N,2] orig_target_sizes)
        => (int64[N,1] labels, float[N,1,4] boxes, float[N,1] scores)
        <int64[1] axis = {1}, int64[1] zero = {0}>
        {
            sides = Cast<to = 1>(orig_target_sizes)
            none = Sub(sides, sides)
            flat = Concat<axis = 1>(none, sides)
            boxes = Unsqueeze(flat, axis)
            mean = ReduceMean<axes = [1,2,3], keepdims = 0>(images)
            scores = Unsqueeze(mean, axis)
            low = Sub(scores, scores)
            labels = Cast<to = 7>(low)
        }""",
    )


def square(path: Path) -> Path:
    """Final boxes as torchvision exports them: the one around all red px, label 1, score 0.9."""
    return parse(
        path,
        """square (float[3,height,width] image)
        => (float[n,4] boxes, int64[n] labels, float[n] scores)
        <float high = {0.6}, float low = {0.4}, float sure = {0.9}, int64 zero = {0},
         int64 two = {2}, int64 one = {1}, int64[1] axis = {0}, int64[1] person = {1}>
        {
            red = Gather<axis = 0>(image, zero)
            blue = Gather<axis = 0>(image, two)
            is_bright = Greater(red, high)
            is_warm = Less(blue, low)
            is_red = And(is_bright, is_warm)
            levels = Cast<to = 1>(is_red)
            columns = ReduceMax<axes = [0], keepdims = 0>(levels)
            rows = ReduceMax<axes = [1], keepdims = 0>(levels)
            x1 = ArgMax<axis = 0>(columns)
            y1 = ArgMax<axis = 0>(rows)
            last_x = ArgMax<axis = 0, select_last_index = 1>(columns)
            last_y = ArgMax<axis = 0, select_last_index = 1>(rows)
            x2 = Add(last_x, one)
            y2 = Add(last_y, one)
            sides = Concat<axis = 0>(x1, y1, x2, y2)
            px = Cast<to = 1>(sides)
            boxes = Unsqueeze(px, axis)
            labels = Identity(person)
            peak = ReduceMax<axes = [0]>(columns)
            scores = Mul(peak, sure)
        }""",
    )

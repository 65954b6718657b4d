"""Smaller graphs: weights in float16, or convolutions in int8 with ranges measured on frames."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from oneclick.detectors import graph_card
from oneclick.detectors.base import Frame

HALF = "/half"
"""End of the names of values in float16."""
LAYERS = ("Conv", "Gemm", "MatMul")
"""Operators with weights."""
BETWEEN = (
    "Relu",
    "LeakyRelu",
    "Sigmoid",
    "HardSwish",
    "HardSigmoid",
    "MaxPool",
    "GlobalAveragePool",
)
"""Operators between layers whose numbers do not outgrow float16."""
EXCLUSIONS: tuple[tuple[str, ...], ...] = (
    (),
    ("head", "rpn", "predictor"),
    ("head", "rpn", "predictor", "first"),
)
"""Parts of a network that stay in float, tried in this order: more exact, less gained."""


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph whose layers compute in float16, with weights of half the size.

    Px and scores stay in float32: float16 knows only every second px beyond 2,048.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    graph_half = half.graph
    weights = {tensor.name: tensor for tensor in graph_half.initializer}
    changed = [
        node
        for node in graph_half.node
        if node.op_type in BETWEEN or (node.op_type in LAYERS and set(node.input) & set(weights))
    ]
    inside = {name for node in changed for name in node.output}
    casts: dict[str, onnx.NodeProto] = {}
    used_outside = {value.name for value in graph_half.output}
    for node in graph_half.node:
        if node not in changed:
            used_outside.update(node.input)
    nodes = []
    for node in graph_half.node:
        if node not in changed:
            nodes.append(node)
            continue
        for place, name in enumerate(node.input):
            if not name:
                continue
            node.input[place] = name + HALF
            if name not in inside and name not in casts:
                casts[name] = _cast(name, name + HALF, TensorProto.FLOAT16)
                if name in weights:
                    values = numpy_helper.to_array(weights[name]).astype(np.float16)
                    graph_half.initializer.append(numpy_helper.from_array(values, name + HALF))
                else:
                    nodes.append(casts[name])
        outputs = list(node.output)
        node.output[:] = [name + HALF for name in outputs]
        nodes.append(node)
        nodes += [
            _cast(name + HALF, name, TensorProto.FLOAT) for name in outputs if name in used_outside
        ]
    del graph_half.node[:]
    graph_half.node.extend(nodes)
    del graph_half.value_info[:]
    used = {name for node in nodes for name in node.input}
    for tensor in [each for each in graph_half.initializer if each.name not in used]:
        graph_half.initializer.remove(tensor)
    return half


def _cast(source: str, target: str, kind: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], name=f"{target}/cast", to=kind)


class _Frames:
    """Frames as onnxruntime's calibration asks for them."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames: Iterator[Frame] = iter(frames)

    def get_next(self) -> dict[str, Any] | None:
        frame = next(self._frames, None)
        return None if frame is None else {graph_card.FRAME: frame}


def to_int8(
    model: onnx.ModelProto, frames: Sequence[Frame], excluded: Sequence[str] = ()
) -> onnx.ModelProto:
    """Return a graph whose convolutions compute in int8, each channel with a scale of its own.

    Args:
        model: in float32.
        frames: that the ranges are measured on.
        excluded: parts that stay in float, by a part of their name; `first` is the first of all.
    """
    from onnxruntime import quantization

    layers = [node.name for node in model.graph.node if node.op_type in LAYERS]
    left_out = [
        name
        for place, name in enumerate(layers)
        if ("first" in excluded and place == 0) or any(part in name for part in excluded)
    ]
    logger = logging.getLogger()
    level = logger.level
    with tempfile.TemporaryDirectory(prefix="oneclick-int8-") as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        logger.setLevel(logging.ERROR)  # it advises a pass that the graph does not need
        try:
            quantization.quantize_static(
                source,
                target,
                _Frames(frames),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                op_types_to_quantize=list(LAYERS),
                nodes_to_exclude=left_out,
            )
        finally:
            logger.setLevel(level)
        return onnx.load(target)

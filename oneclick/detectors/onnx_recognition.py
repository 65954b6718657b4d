"""Recognition of a graph of another project: how it is fed, and what its outputs mean.

The names, types and shapes of inputs and outputs tell; where these are open, a run on a grey
picture does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import onnx_graphs, onnx_kinds, onnx_layouts
from oneclick.detectors.onnx_graphs import ForeignGraph
from oneclick.detectors.onnx_layouts import Outputs
from oneclick.detectors.onnx_session import GraphSession

YOLO_SIZE = (416, 416)
"""Height and width in px where the file does not fix them, and one output alone is no DETR's."""


def takes_batches(session: GraphSession, graph: ForeignGraph) -> bool:
    """Check whether several pictures can go into a graph at once, by trying it."""
    image = next(each for each in session.inputs if each.name == graph.image)
    size = graph.picture.size
    if not graph.has_batch or isinstance(image.shape[0], int) or size is None:
        return False
    pictures = [np.zeros((3, *size), np.float32)] * 2
    try:
        outputs = session.run(graph.feeds(pictures, [size] * 2))
    except DetectorUnavailable:  # a shape within the graph is fixed to one picture
        return False
    used = graph.used_outputs
    return all(outputs[name].ndim > 1 and len(outputs[name]) == 2 for name in used)


def recognize(session: GraphSession) -> ForeignGraph:
    """Tell how a graph is fed and read.

    Raises:
        DetectorUnavailable: in one line, if it is of no known layout, it answers no numbers, or its
            classes do not match those that are named beside it.
    """
    inputs = onnx_graphs.with_inputs(session)
    size = inputs.picture.size or (onnx_kinds.DETR_SIZE if len(session.outputs) > 1 else YOLO_SIZE)
    grey = np.full((3, *size), onnx_kinds.GREY, np.float32)
    outputs = session.run(inputs.feeds([grey], [size]))
    graph = onnx_kinds.yolox(session, inputs, outputs, size)
    if graph is None:
        outputs = session.run(inputs.feeds([grey / np.float32(255)], [size]))
        graph = (
            onnx_kinds.yolo(session, inputs, outputs, size)
            or onnx_kinds.fastest_det(session, inputs, outputs, size)
            or onnx_kinds.final(session, inputs, outputs)
            or onnx_kinds.rows(session, inputs, outputs, size)
            or onnx_kinds.detr(session, inputs, outputs)
        )
    if graph is None:
        raise _unknown(session.path, outputs, size)
    broken = [name for name in graph.used_outputs if np.isnan(outputs[name]).any()]
    if broken:
        raise DetectorUnavailable(
            f"detector onnx:{session.path}: its output {broken[0]} is not a number on a grey "
            "picture; export it again, in float32"
        )
    return graph


def _unknown(path: Path, outputs: Outputs, size: tuple[int, int]) -> DetectorUnavailable:
    """Return the error of a graph whose outputs are of no known layout."""
    shapes = ", ".join(f"{name} {value.shape}" for name, value in outputs.items())
    cells = len(onnx_layouts.grid(size)[0])
    return DetectorUnavailable(
        f"detector onnx:{path}: unknown layout, outputs {shapes[:200]}; it must be that of "
        f"YOLO, (1, {cells}, 5 + classes) or (1, 4 + classes, {cells}) for {size[0]}×{size[1]} px, "
        "of DETR (logits and pred_boxes), of torchvision (boxes, labels, scores), or of oneclick "
        "models export"
    )

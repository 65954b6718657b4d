"""Kinds of foreign detectors, each told from its outputs on a grey picture.

What the outputs leave open `onnx_names` reads beside the graph. A graph that could be read in two
ways is refused: boxes that are silently wrong are worse than none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import coco, onnx_layouts, onnx_names
from oneclick.detectors.onnx_graphs import ForeignGraph
from oneclick.detectors.onnx_layouts import (
    DetrLayout,
    FastestDetLayout,
    FinalLayout,
    Outputs,
    RowsLayout,
    YoloLayout,
)
from oneclick.detectors.onnx_pictures import PictureFormat
from oneclick.detectors.onnx_session import GraphSession

DETR_SIZE = (640, 640)
"""Height and width in px where the file does not fix them."""
GREY = 114
"""Level around the picture in the letterbox of YOLO."""
YOLO_THRESHOLD = 0.4
"""Of YOLO that is not YOLOX."""
ANCHORS = 3
"""Rows for each cell of YOLOv5 and YOLOv7."""
LOGITS, BOXES = ("logits", "pred_logits", "labels", "scores"), ("pred_boxes", "boxes", "dets")


def _are_chances(values: NDArray[Any]) -> bool:
    """Check whether all values are between 0 and 1, up to rounding."""
    return bool(((values >= -1e-3) & (values <= 1 + 1e-3)).all())


def _is_decoded(centres: NDArray[Any], size: tuple[int, int]) -> bool:
    """Check whether centres are px: before decoding they are a cell away at most."""
    return float(np.median(np.abs(centres))) > max(size) / 8


def yolox(
    session: GraphSession, graph: ForeignGraph, outputs: Outputs, size: tuple[int, int]
) -> ForeignGraph | None:
    """Return a graph of YOLOX: an output has a row for each of its cells.

    Raises:
        DetectorUnavailable: so it has, but its scores are no chances.
    """
    cells = len(onnx_layouts.grid(size)[0])
    rows = {n: v for n, v in outputs.items() if v.ndim == 3 and v.shape[:2] == (1, cells)}
    if len(rows) != 1:  # none, or boxes and scores of another kind
        return None
    name, value = next(iter(rows.items()))
    count = value.shape[2] - 5
    if count < 1 or (value[..., 4] == 1).all():  # YOLOv6 has no objectness
        return None
    if not (np.isnan(value).any() or _are_chances(value[..., 4:])):
        raise DetectorUnavailable(
            f"detector onnx:{session.path}: output {name} has the shape of YOLOX, but its scores "
            "are not between 0 and 1; export it with their sigmoid, as YOLOX's own export does"
        )
    return replace(
        graph,
        picture=PictureFormat(size=size, fill=GREY, bgr=True, divisor=1),
        layout=YoloLayout(name, size, count, _is_decoded(value[0, :, :2], size)),
        names=onnx_names.of_count(session.path, session.metadata, count),
    )


def yolo(
    session: GraphSession, graph: ForeignGraph, outputs: Outputs, size: tuple[int, int]
) -> ForeignGraph | None:
    """Return a graph of YOLOv5 to YOLOv8 and their kin: boxes in px, scores that are chances.

    Raises:
        DetectorUnavailable: its boxes are turned, or are no people's in another way.
    """
    cells = len(onnx_layouts.grid(size)[0])
    for name, value in outputs.items():
        if value.ndim != 3 or len(value) != 1:
            continue
        has_rows = value.shape[1] in (cells, ANCHORS * cells)
        if not has_rows and value.shape[2] != cells:
            continue
        rows = value[0] if has_rows else value[0].T
        first = 5 if has_rows else 4
        listed = onnx_names.in_metadata(session.metadata)
        count = len(listed) or rows.shape[1] - first
        chances = rows[:, first - has_rows : first + count]
        if not 1 <= count <= rows.shape[1] - first or not _are_chances(chances):
            continue
        if not _is_decoded(rows[:, :2], size):
            continue
        if session.metadata.get("task", "detect") == "obb":
            raise DetectorUnavailable(
                f"detector onnx:{session.path}: its boxes are turned (task obb); export a model "
                "of the task detect"
            )
        return replace(
            graph,
            picture=PictureFormat(size=size, fill=GREY),
            layout=YoloLayout(
                name,
                size,
                count,
                is_decoded=True,
                has_objectness=has_rows,
                is_transposed=not has_rows,
                threshold=YOLO_THRESHOLD,
            ),
            names=onnx_names.of_count(session.path, session.metadata, count),
        )
    return None


def fastest_det(
    session: GraphSession, graph: ForeignGraph, outputs: Outputs, size: tuple[int, int]
) -> ForeignGraph | None:
    """Return a graph of FastestDet: an output has its cells, and classes that sum to 1."""
    for name, value in outputs.items():
        cells = (size[0] // 16, size[1] // 16)
        if value.ndim == 4 and value.shape[2:] == cells and value.shape[1] >= 6:
            if not (np.allclose(value[0, 5:].sum(0), 1, atol=1e-2) and _are_chances(value[0, 0])):
                continue
            return replace(
                graph,
                picture=PictureFormat(size=size, stretches=True, bgr=True),
                layout=FastestDetLayout(name, size),
                names=onnx_names.of_count(session.path, session.metadata, value.shape[1] - 5),
            )
    return None


def final(session: GraphSession, graph: ForeignGraph, outputs: Outputs) -> ForeignGraph | None:
    """Return a graph whose outputs are boxes, integer labels and scores.

    Labels begin at 1 as torchvision's do; at 0 in deployed graphs, which are told the size of the
    frame, and where NMS in the graph counts its boxes in an output of its own.
    """
    flat = {
        name: value[0] if value.ndim == 3 and len(value) == 1 else value
        for name, value in outputs.items()
    }
    boxes = [name for name, value in flat.items() if value.ndim == 2 and value.shape[1] == 4]
    if len(boxes) != 1:
        return None
    shape = outputs[boxes[0]].shape[:-1]
    columns = [name for name, value in outputs.items() if value.shape == shape]
    labels = [name for name in columns if outputs[name].dtype.kind in "iu"]
    scores = [name for name in columns if outputs[name].dtype.kind == "f"]
    if len(labels) != 1 or len(scores) != 1:
        return None
    is_deployed = bool(graph.sizes)
    others = (value for name, value in outputs.items() if name not in columns)
    is_counted = any(v.dtype.kind in "iu" and v.size == 1 for v in others)
    listed = onnx_names.beside(session.path)
    names = listed.names or onnx_names.in_metadata(session.metadata)
    starts_at_0 = is_deployed or is_counted
    if not names:
        names = coco.NAMES if starts_at_0 else coco.NUMBERED_NAMES
        starts_at_0 = True
    picture = graph.picture
    if is_deployed:
        picture = replace(picture, stretches=True, size=picture.size or DETR_SIZE)
    elif is_counted:
        picture = replace(picture, fill=GREY)
    layout = FinalLayout(
        boxes[0],
        scores[0],
        labels[0],
        len(names),
        first_label=int(listed.has_background or not starts_at_0),
        in_frame=is_deployed,
        size=picture.size,
    )
    return replace(graph, picture=picture, layout=layout, names=names)


def rows(
    session: GraphSession, graph: ForeignGraph, outputs: Outputs, size: tuple[int, int]
) -> ForeignGraph | None:
    """Return a graph that answers rows of a final box, its score and its class, as YOLOv10."""
    rows = {n: v[0] for n, v in outputs.items() if v.ndim == 3 and v.shape[::2] == (1, 6)}
    if len(rows) != 1 or len(outputs) != 1:
        return None
    name, value = next(iter(rows.items()))
    classes = value[:, 5]
    is_numbered = bool((classes == np.round(classes)).all() and (classes >= -1).all())
    is_ordered = bool((value[:, 2:4] >= value[:, :2]).all())
    if not (len(value) and is_numbered and is_ordered and _are_chances(value[:, 4])):
        return None
    listed = onnx_names.beside(session.path)
    names = listed.names or onnx_names.in_metadata(session.metadata) or coco.NAMES
    layout = RowsLayout(
        name,
        name,
        name,
        len(names),
        first_label=int(listed.has_background),
        size=size,
        threshold=YOLO_THRESHOLD,
    )
    picture = PictureFormat(size=size, fill=GREY)
    return replace(graph, picture=picture, layout=layout, names=names)


def _detr_outputs(outputs: Outputs) -> tuple[str, str] | None:
    """Return the names of the outputs with logits and boxes of a DETR."""
    three = {name: value for name, value in outputs.items() if value.ndim == 3}
    boxes = [name for name, value in three.items() if value.shape[2] == 4]
    boxes = [name for name in boxes if name in BOXES] or boxes
    if len(boxes) != 1:
        return None
    queries = three[boxes[0]].shape[:2]
    logits = [n for n, value in three.items() if value.shape[:2] == queries and n not in boxes]
    logits = [name for name in logits if name in LOGITS] or logits
    places = three[boxes[0]]
    is_relative = bool(np.isfinite(places).all()) and -1 <= places.min() <= places.max() <= 2
    return (logits[0], boxes[0]) if len(logits) == 1 and is_relative else None


def detr(session: GraphSession, graph: ForeignGraph, outputs: Outputs) -> ForeignGraph | None:
    """Return a graph of the DETR kind: logits, and boxes in parts of the picture.

    Raises:
        DetectorUnavailable: the classes do not match, or the logits are chances already.
    """
    path, pair = session.path, _detr_outputs(outputs)
    if pair is None:
        return None
    logits = outputs[pair[0]][0].astype(np.float32)
    columns = logits.shape[1]
    if _are_chances(logits):
        raise DetectorUnavailable(
            f"detector onnx:{path}: {pair[0]} {outputs[pair[0]].shape} are chances, and what the "
            f"numbers in {pair[1]} mean is not told; export logits, or final boxes, labels, scores"
        )
    listed = onnx_names.beside(path, (columns, columns - 1))
    names = ("",) * listed.has_background + listed.names or onnx_names.in_config(path)
    if not names:
        has_one_more = columns in (len(coco.NAMES) + 1, len(coco.NUMBERED_NAMES) + 1)
        names = onnx_names.usual(columns - has_one_more)
    if columns - len(names) not in (0, 1):
        raise DetectorUnavailable(
            f'detector onnx:{path}: it has {columns} classes, or {columns - 1} and "no object", '
            f"but {len(names)} are named beside it; list them in {path.name}.names, one a line"
        )
    # A DETR that knows "no object" finds it on a grey picture; RF-DETR leaves that column unused.
    nothing_wins = float((logits.argmax(1) == columns - 1).mean()) > 0.5
    processor = onnx_names.processor(path)
    if processor is None:  # RT-DETR and D-FINE see 0 … 1, the others as ImageNet
        processor = onnx_names.Processor(do_normalize=columns != len(coco.NAMES))
    picture = PictureFormat(
        size=graph.picture.size or processor.fixed_size or DETR_SIZE,
        stretches=True,
        divisor=255.0 if processor.do_rescale else 1.0,
        mean=processor.image_mean if processor.do_normalize else (0, 0, 0),
        std=processor.image_std if processor.do_normalize else (1, 1, 1),
    )
    has_nothing = columns == len(names) + 1 and nothing_wins
    layout = DetrLayout(*pair, len(names), has_nothing)
    return replace(graph, picture=picture, layout=layout, names=names)

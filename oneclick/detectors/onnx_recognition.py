"""Recognition of a graph: what its inputs want and what its outputs mean, told from the graph.

The names, types and shapes of inputs and outputs tell; where these are open, a run on a grey
picture does. `FILE.names` lists the classes, one a line; beside graphs that optimum exported,
`config.json` and `preprocessor_config.json` are read as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import BadInput, DetectorUnavailable
from oneclick.detectors import coco, onnx_layouts
from oneclick.detectors.onnx_layouts import (
    DetrLayout,
    FastestDetLayout,
    FinalLayout,
    OutputLayout,
    Outputs,
    YoloxLayout,
)
from oneclick.detectors.onnx_pictures import IMAGENET_MEAN, IMAGENET_STD, PictureFormat
from oneclick.detectors.onnx_session import GraphSession
from oneclick.storage import bounded_documents, bounded_files

YOLOX_SIZE, DETR_SIZE = (416, 416), (640, 640)
"""Height and width in px where the file does not fix them."""
GREY = 114
"""Level around the picture in the letterbox of YOLOX."""
FLOATS: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}
MASKS, SIZES = ("pixel_mask",), ("orig_target_sizes", "orig_size", "target_sizes")
"""Names of inputs beside the picture."""
OUTPUT_FIELDS = ("output", "logits", "boxes", "scores", "labels")
"""Fields of layouts that name outputs."""
LOGITS, BOXES = ("logits", "pred_logits", "labels", "scores"), ("pred_boxes", "boxes", "dets")


class _Processor(msgspec.Struct):
    """The fields of `preprocessor_config.json` that matter."""

    do_normalize: bool = True
    do_rescale: bool = True
    image_mean: tuple[float, float, float] = IMAGENET_MEAN
    image_std: tuple[float, float, float] = IMAGENET_STD
    size: dict[str, int] | int = {}


class _Config(msgspec.Struct):
    """The field of `config.json` that matters."""

    id2label: dict[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class ForeignGraph:
    """How a foreign graph is fed and read."""

    image: str
    """Name of the input of pictures."""
    dtype: type[np.floating[Any]]
    has_batch: bool
    """Whether the input has an axis for several pictures."""
    masks: tuple[tuple[str, tuple[int | None, int | None]], ...]
    """Inputs that tell where the picture is, with their fixed height and width."""
    sizes: tuple[str, ...]
    """Inputs that tell the size of the frame."""
    picture: PictureFormat
    layout: OutputLayout
    names: tuple[str, ...]

    def feeds(
        self, pictures: list[NDArray[np.float32]], frames: list[tuple[int, int]]
    ) -> dict[str, NDArray[Any]]:
        """Return the inputs for pictures of one size.

        Args:
            pictures: (3, height, width) each.
            frames: height and width of each frame.
        """
        batch = np.stack(pictures) if self.has_batch else pictures[0]
        inputs: dict[str, NDArray[Any]] = {self.image: batch.astype(self.dtype, copy=False)}
        for name, fixed in self.masks:
            shape = [side or batch.shape[2 + k] for k, side in enumerate(fixed)]
            inputs[name] = np.ones((len(pictures), *shape), np.int64)
        for name in self.sizes:
            inputs[name] = np.array([(width, height) for height, width in frames], np.int64)
        return inputs

    def of_picture(self, outputs: Outputs, place: int) -> Outputs:
        """Return the outputs of the picture at a place in the batch, without that axis."""
        if isinstance(self.layout, FinalLayout) and outputs[self.layout.scores].ndim == 1:
            return outputs
        return {name: value[place] for name, value in outputs.items() if value.ndim}


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
    used = (value for key, value in vars(graph.layout).items() if key in OUTPUT_FIELDS)
    return all(outputs[name].ndim > 1 and len(outputs[name]) == 2 for name in used)


def recognize(session: GraphSession) -> ForeignGraph:
    """Tell how a graph is fed and read.

    Raises:
        DetectorUnavailable: in one line, if it is of no known layout, or its classes do not match
            those that are named beside it.
    """
    graph = _inputs(session)
    size = graph.picture.size or (DETR_SIZE if len(session.outputs) > 1 else YOLOX_SIZE)
    grey = np.full((3, *size), GREY, np.float32)
    outputs = session.run(graph.feeds([grey], [size]))
    if yolox := _yolox(outputs, size):
        count = outputs[yolox.output].shape[2] - 5
        picture = PictureFormat(size=size, fill=GREY, bgr=True, divisor=1)
        names = names_beside(session.path, count) or usual_names(count)
        return replace(graph, picture=picture, layout=yolox, names=names)
    levels = session.run(graph.feeds([grey / np.float32(255)], [size]))
    if fastest := _fastest_det(levels, size):
        count = levels[fastest.output].shape[1] - 5
        picture = PictureFormat(size=size, stretches=True, bgr=True)
        names = names_beside(session.path, count) or usual_names(count)
        return replace(graph, picture=picture, layout=fastest, names=names)
    if final := _final(levels, graph, session.path):
        return final
    if pair := _detr_outputs(levels):
        return _detr(graph, pair, levels[pair[0]].shape[2], session.path)
    shapes = ", ".join(f"{name} {value.shape}" for name, value in outputs.items())
    cells = len(onnx_layouts.grid(size)[0])
    raise DetectorUnavailable(
        f"detector onnx:{session.path}: unknown layout, outputs {shapes[:200]}; it must be that of "
        f"YOLOX, (1, {cells}, 5 + classes) for {size[0]}×{size[1]} px, of DETR (logits and "
        "pred_boxes), of torchvision (boxes, labels, scores), or of oneclick models export"
    )


def _inputs(session: GraphSession) -> ForeignGraph:
    """Return the inputs of a graph; its outputs are not yet known."""
    images = [
        each
        for each in session.inputs
        if each.type in FLOATS and len(each.shape) in (3, 4) and each.shape[-3] == 3
    ]
    others = [each for each in session.inputs if each not in images]
    unknown = [each for each in others if each.name not in (*MASKS, *SIZES)]
    if len(images) != 1 or unknown:
        shapes = ", ".join(f"{each.name} {each.shape} {each.type}" for each in session.inputs)
        raise DetectorUnavailable(
            f"detector onnx:{session.path}: unknown layout, inputs {shapes[:200]}; it must have "
            "one float input (batch, 3, height, width) of pictures"
        )
    image = images[0]
    height, width = (side if isinstance(side, int) else None for side in image.shape[-2:])
    masks = [
        (each.name, tuple(side if isinstance(side, int) else None for side in each.shape[1:]))
        for each in others
        if each.name in MASKS
    ]
    return ForeignGraph(
        image=image.name,
        dtype=FLOATS[image.type],
        has_batch=len(image.shape) == 4,
        masks=tuple((name, (shape[0], shape[1])) for name, shape in masks),
        sizes=tuple(each.name for each in others if each.name in SIZES),
        picture=PictureFormat(size=(height, width) if height and width else None),
        layout=FinalLayout("", "", "", 0),
        names=(),
    )


def _yolox(outputs: Outputs, size: tuple[int, int]) -> YoloxLayout | None:
    """Return the layout of YOLOX where an output has a row for each of its cells."""
    cells = len(onnx_layouts.grid(size)[0])
    for name, value in outputs.items():
        if value.ndim == 3 and value.shape[:2] == (1, cells) and value.shape[2] >= 6:
            # Before decoding a centre is a cell away at most, after it half a picture on average.
            is_decoded = float(np.median(np.abs(value[0, :, :2]))) > max(size) / 8
            return YoloxLayout(name, size, is_decoded)
    return None


def _fastest_det(outputs: Outputs, size: tuple[int, int]) -> FastestDetLayout | None:
    """Return the layout of FastestDet where an output has its cells, and classes that sum to 1."""
    for name, value in outputs.items():
        cells = (size[0] // 16, size[1] // 16)
        if value.ndim == 4 and value.shape[2:] == cells and value.shape[1] >= 6:
            sums, chances = value[0, 5:].sum(0), value[0, 0]
            if np.allclose(sums, 1, atol=1e-2) and 0 <= chances.min() <= chances.max() <= 1:
                return FastestDetLayout(name, size)
    return None


def _final(outputs: Outputs, graph: ForeignGraph, path: Path) -> ForeignGraph | None:
    """Return a graph whose outputs are boxes, integer labels and scores."""
    flat = {name: value[0] if value.ndim == 3 else value for name, value in outputs.items()}
    boxes = [name for name, value in flat.items() if value.ndim == 2 and value.shape[1] == 4]
    if len(boxes) != 1:
        return None
    shape = outputs[boxes[0]].shape[:-1]
    columns = [name for name, value in outputs.items() if value.shape == shape]
    labels = [name for name in columns if outputs[name].dtype.kind == "i"]
    scores = [name for name in columns if outputs[name].dtype.kind == "f"]
    if len(labels) != 1 or len(scores) != 1:
        return None
    is_deployed = bool(graph.sizes)
    names = names_beside(path) or (coco.NAMES if is_deployed else coco.NUMBERED_NAMES)
    layout = FinalLayout(
        boxes[0],
        scores[0],
        labels[0],
        len(names),
        first_label=int(not is_deployed and names is not coco.NUMBERED_NAMES),
        in_frame=is_deployed,
    )
    picture = replace(graph.picture, stretches=is_deployed)
    if is_deployed and picture.size is None:
        picture = replace(picture, size=DETR_SIZE)
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


def _detr(graph: ForeignGraph, pair: tuple[str, str], columns: int, path: Path) -> ForeignGraph:
    """Return a graph of the DETR kind with so many columns of logits."""
    names = names_beside(path) or _config_names(path)
    if not names:
        has_nothing = columns in (len(coco.NAMES) + 1, len(coco.NUMBERED_NAMES) + 1)
        names = usual_names(columns - has_nothing)
    if columns - len(names) not in (0, 1):
        raise DetectorUnavailable(
            f'detector onnx:{path}: it has {columns} classes, or {columns - 1} and "no object", '
            f"but {len(names)} are named beside it; list them in {path.name}.names, one a line"
        )
    processor = _read_beside(path, "preprocessor_config.json", _Processor)
    if processor is None:  # RT-DETR and D-FINE see 0 … 1, the others as ImageNet
        processor = _Processor(do_normalize=columns != len(coco.NAMES))
    size = processor.size if isinstance(processor.size, dict) else {}
    fixed = (size.get("height", 0), size.get("width", 0))
    picture = PictureFormat(
        size=graph.picture.size or (fixed if all(fixed) else DETR_SIZE),
        stretches=True,
        divisor=255.0 if processor.do_rescale else 1.0,
        mean=processor.image_mean if processor.do_normalize else (0, 0, 0),
        std=processor.image_std if processor.do_normalize else (1, 1, 1),
    )
    layout = DetrLayout(*pair, has_nothing=columns == len(names) + 1)
    return replace(graph, picture=picture, layout=layout, names=names)


def names_beside(path: Path, count: int | None = None) -> tuple[str, ...]:
    """Read class names from `<path>.names`; none without that file.

    Raises:
        DetectorUnavailable: the file lists another number of names than `count`.
    """
    names_file = path.with_name(path.name + ".names")
    if not names_file.is_file():
        return ()
    try:
        lines = bounded_files.read_text(names_file, bounded_files.MEBIBYTE).splitlines()
    except BadInput as error:
        raise DetectorUnavailable(f"detector onnx:{path}: {error}") from None
    names = tuple(line.strip() for line in lines if line.strip())
    if count is not None and len(names) != count:
        raise DetectorUnavailable(
            f"{names_file}: expected {count} names, one a line, got {len(names)}"
        )
    return names


def usual_names(count: int) -> tuple[str, ...]:
    """Return the names that so many classes usually have."""
    usual = {80: coco.NAMES, 91: coco.NUMBERED_NAMES, 1: ("person",)}
    return usual.get(count, tuple(f"class{k}" for k in range(count)))


def _config_names(path: Path) -> tuple[str, ...]:
    """Return the class names in optimum's `config.json` beside a graph."""
    config = _read_beside(path, "config.json", _Config)
    labels = {int(k): name for k, name in config.id2label.items()} if config else {}
    return tuple(labels.get(k, "") for k in range(max(labels, default=-1) + 1))


def _read_beside(path: Path, name: str, kind: type[Any]) -> Any:
    """Read a JSON file beside a graph or in the folder above; None where there is none.

    Raises:
        DetectorUnavailable: it is no such file.
    """
    folders = [path.parent, path.parent.parent] if path.parent.name == "onnx" else [path.parent]
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if file is None:
        return None
    try:
        content = bounded_files.read_bytes(file, bounded_files.MEBIBYTE)
        return bounded_documents.parse_json(content, kind)
    except (BadInput, ValueError) as error:
        raise DetectorUnavailable(f"detector onnx:{path}: {file}: {error}") from None

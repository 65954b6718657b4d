"""`onnx:FILE`: any model with the output layout of YOLOX, run by OpenCV.

In goes one letterboxed picture, raw BGR 0–255; out comes `(1, cells, 5 + classes)`: for each cell
of the strides 8, 16 and 32 a centre and size in cells, objectness, and a score per class (Ge et
al., "YOLOX", arXiv 2107.08430).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import base, coco
from oneclick.detectors.base import Found, Frame
from oneclick.storage import files

Floats = NDArray[np.float32]

STRIDES = (8, 16, 32)
DEFAULT_SIZE = (416, 416)
"""Height and width in px where the file leaves them open."""
GREY = 114
"""Fills what the letterbox leaves empty."""
NMS_IOU = 0.45
THRESHOLD = 0.6
"""Best F1 of YOLOX-nano on PETS09-S2L1."""


def load(file: str) -> Onnx:
    """The model in `file`; class names from `<file>.names` beside it (one a line), else COCO's.

    Raises:
        DetectorUnavailable: if the file is missing, no ONNX model, or of another layout.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise DetectorUnavailable(f"detector onnx:{file}: there is no file {path}")
    try:
        network = cv2.dnn.readNetFromONNX(str(path))
        size = input_size(path.read_bytes())
        shape = _forward(network, np.zeros((1, 3, *size), np.float32)).shape
    except (cv2.error, OSError, ValueError, IndexError) as error:
        reason = getattr(error, "err", None) or str(error) or type(error).__name__
        line = reason.strip().splitlines()[0][:120]
        raise DetectorUnavailable(
            f"detector onnx:{file}: OpenCV cannot run it as a model ({line})"
        ) from None
    cells = sum((size[0] // s) * (size[1] // s) for s in STRIDES)
    if len(shape) != 3 or shape[:2] != (1, cells) or shape[2] < 6:
        raise DetectorUnavailable(
            f"detector onnx:{file}: expected YOLOX output (1, {cells}, 5 + classes) "
            f"for {size[0]}×{size[1]} px, found {shape}"
        )
    model_id = f"onnx-{path.stem}-{files.sha256(path)[:8]}"
    return Onnx(f"onnx:{file}", model_id, _names(path, shape[2] - 5), network, size)


class Onnx:
    """A network in OpenCV's own runtime, on the CPU; stateless."""

    threshold = THRESHOLD
    stateful = False
    shrinks = True

    def __init__(
        self,
        name: str,
        model_id: str,
        names: tuple[str, ...],
        network: cv2.dnn.Net,
        size: tuple[int, int],
    ) -> None:
        self.name, self.model_id, self.names = name, model_id, names
        self._network, self._size = network, size
        self._cells, self._strides = _grid(size)

    def reset(self) -> None:
        """Nothing to forget."""

    def detect(self, frames: Sequence[Frame]) -> list[Found]:
        """Boxes of each frame; score = objectness × class."""
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Frame) -> Found:
        picture, scale = letterbox(frame, self._size)
        rows = _forward(self._network, np.asarray(cv2.dnn.blobFromImage(picture), np.float32))[0]
        classes = rows[:, 5:].argmax(1)
        scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
        good = scores >= base.LOWEST_SCORE
        rows, classes, scores = rows[good], classes[good], scores[good]
        boxes = decode(rows[:, :4], self._cells[good], self._strides[good]) / scale
        # Boxes of different classes never meet when each class stands in a plane of its own.
        apart = boxes + classes[:, None] * 2 * max(frame.shape)
        kept = geometry.nms(apart, scores, NMS_IOU)
        return base.found(frame, boxes[kept], scores[kept], classes[kept])


def letterbox(frame: Frame, size: tuple[int, int]) -> tuple[NDArray[np.uint8], float]:
    """RGB frame to BGR of `size` (height, width), proportions kept, grey right and below; scale."""
    height, width = frame.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    inner = max(1, int(height * scale)), max(1, int(width * scale))
    picture = np.full((*size, 3), GREY, np.uint8)
    small = cv2.resize(frame, inner[::-1])
    picture[: inner[0], : inner[1]] = small[..., ::-1]
    return picture, scale


def decode(raw: Floats, cells: Floats, strides: Floats) -> Floats:
    """Raw `(n, 4)` of cells at `(n, 2)` to boxes x1 y1 x2 y2 in px of the letterbox."""
    centre = (raw[:, :2] + cells) * strides[:, None]
    # exp of a wild size would be infinite; no box is e^10 cells wide.
    half = np.exp(np.minimum(raw[:, 2:], 10)) * strides[:, None] / 2
    return np.concatenate([centre - half, centre + half], 1)


def _grid(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Column and row `(cells, 2)` and stride `(cells,)` of every output row."""
    cells, strides = [], []
    for stride in STRIDES:
        down, across = size[0] // stride, size[1] // stride
        row, column = np.divmod(np.arange(down * across), across)
        cells.append(np.stack([column, row], 1))
        strides.append(np.full(down * across, stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _forward(network: cv2.dnn.Net, blob: Floats) -> Floats:
    network.setInput(blob)
    return np.asarray(network.forward())


def _names(path: Path, count: int) -> tuple[str, ...]:
    beside = path.with_name(path.name + ".names")
    if beside.is_file():
        lines = beside.read_text("utf-8").splitlines()
        names = tuple(line.strip() for line in lines if line.strip())
        if len(names) == count:
            return names
        raise DetectorUnavailable(f"{beside}: expected {count} names, one a line, got {len(names)}")
    known = {len(coco.NAMES): coco.NAMES, 1: ("person",)}
    return known.get(count, tuple(f"class{k}" for k in range(count)))


def input_size(model: bytes) -> tuple[int, int]:
    """Height and width of the first picture-shaped input; DEFAULT_SIZE where they are open.

    Walks ModelProto.graph (7) → input (11) → type (2) → tensor_type (1) → shape (2) → dim (1) →
    dim_value (1); the field numbers are those of onnx.proto, and OpenCV does not tell the size.

    Raises:
        ValueError, IndexError: if the bytes are no protocol buffer.
    """
    for value in _walk(model, (7, 11)):
        shape = [_dim(dim) for dim in _walk(value, (2, 1, 2, 1))]
        if len(shape) == 4 and min(shape[2:]) > 0:
            return shape[2], shape[3]
    return DEFAULT_SIZE


def _dim(dim: bytes) -> int:
    return next(
        (value for field, value in _fields(dim) if field == 1 and isinstance(value, int)), 0
    )


def _walk(message: bytes, path: tuple[int, ...]) -> Iterator[bytes]:
    if not path:
        yield message
        return
    for field, value in _fields(message):
        if field == path[0] and isinstance(value, bytes):
            yield from _walk(value, path[1:])


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Field number and value of each entry of a protocol buffer message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key & 7 == 0:
            number, at = _varint(message, at)
            yield key >> 3, number
        elif key & 7 == 2:
            size, at = _varint(message, at)
            yield key >> 3, message[at : at + size]
            at += size
        elif key & 7 in (1, 5):
            at += 8 if key & 7 == 1 else 4
        else:
            raise ValueError("no protocol buffer")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at

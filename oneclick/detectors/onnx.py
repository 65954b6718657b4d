"""`onnx:FILE`: any model with the output layout of YOLOX, run by OpenCV.

The input is one letterboxed image, raw BGR 0–255; the output is `(1, cells, 5 + classes)`: for each
cell of the strides 8, 16 and 32 a centre and size in cells, objectness, and a score per class
(Ge et al., "YOLOX", arXiv 2107.08430).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.core.errors import BadInput, DetectorUnavailable
from oneclick.detectors import base, coco
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.storage import bounded_files, files

Floats = NDArray[np.float32]

STRIDES = (8, 16, 32)
DEFAULT_SIZE = (416, 416)
"""Height and width in px where the file does not fix them."""
MAX_BYTES = 2048 * bounded_files.MEBIBYTE
"""Of a model: what a protobuf can have."""
GREY = 114
"""Fills the rest of the letterbox."""
NMS_IOU = 0.45
THRESHOLD = 0.6
"""Best F1 of YOLOX-nano on PETS09-S2L1."""


def load(file: str) -> OnnxDetector:
    """Load the model in `file`; class names from `<file>.names` (one a line), else COCO's.

    Raises:
        DetectorUnavailable: if the file is missing, no ONNX model, or of another layout.
    """
    path = Path(file).expanduser()
    if not path.is_file():
        raise DetectorUnavailable(f"detector onnx:{file}: there is no file {path}")
    try:
        content = bounded_files.read_bytes(path, MAX_BYTES)
        if content[:1] in (b"", b"\0"):  # no field of a protobuf begins so
            raise ValueError("not an ONNX file")
        network = cv2.dnn.readNetFromONNX(str(path))
        size = input_size(content)
        shape = _forward(network, np.zeros((1, 3, *size), np.float32)).shape
    except (cv2.error, BadInput, OSError, ValueError, IndexError) as error:
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
    return OnnxDetector(
        name=f"onnx:{file}",
        model_id=f"onnx-{path.stem}-{files.sha256(path)[:8]}",
        names=class_names(path, shape[2] - 5),
        network=network,
        size=size,
    )


class OnnxDetector:
    """A network in OpenCV's own runtime, on the CPU; stateless."""

    threshold = THRESHOLD
    stateful = False
    shrinks = True

    def __init__(
        self,
        *,
        name: str,
        model_id: str,
        names: tuple[str, ...],
        network: cv2.dnn.Net,
        size: tuple[int, int],
    ) -> None:
        self.name, self.model_id, self.names = name, model_id, names
        self._network, self._size = network, size
        self._cells, self._strides = output_grid(size)

    def reset(self) -> None:
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect the objects of each frame; score = objectness × class."""
        return [self.detect_one(frame) for frame in frames]

    def detect_one(self, frame: Frame) -> FrameDetections:
        """Detect the objects of one frame."""
        image, scale = letterbox(frame, self._size)
        rows = _forward(self._network, np.asarray(cv2.dnn.blobFromImage(image), np.float32))[0]
        classes = rows[:, 5:].argmax(1)
        scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
        good = scores >= base.LOWEST_SCORE
        rows, classes, scores = rows[good], classes[good], scores[good]
        boxes = decode(rows[:, :4], self._cells[good], self._strides[good]) / scale
        # Per-class NMS: shifted by class, boxes of different classes never overlap.
        shifted = boxes + classes[:, None] * 2 * max(frame.shape)
        best = geometry.nms(shifted, scores, NMS_IOU)
        return base.frame_detections(frame, boxes[best], scores[best], classes[best])


def letterbox(frame: Frame, size: tuple[int, int]) -> tuple[NDArray[np.uint8], float]:
    """Fit an RGB frame into BGR of `size` (height, width), grey right and below; image and scale.

    Proportions stay; px of the image divided by the scale are px of the frame.
    """
    height, width = frame.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    inner = max(1, int(height * scale)), max(1, int(width * scale))
    image = np.full((*size, 3), GREY, np.uint8)
    small = cv2.resize(frame, inner[::-1])
    image[: inner[0], : inner[1]] = small[..., ::-1]
    return image, scale


def decode(raw: Floats, cells: Floats, strides: Floats) -> Floats:
    """Convert raw outputs to boxes (n, 4) x1 y1 x2 y2 in px of the letterbox.

    Args:
        raw: `(n, 4)` centre relative to the cell, and logarithm of the size, in cells.
        cells: `(n, 2)` column and row.
        strides: `(n,)` px per cell.
    """
    centre = (raw[:, :2] + cells) * strides[:, None]
    # exp of a wild size would be infinite; no box is e^10 cells wide.
    half = np.exp(np.minimum(raw[:, 2:], 10)) * strides[:, None] / 2
    return np.concatenate([centre - half, centre + half], 1)


def output_grid(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return column and row `(cells, 2)` and stride `(cells,)` of every output row."""
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


def class_names(path: Path, count: int) -> tuple[str, ...]:
    """Read class names from `<path>.names`; without that file guess them by their number.

    Raises:
        DetectorUnavailable: the file lists another number of names.
    """
    names_file = path.with_name(path.name + ".names")
    if names_file.is_file():
        lines = bounded_files.read_text(names_file, bounded_files.MEBIBYTE).splitlines()
        names = tuple(line.strip() for line in lines if line.strip())
        if len(names) == count:
            return names
        raise DetectorUnavailable(
            f"{names_file}: expected {count} names, one a line, got {len(names)}"
        )
    usual_names = {len(coco.NAMES): coco.NAMES, 1: ("person",)}
    return usual_names.get(count, tuple(f"class{k}" for k in range(count)))


def input_size(model: bytes) -> tuple[int, int]:
    """Return height and width of the first image input; DEFAULT_SIZE where they are open.

    Walks ModelProto.graph (7) → input (11) → type (2) → tensor_type (1) → shape (2) → dim (1) →
    dim_value (1); the field numbers are those of onnx.proto, and OpenCV does not tell the size.

    Raises:
        ValueError, IndexError: if the bytes are no protocol buffer.
    """
    for graph_input in submessages(model, (7, 11)):
        shape = []
        for dimension in submessages(graph_input, (2, 1, 2, 1)):
            sizes = (v for field, v in fields(dimension) if field == 1 and isinstance(v, int))
            shape.append(next(sizes, 0))
        if len(shape) == 4 and min(shape[2:]) > 0:
            return shape[2], shape[3]
    return DEFAULT_SIZE


def submessages(message: bytes, path: tuple[int, ...]) -> Iterator[bytes]:
    """Yield all messages at the end of a path of field numbers, depth first."""
    if not path:
        yield message
        return
    for field, value in fields(message):
        if field == path[0] and isinstance(value, bytes):
            yield from submessages(value, path[1:])


def fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield field number and value of each entry of a protocol buffer message.

    Raises:
        ValueError, IndexError: if the bytes are no protocol buffer.
    """
    position = 0
    while position < len(message):
        key, position = varint(message, position)
        if key & 7 == 0:
            number, position = varint(message, position)
            yield key >> 3, number
        elif key & 7 == 2:
            size, position = varint(message, position)
            yield key >> 3, message[position : position + size]
            position += size
        elif key & 7 in (1, 5):
            position += 8 if key & 7 == 1 else 4
        else:
            raise ValueError("no protocol buffer")


def varint(message: bytes, position: int) -> tuple[int, int]:
    """Decode the variable-length integer at a position, and the position after it."""
    value = shift = 0
    while True:
        byte = message[position]
        value, position, shift = value | (byte & 127) << shift, position + 1, shift + 7
        if byte < 128:
            return value, position

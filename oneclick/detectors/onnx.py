"""`onnx:FILE`: a detector of any kind that is exported today, run by onnxruntime.

`onnx_recognition` tells its layout from the graph; graphs of `oneclick models export` say all in
their card.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from oneclick.core.errors import BadInput, DetectorUnavailable
from oneclick.detectors import base, graph_card, onnx_recognition, onnx_session
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.detectors.graph_card import GraphCard
from oneclick.detectors.onnx_graphs import ForeignGraph
from oneclick.detectors.onnx_session import GraphSession


def load(file: str, device: str = "auto") -> OnnxDetector | ExportedDetector:
    """Load the model in `file`; class names from `<file>.names` (one a line), else as usual.

    Raises:
        DetectorUnavailable: in one line, if the file is missing, no ONNX model, or of no known
            layout.
        UsageError: if `device` is not there.
    """
    try:
        path = Path(file).expanduser()
    except RuntimeError as error:  # there is no such user
        raise DetectorUnavailable(f"detector onnx:{file}: {error}") from None
    session = GraphSession(path, device)
    try:
        card = graph_card.from_metadata(session.metadata)
    except BadInput as error:
        raise DetectorUnavailable(f"detector onnx:{file}: {error}") from None
    safe_stem = "".join(c if c.isalnum() or c in "._-" else "-" for c in path.stem)
    model_id = f"onnx-{safe_stem}-{onnx_session.digest(path)}"
    if card is not None:
        inputs, outputs = ({each.name for each in of} for of in (session.inputs, session.outputs))
        if inputs != {graph_card.FRAME} or not outputs >= set(graph_card.OUTPUTS):
            raise DetectorUnavailable(
                f"detector onnx:{file}: its card does not fit its inputs and outputs; export it "
                "again with oneclick models export"
            )
        return ExportedDetector(f"onnx:{file}", model_id, session, card)
    graph = onnx_recognition.recognize(session)
    return OnnxDetector(f"onnx:{file}", model_id, session, graph)


def from_bytes(content: bytes, name: str) -> ExportedDetector:
    """Load a graph of ours that lies in no file, on the CPU, for a comparison.

    Raises:
        DetectorUnavailable: in one line, if it cannot be run.
    """
    session = GraphSession(Path(name), "cpu", content)
    card = graph_card.from_metadata(session.metadata)
    assert card is not None  # exports carry one
    return ExportedDetector(name, "graph", session, card)


class OnnxDetector:
    """Detector that runs an ONNX graph of another project; each frame is looked at alone."""

    stateful = False
    shrinks = True

    def __init__(
        self, name: str, model_id: str, session: GraphSession, graph: ForeignGraph
    ) -> None:
        self.name, self.model_id, self.names = name, model_id, graph.names
        self.threshold = graph.layout.threshold
        self._session, self._graph = session, graph
        self._is_batched = onnx_recognition.takes_batches(session, graph)

    def reset(self) -> None:
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect the objects of each frame; all in one run, if the graph takes several."""
        step = max(1, len(frames)) if self._is_batched else 1
        parts = (frames[start : start + step] for start in range(0, len(frames), step))
        return [detections for part in parts for detections in self._detect(part)]

    def _detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect in frames that go into the graph together."""
        layout, picture = self._graph.layout, self._graph.picture
        pictures, scales = zip(*(picture.picture(frame) for frame in frames), strict=True)
        sizes = [(frame.shape[0], frame.shape[1]) for frame in frames]
        outputs = self._session.run(self._graph.feeds(list(pictures), sizes))
        return [
            layout.detections(self._graph.of_picture(outputs, k), frame, scale)
            for k, (frame, scale) in enumerate(zip(frames, scales, strict=True))
        ]


class ExportedDetector:
    """A graph of `oneclick models export`: frames go in as they are, final boxes come out."""

    stateful = False
    shrinks = False

    def __init__(self, name: str, model_id: str, session: GraphSession, card: GraphCard) -> None:
        self.name, self.model_id, self._session = name, model_id, session
        self.names, self.threshold = card.classes, card.threshold

    def reset(self) -> None:
        """Do nothing: frames are independent."""

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Detect the objects of each frame."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: Frame) -> FrameDetections:
        outputs = self._session.run({graph_card.FRAME: np.ascontiguousarray(frame)})
        boxes, scores, labels = (outputs[name] for name in graph_card.OUTPUTS)
        has_name = (labels >= 0) & (labels < len(self.names))
        return base.frame_detections(frame, boxes[has_name], scores[has_name], labels[has_name])

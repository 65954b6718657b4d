"""A device: runs a model on a camera, keeps its pictures, and sends what the model saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import errors
from oneclick.core.edge_messages import EdgeBox, EdgeFrame, EdgeSource
from oneclick.core.errors import UsageError
from oneclick.detectors.base import Detector, FrameDetections
from oneclick.edge import link
from oneclick.edge.link import NotTaken, ServerLink
from oneclick.edge.sender import LinkState, Sender
from oneclick.edge.source import LivePicture
from oneclick.edge.spans import SpanAnswers
from oneclick.edge.spool import Spool
from oneclick.storage.live_ring import RingFrame, RingWriter

FLUSH_SECONDS = 1.0
"""What was seen in so long is written to the spool together."""
SPAN_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class DeviceOptions:
    """What a device keeps, and what may leave it."""

    fps: float = 10.0
    classes: tuple[str, ...] = ("person",)
    ring_minutes: float = 15.0
    """Longer than the server's window: raw video is asked for once that is over."""
    ring_bytes: int = 1 << 30
    spool_bytes: int = 256 << 20
    allow_spans: bool = False
    """Whether raw video may leave the device when the server asks for it."""
    jpeg_quality: int = 85


class EdgeDevice:
    """The device of one camera.

    Args:
        folder: for spool and ring.
        detector: the model.
        server: link to the server.
        options: what it keeps, and what may leave it.
        report: called with lines about trouble.

    Raises:
        UsageError: the model knows none of the classes.
        Unavailable, NoSpace: the folder cannot be written, or another process uses it.
    """

    def __init__(
        self,
        folder: Path,
        detector: Detector,
        server: ServerLink,
        options: DeviceOptions,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._detector, self._options, self._report = detector, options, report
        self._server = server
        self._kept_classes = {
            number: options.classes.index(name)
            for number, name in enumerate(detector.names)
            if name in options.classes
        }
        if not self._kept_classes:
            raise UsageError(f"{detector.name} knows none of {', '.join(options.classes)}")
        self._ring = RingWriter(folder / "ring", options.ring_minutes, options.ring_bytes)
        self._spool = Spool(folder / "spool", options.spool_bytes)
        self._sender = Sender(self._spool, server, report)
        self._spans = SpanAnswers(folder / "ring", server, options.allow_spans, folder)
        self._stop = threading.Event()

    @property
    def state(self) -> LinkState:
        """Return what became of the sending so far."""
        return self._sender.state

    def run(self, pictures: Iterable[LivePicture], stop: threading.Event) -> None:
        """Detect, keep and send until the pictures end or `stop` is set; then send what waits.

        Raises:
            NoSpace, Unavailable: the disk refuses.
        """
        self._stop = stop
        self._sender.begin(stop)
        is_over = threading.Event()
        threads = [
            threading.Thread(target=self._sender.run, args=(is_over,), daemon=True),
            threading.Thread(target=self._answer_spans, args=(is_over,), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            self._watch(pictures)
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
            self._spool.close()
            self._ring.close()

    def _watch(self, pictures: Iterable[LivePicture]) -> None:
        self._detector.reset()
        source: EdgeSource | None = None
        waiting: list[EdgeFrame] = []
        written = time.monotonic()
        for moment, picture in pictures:
            height, width = picture.shape[:2]
            own_source = self._source_of(width, height)
            (found_boxes,) = self._detector.detect([picture])
            boxes = self._boxes(found_boxes)
            self._keep(moment, picture, boxes)
            is_due = time.monotonic() - written >= FLUSH_SECONDS
            if waiting and source is not None and (is_due or own_source != source):
                self._spool.add(source, waiting)
                waiting, written = [], time.monotonic()
            source = own_source
            waiting.append(EdgeFrame(seq=0, time=moment, boxes=boxes))
            if self._stop.is_set():
                break
        if waiting and source is not None:
            self._spool.add(source, waiting)

    def _source_of(self, width: int, height: int) -> EdgeSource:
        return EdgeSource(
            camera=self._server.camera,
            model=self._detector.model_id,
            threshold=self._detector.threshold,
            classes=self._options.classes,
            width=width,
            height=height,
            fps=self._options.fps,
        )

    def _boxes(self, detections: FrameDetections) -> tuple[EdgeBox, ...]:
        corners, scores, classes = detections
        return tuple(
            (*map(float, box), float(score), self._kept_classes[int(number)])  # type: ignore[misc]
            for box, score, number in zip(corners, scores, classes, strict=True)
            if int(number) in self._kept_classes
        )

    def _keep(self, moment: float, picture: NDArray[np.uint8], boxes: tuple[EdgeBox, ...]) -> None:
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._options.jpeg_quality]
        _, content = cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]), quality)
        frame = RingFrame(
            time=moment,
            width=picture.shape[1],
            height=picture.shape[0],
            boxes={self._detector.model_id: list(boxes)},
            signals={},
            jpeg=content.tobytes(),
        )
        self._ring.append(frame)

    def _answer_spans(self, is_over: threading.Event) -> None:
        """Answer requests for raw video as they come."""
        failures = 0
        while not is_over.wait(SPAN_SECONDS + (link.pause_after(failures) if failures else 0.0)):
            if not self.state.spans:
                continue
            try:
                self._spans.answer_all()
                failures = 0
            except NotTaken as error:
                failures += 1
                if error.status != 404:  # another answer was faster
                    self._report(f"a request for video waits: {error}")
            except Exception as error:
                failures += 1
                reason = errors.reason(error, "answer")
                self._report(f"a request for video cannot be answered: {reason}")

"""A device: runs a model on a camera, keeps its pictures, and sends what the model saw."""

from __future__ import annotations

import itertools
import operator
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
from oneclick.core.errors import OneclickError, Unavailable, UsageError
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
MOST_WAITING = 6000
"""Pictures that wait in memory while the disk refuses them; the oldest are dropped."""
FAILURE_SECONDS = 1.0
"""Pause after a picture on which the model failed."""
MOST_FAILURES = 60
"""Pictures in a row on which the model fails: a process that begins anew may do better."""
MODEL, RING, SPOOL = "the model", "the pictures on this device", "what waits for the server"


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
        self._waiting: list[tuple[EdgeSource, EdgeFrame]] = []
        self._problems: dict[str, str] = {}
        self._failures = 0

    @property
    def state(self) -> LinkState:
        """Return what became of the sending so far."""
        return self._sender.state

    def run(self, pictures: Iterable[LivePicture], stop: threading.Event) -> None:
        """Detect, keep and send until the pictures end or `stop` is set; then send what waits.

        A picture on which the model fails is left out, one that the disk refuses is not kept.

        Raises:
            Unavailable: the model fails on every picture, or the disk refuses to the end.
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
        """Look at all pictures; one that fails is left out, and what the disk refuses waits."""
        self._detector.reset()
        written = time.monotonic()
        try:
            for moment, picture in pictures:
                boxes = self._look(picture)
                if boxes is not None:
                    self._keep(moment, picture, boxes)
                    height, width = picture.shape[:2]
                    frame = EdgeFrame(seq=0, time=moment, boxes=boxes)
                    self._waiting.append((self._source_of(width, height), frame))
                if time.monotonic() - written >= FLUSH_SECONDS:
                    self._flush()
                    written = time.monotonic()
                if self._stop.is_set():
                    break
        finally:
            self._flush()
        if self._waiting:
            raise Unavailable(f"{len(self._waiting)} predictions are lost: {self._problems[SPOOL]}")

    def _look(self, picture: NDArray[np.uint8]) -> tuple[EdgeBox, ...] | None:
        """Return what the model sees; None where it fails.

        Raises:
            Unavailable: it fails again and again, and may do so until it is loaded anew.
        """
        try:
            (detections,) = self._detector.detect([picture])
            boxes = self._boxes(detections)
        except Exception as error:  # of a network, a device or a plug-in
            self._failures += 1
            reason = errors.reason(error, "look at a picture")
            if self._failures >= MOST_FAILURES:
                raise Unavailable(
                    f"{self._detector.name} fails on every picture: {reason}"
                ) from error
            self._tell(MODEL, reason)
            self._stop.wait(FAILURE_SECONDS)
            return None
        self._failures = 0
        self._tell(MODEL, "")
        return boxes

    def _flush(self) -> None:
        """Write what waits to the spool; of much that the disk refuses the oldest is dropped."""
        try:
            while self._waiting:
                source, _ = self._waiting[0]
                group = next(itertools.groupby(self._waiting, operator.itemgetter(0)))[1]
                frames = [frame for _, frame in group]
                self._spool.add(source, frames)
                del self._waiting[: len(frames)]
            self._tell(SPOOL, "")
        except (OneclickError, OSError) as error:
            self._tell(SPOOL, errors.reason(error, "write the spool"))
        del self._waiting[:-MOST_WAITING]

    def _tell(self, part: str, problem: str) -> None:
        """Report what a part of the device fails with, once, and that it is well again."""
        if problem != self._problems.get(part, ""):
            self._report(f"{part}: {problem or 'it is well again'}")
        self._problems[part] = problem

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
        try:
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
        except Exception as error:  # what the model saw is sent without the picture
            self._tell(RING, errors.reason(error, "keep a picture"))
        else:
            self._tell(RING, "")

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

"""One picture with everything about it as one message, so that overlay and picture cannot part.

A message is the length of a JSON document (4 bytes, big-endian), the document, and a JPEG.
"""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from oneclick.storage import jpeg
from oneclick.storage.live_ring import RingBox, RingFrame
from oneclick.web import blurring

RING = "ring"
"""Source of a picture that is in the ring; for another one the id of its recording."""
BLUR_SECONDS = 2.0
"""Boxes of this time before a picture are blurred in it too: models miss people now and then."""
REDUCTION, REDUCED_QUALITY = 2, 70
"""Factor and JPEG quality of pictures for a viewer who does not keep up."""
MARGIN = 0.1
"""Share of its size by which a blurred box is larger on each side."""


class MessageHead(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before the JPEG of a message."""

    source: str
    """`ring`, or the id of a recording."""
    seq: int
    """Number in the ring, or frame of the recording."""
    time: float
    """Unix seconds when the picture was taken."""
    sent_at: float
    """Unix seconds of this server when the message was made."""
    width: int
    """Of the picture as it was taken, px: boxes count in these."""
    height: int
    boxes: Mapping[str, list[RingBox]]
    """By model id, model A first."""
    classes: Mapping[str, tuple[str, ...]]
    """Names of classes by model id."""
    signals: Mapping[str, float]
    lamps: tuple[tuple[str, float, str], ...]
    """Trigger, score and reason of what touches this moment."""
    blurred: bool
    reduced: bool
    """Whether the JPEG has half the sides that are told."""


def encode(
    frame: RingFrame,
    classes: Mapping[str, tuple[str, ...]],
    *,
    blurred: bool,
    reduced: bool = False,
    source: str = RING,
) -> bytes:
    """Return the message of a picture.

    Args:
        frame: the picture, already blurred if it has to be.
        classes: names of classes by model id.
        blurred: whether people in it were made unrecognisable.
        reduced: whether its JPEG has half its sides.
        source: where it comes from.
    """
    head = MessageHead(
        source=source,
        seq=frame.seq,
        time=frame.time,
        sent_at=time.time(),
        width=frame.width,
        height=frame.height,
        boxes=frame.boxes,
        classes=classes,
        signals=frame.signals,
        lamps=tuple((lamp.trigger, lamp.score, lamp.why) for lamp in frame.lamps),
        blurred=blurred,
        reduced=reduced,
    )
    text = msgspec.json.encode(head)
    return struct.pack(">I", len(text)) + text + frame.jpeg


def blur(frame: RingFrame, recent: Iterable[RingBox]) -> RingFrame:
    """Return a picture with everybody in it blurred whom a model saw, then or just before.

    Whole boxes are blurred, since nobody knows yet where the head is. Where no model saw anybody
    the whole picture is: it may be that they all missed somebody.

    Args:
        frame: the picture.
        recent: boxes of pictures just before it.

    Raises:
        BadInput: the picture cannot be decoded.
    """
    image = jpeg.decode(frame.jpeg, f"{frame.seq} of the ring", (frame.height, frame.width), 1)
    boxes = [*recent, *itertools.chain(*frame.boxes.values())]
    whole = (0.0, 0.0, float(frame.width), float(frame.height))
    places = [_widened(*box[:4]) for box in boxes] or [whole]
    return replace(frame, jpeg=blurring.encode_jpeg(blurring.blur(image, places)))


def reduce(frame: RingFrame) -> RingFrame:
    """Return a picture whose JPEG has half the sides; its size and boxes stay as they are told.

    Raises:
        BadInput: the picture cannot be decoded.
    """
    size = frame.height, frame.width
    image = jpeg.decode(frame.jpeg, f"{frame.seq} of the ring", size, REDUCTION)
    return replace(frame, jpeg=blurring.encode_jpeg(image, REDUCED_QUALITY))


def _widened(x1: float, y1: float, x2: float, y2: float) -> tuple[float, float, float, float]:
    dx, dy = (x2 - x1) * MARGIN, (y2 - y1) * MARGIN
    return x1 - dx, y1 - dy, x2 + dx, y2 + dy

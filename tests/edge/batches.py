"""Batches of an edge camera, as a device would send them: a person who walks, and flickers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from oneclick.core.edge_messages import EdgeBatch, EdgeFrame, EdgeSource

MODEL = "yolo-1"
START = 1_800_000_000.0
"""Unix seconds, at the beginning of a window of ten minutes."""
FPS = 10.0
SOURCE = EdgeSource(
    camera="ward",
    model=MODEL,
    threshold=0.5,
    classes=("person",),
    width=320,
    height=240,
    fps=FPS,
)


def frames(count: int, first: int = 0, seed: int = 0, start: float = START) -> list[EdgeFrame]:
    """Return the pictures `first` to `first + count`; the same number is always the same."""
    return [frame(number, seed, start) for number in range(first, first + count)]


def frame(number: int, seed: int = 0, start: float = START) -> EdgeFrame:
    """Return one picture: somebody walks to and fro, and is missed now and then."""
    random = np.random.default_rng((seed, number))
    x = 100 + 80 * float(np.sin(number / 40)) + float(random.normal(0, 1))
    is_seen = number % 97 not in (40, 41, 60)
    score = float(random.uniform(0.7, 0.95))
    boxes = ((x, 60.0, x + 40, 180.0, round(score, 3), 0),) if is_seen else ()
    signals = {"blur": round(float(random.uniform(0, 1)), 3)}
    return EdgeFrame(seq=number, time=start + number / FPS, boxes=boxes, signals=signals)


def batch(pictures: Sequence[EdgeFrame], sent_at: float | None = None, **changes: Any) -> EdgeBatch:
    """Return a batch, sent when its last picture was taken."""
    at = pictures[-1].time if pictures and sent_at is None else sent_at or START
    oldest = pictures[0].seq if pictures else 0
    content = EdgeBatch(source=SOURCE, sent_at=at, oldest=oldest, frames=tuple(pictures))
    return msgspec.structs.replace(content, **changes)


def ndjson(content: EdgeBatch) -> bytes:
    """Encode a batch as NDJSON."""
    header = msgspec.structs.replace(content, frames=())
    return msgspec.json.Encoder().encode_lines([header, *content.frames])

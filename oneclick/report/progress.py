"""How the newest training goes, from the file it writes while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from oneclick.storage import files

MOST = 2000
"""Points of a course."""
TAIL = 4_000_000
"""Bytes of the file that are looked at; the newest ones."""


@dataclass(frozen=True)
class Course:
    """Losses by step."""

    model: str
    """Empty before the first training."""
    steps: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()


class _Point(msgspec.Struct):
    step: int
    loss: float | None = None


def newest(home: Path) -> Course:
    """The training whose metrics were written last."""
    found = [(path.stat().st_mtime_ns, path) for path in (home / "models").glob("*/metrics.jsonl")]
    return course(max(found)[1]) if found else Course("")


def course(path: Path) -> Course:
    """Losses of one training; a last line that is only half written is left out."""
    with files.guard(path), path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL, 0))
        lines = file.read().splitlines()
    points = [point for line in lines if (point := _point(line)) and point.loss is not None]
    thin = points[:: max(len(points) // MOST, 1)]
    return Course(
        path.parent.name,
        tuple(point.step for point in thin),
        tuple(point.loss for point in thin if point.loss is not None),
    )


def _point(line: bytes) -> _Point | None:
    try:
        return msgspec.json.decode(line, type=_Point)
    except msgspec.MsgspecError:
        return None

"""Loss curve of the newest training, from the metrics file that it writes while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from oneclick.storage import files
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder

MAX_POINTS = 2000
"""A longer curve is thinned to about this many points."""
TAIL = 4_000_000
"""Number of bytes read, from the end of the file."""


@dataclass(frozen=True)
class LossCurve:
    """Losses of one training by step."""

    model: str
    """Empty before the first training."""
    steps: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()


class _MetricsLine(msgspec.Struct):
    step: int
    loss: float | None = None


_METRICS = JsonDecoder[_MetricsLine](_MetricsLine)


def newest_loss_curve(home: Path) -> LossCurve:
    """Return the losses of the training whose metrics were written last."""
    paths = list((home / "models").glob("*/metrics.jsonl"))
    if not paths:
        return LossCurve("")
    return loss_curve(max(paths, key=lambda path: (path.stat().st_mtime_ns, path)))


def loss_curve(path: Path) -> LossCurve:
    """Read the losses of one training; lines that are no JSON, such as a last half, are skipped."""
    with files.guard(path), path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL, 0))
        lines = file.read().splitlines()
    steps, losses = [], []
    for line in lines:
        try:
            metrics = _METRICS.decode(line)
        except BrokenJson:
            continue
        if metrics.loss is not None:
            steps.append(metrics.step)
            losses.append(metrics.loss)
    stride = max(len(steps) // MAX_POINTS, 1)
    return LossCurve(path.parent.name, tuple(steps[::stride]), tuple(losses[::stride]))

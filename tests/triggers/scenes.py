"""Small hand-made scenes."""

from __future__ import annotations

from oneclick.core.detections import Detections
from oneclick.triggers.scene import Scene

Row = tuple[int, float, float]
"""frame, left side of a 40 × 100 px box at y = 200, score."""


def boxes(rows: list[Row], length: int = 40, fps: float = 10.0) -> Detections:
    return Detections(
        [k for k, _, _ in rows],  # type: ignore[arg-type]
        [[x, 200.0, x + 40, 300.0] for _, x, _ in rows],  # type: ignore[arg-type]
        [score for _, _, score in rows],  # type: ignore[arg-type]
        [0 for _ in rows],  # type: ignore[arg-type]
        length,
        fps,
    )


def scene(
    rows: list[Row], rival: list[Row] | None = None, length: int = 40, fps: float = 10.0
) -> Scene:
    other = None if rival is None else boxes(rival, length, fps)
    return Scene(boxes(rows, length, fps), 0.5, 640, 480, other, 0.5)


def person(frames: range | list[int], x: float = 100.0, score: float = 0.9) -> list[Row]:
    return [(k, x, score) for k in frames]

"""Small hand-made scenes."""

from __future__ import annotations

from typing import Any

from oneclick.core.detections import Detections
from oneclick.triggers.scene import Scene

Row = tuple[int, float, float]
"""frame, left side of a 40 × 100 px box at y = 200, score."""


def boxes(rows: list[Row], length: int = 40, fps: float = 10.0) -> Detections:
    return Detections(
        frames=[k for k, _, _ in rows],  # type: ignore[arg-type]
        boxes=[[x, 200.0, x + 40, 300.0] for _, x, _ in rows],  # type: ignore[arg-type]
        scores=[score for _, _, score in rows],  # type: ignore[arg-type]
        classes=[0 for _ in rows],  # type: ignore[arg-type]
        length=length,
        fps=fps,
    )


def scene(
    rows: list[Row], rival: list[Row] | None = None, length: int = 40, fps: float = 10.0
) -> Scene:
    other = None if rival is None else boxes(rival, length, fps)
    return scene_of(boxes(rows, length, fps), rival_detections=other, rival_threshold=0.5)


def scene_of(detections: Detections, height: float = 480, **fields: Any) -> Scene:
    return Scene(detections=detections, threshold=0.5, width=640, height=height, **fields)


def person(frames: range | list[int], x: float = 100.0, score: float = 0.9) -> list[Row]:
    return [(k, x, score) for k in frames]

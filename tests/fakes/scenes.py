"""People walking on straight lines, seen by a detector with known faults."""

from __future__ import annotations

import numpy as np

from oneclick.core.detections import Detections

FPS = 10.0
SIZE = np.array([30.0, 80.0])


def walk(start: tuple[float, float], step: tuple[float, float], frames: int) -> np.ndarray:
    """Corners `(frames, 4)` of one person."""
    low = np.array(start) + np.arange(frames)[:, None] * np.array(step)
    return np.concatenate([low, low + SIZE], 1)


def seen(
    people: list[np.ndarray],
    hidden: dict[int, range] | None = None,
    noise: float = 0.0,
    score: float = 0.9,
    kinds: list[int] | None = None,
    seed: int = 0,
) -> Detections:
    """Detections of the people in every frame but the hidden ones of each."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, person in enumerate(people):
        kind = kinds[number] if kinds else 0
        for frame, box in enumerate(person):
            if frame not in (hidden or {}).get(number, range(0)):
                rows.append((frame, *(box + rng.normal(0, noise, 4)), score, kind))
    table = np.array(rows).reshape(-1, 7)
    names = ("person", "bed")
    return Detections(
        frames=table[:, 0],
        boxes=table[:, 1:5],
        scores=table[:, 5],
        classes=table[:, 6],
        length=len(people[0]),
        fps=FPS,
        names=names,
    )

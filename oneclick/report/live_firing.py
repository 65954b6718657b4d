"""What triggers would have found in the last minutes of a live camera at another confidence."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oneclick.core.detections import Detections
from oneclick.storage.live_ring import RingHeader
from oneclick.triggers import RuleSet
from oneclick.triggers.scene import Scene

BREAK_SECONDS = 2.0
"""Without a picture for this long, what follows is looked at by itself."""
LEAST_FRAMES = 2


@dataclass(frozen=True, kw_only=True)
class LiveFiring:
    """Hits of all triggers in some minutes of a camera's ring."""

    score: float
    """Confidence from which on a box counts."""
    seconds: float
    """Time that was looked at."""
    frames: int
    hits: int
    by_trigger: list[tuple[str, int]]
    """Trigger and its hits, most first."""


def live_firing(
    headers: Sequence[RingHeader],
    classes: Mapping[str, tuple[str, ...]],
    score: float,
    rules: RuleSet,
) -> LiveFiring:
    """Run the triggers over pictures of a ring.

    Args:
        headers: what is known of the pictures, in order.
        classes: names of classes by model id, model A first and B as its rival.
        score: boxes count from this confidence on, those of B too.
        rules: the triggers.
    """
    counts: Counter[str] = Counter()
    seconds, frames = 0.0, 0
    for stretch in _stretches(headers):
        duration = stretch[-1].time - stretch[0].time
        if len(stretch) < LEAST_FRAMES or duration <= 0:
            continue
        fps = (len(stretch) - 1) / duration
        counts.update(hit.trigger for hit in rules.scan(_scene(stretch, classes, score, fps)))
        seconds, frames = seconds + duration + 1 / fps, frames + len(stretch)
    return LiveFiring(
        score=score,
        seconds=seconds,
        frames=frames,
        hits=counts.total(),
        by_trigger=counts.most_common(),
    )


def _stretches(headers: Sequence[RingHeader]) -> Iterator[list[RingHeader]]:
    """Split pictures where time jumps, or their size or their models change."""
    stretch: list[RingHeader] = []
    for last, header in zip(itertools.chain([None], headers), headers, strict=False):
        if last is not None:
            is_same = (last.width, last.height, [*last.boxes]) == (
                header.width,
                header.height,
                [*header.boxes],
            )
            if not (is_same and 0 < header.time - last.time < BREAK_SECONDS):
                yield stretch
                stretch = []
        stretch.append(header)
    if stretch:
        yield stretch


def _scene(
    stretch: Sequence[RingHeader],
    classes: Mapping[str, tuple[str, ...]],
    score: float,
    fps: float,
) -> Scene:
    models = [*stretch[0].boxes]
    seen = [_detections(stretch, model, classes.get(model, ()), fps) for model in models[:2]]
    names = set.intersection(*(set(header.signals) for header in stretch))
    signals = {
        name: np.array([header.signals[name] for header in stretch], np.float32)
        for name in sorted(names)
    }
    return Scene(
        detections=seen[0] if seen else Detections.empty(len(stretch), fps),
        threshold=score,
        width=stretch[0].width,
        height=stretch[0].height,
        rival_detections=seen[1] if len(seen) > 1 else None,
        rival_threshold=score,
        signals=signals,
    )


def _detections(
    stretch: Sequence[RingHeader], model: str, names: tuple[str, ...], fps: float
) -> Detections:
    rows = [
        (number, *box)
        for number, header in enumerate(stretch)
        for box in header.boxes[model]
        if box[2] >= box[0] and box[3] >= box[1] and box[5] >= 0
    ]
    columns = np.array(rows, np.float64).reshape(-1, 7)
    highest = int(columns[:, 6].max(initial=0))
    known = [*names, *(f"class {k}" for k in range(len(names), highest + 1))]
    return Detections(
        frames=columns[:, 0].astype(np.int32),
        boxes=columns[:, 1:5].astype(np.float32),
        scores=columns[:, 5].astype(np.float32),
        classes=columns[:, 6].astype(np.int16),
        length=len(stretch),
        fps=fps,
        names=tuple(known),
    )

"""How fast `hindsight.label` is, beside online trackers on the same boxes in the same process.

    python -m tests.bench.hindsight_speed

Processor time on one core for a clip of six minutes at 25 frames a second with six people, each
hidden for a second every twenty; then the memory in use for clips of different length. Peers need
the package `trackers` (uv sync --group bench); without it only our own figures are printed.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from oneclick import hindsight
from oneclick.core.detections import Detections
from tests.bench import trigger_speed

FRAMES, FPS, PEOPLE = 9_000, 25.0, 6
FEW = 1_500
"""Frames for the peers, whose time grows in proportion."""
THRESHOLD = 0.6
HIDDEN, EVERY = 25, 500
"""Frames for which a person is hidden, and after which again."""
REPEATS = 3


def clip(frames: int) -> tuple[Detections, Detections]:
    """Boxes of two models over the same people."""
    lead, rival = (_hidden(part) for part in trigger_speed.walkers(frames, PEOPLE))
    return lead, rival


def _hidden(part: Detections) -> Detections:
    person = np.arange(len(part)) % PEOPLE
    visible = (part.frames + person * (EVERY // PEOPLE)) % EVERY >= HIDDEN
    return replace(part.where(visible), fps=FPS)


def seconds(work: Callable[[], object]) -> float:
    """Processor time of the best of REPEATS."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return float(best)


def speed() -> None:
    """Print frames per second of labels and of the peers, and the ratio."""
    lead, rival = clip(FRAMES)
    few, _ = clip(FEW)
    alone = FRAMES / seconds(lambda: hindsight.label([lead], [THRESHOLD]))
    both = FRAMES / seconds(lambda: hindsight.label([lead, rival], [THRESHOLD] * 2))
    print(f"Processor time, {FRAMES:,} frames, {len(lead):,} boxes a model\n")
    print(f"hindsight, one model   {alone:>10,.0f} frames/s {FRAMES / alone:6.2f} s")
    print(f"hindsight, two models  {both:>10,.0f} frames/s {FRAMES / both:6.2f} s")
    for name, track in peers().items():
        rate = FEW / seconds(partial(track, few, THRESHOLD, True))
        print(f"{name:22} {rate:>10,.0f} frames/s   hindsight is {alone / rate:.0f} times as fast")


def peers() -> dict[str, Callable[[Detections, float, bool], object]]:
    """The trackers of `tests.bench.trackers`; none where their package is absent."""
    try:
        from tests.bench import trackers
    except SystemExit as error:
        print(error)
        return {}
    return {"ByteTrack": trackers.bytetrack, "OC-SORT": trackers.ocsort}


def memory() -> None:
    """Print the most memory in use besides the input, for clips of different length."""
    print("\nMost memory in use besides the input, two models\n")
    for frames in (FRAMES // 4, FRAMES, FRAMES * 4):
        parts = clip(frames)
        tracemalloc.start()
        labels = hindsight.label(parts, [THRESHOLD] * 2)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"{frames:>10,} frames {peak / 1e6:>8.1f} MB {peak / frames:>8,.0f} bytes a frame "
            f"{len(labels):>10,} boxes"
        )


if __name__ == "__main__":
    speed()
    memory()

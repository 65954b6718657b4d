"""Limits on time, measured here so that a busy machine fails no test.

    python -m tests.bench.speed_limits

Prints processor time beside its limit, the best of three, and exits with 1 if one is exceeded.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from oneclick import hindsight
from oneclick.formats import mot_text
from oneclick.hindsight import keyframes
from tests.fakes import scenes
from tests.hindsight import test_keyframes

REPEATS = 3
LINES = 100_000


def limits(folder: Path) -> dict[str, tuple[Callable[[], object], float]]:
    """Return work by name, with the processor seconds that it may take."""
    smooth = test_keyframes.long_walks()
    keys = keyframes.thin(smooth)
    walks = [scenes.walk((50 * (k % 25), 90 * (k // 25)), (0.5, 0.1), 20) for k in range(500)]
    crowd = scenes.seen(walks, noise=0.5)
    text = folder / "det.txt"
    line = ",-1,10,20,30,40,0.9,-1,-1,-1\n"
    text.write_text("".join(f"{k // 5 + 1}{line}" for k in range(LINES)))
    return {
        f"thin {len(smooth):,} boxes": (lambda: keyframes.thin(smooth), 5.0),
        f"restore {len(smooth):,} boxes": (lambda: keyframes.densify(keys), 0.2),
        f"label {len(crowd):,} boxes": (lambda: hindsight.label([crowd], [0.5]), 5.0),
        f"read {LINES:,} lines": (lambda: mot_text.load(text, fps=10), 1.0),
    }


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time of the best of REPEATS."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> int:
    """Print every time and return the number of limits exceeded."""
    exceeded = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, (work, limit) in limits(Path(folder)).items():
            spent = seconds(work)
            exceeded += spent > limit
            print(f"{name:<24} {spent:6.2f} s of {limit:.1f} s")
    return exceeded


if __name__ == "__main__":
    sys.exit(main() > 0)

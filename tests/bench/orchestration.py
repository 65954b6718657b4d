"""What share of a lap is orchestration: `python tests/bench/orchestration.py [VIDEO] [--home DIR]`.

Runs one lap as `oneclick run VIDEO --accept-auto` does, in a process of its own with Prefect's
embedded server and an empty database, and adds up the seconds inside the stage functions. All the
rest of the process's life counts as orchestration: imports, server start and stop, API calls.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

VIDEO = Path(__file__).parents[3] / "shared/data/video/vtest.avi"
TARGET = 0.05
STAGES = {
    "fetch": ["fetch"],
    "predict": ["predict"],
    "trigger": ["trigger"],
    "cut": ["cut"],
    "extract": ["extract"],
    "autolabel": ["autolabel"],
    "review": ["send", "accept_auto", "collect"],
    "publish": ["publish"],
    "train": ["train"],
}


def timed(work: Callable[..., Any], seconds: Counter[str], name: str) -> Callable[..., Any]:
    """The same function, which adds its seconds to `seconds[name]`."""

    def wrapped(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return work(*arguments, **options)
        finally:
            seconds[name] += time.perf_counter() - start

    return wrapped


def lap(video: Path, home: Path) -> Counter[str]:
    """One lap in this process; seconds by stage, and of the flow call as `lap`."""
    seconds: Counter[str] = Counter()
    from flows import environment

    environment.prepare(home)
    for stage, names in STAGES.items():
        module = import_module(f"oneclick.stages.{stage}")
        for name in names:
            setattr(module, name, timed(getattr(module, name), seconds, stage))
    from flows import policy
    from flows.one_click import one_click

    with policy.in_process():
        timed(one_click, seconds, "lap")([str(video)], home, accept_auto=True)
    return seconds


def measure(video: Path, home: Path) -> tuple[float, dict[str, float]]:
    """Seconds of a whole process that does one lap, and those inside the stages."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, str(video), "--home", str(home), "--inside"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return time.perf_counter() - start, json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    """Print the table; exit 1 above the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, nargs="?", default=VIDEO)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    home = given.home or Path(tempfile.mkdtemp(prefix="oneclick-bench-"))
    if given.inside:
        print(json.dumps(lap(given.video, home)))
        return 0
    whole, seconds = measure(given.video, home)
    inside = sum(seconds[stage] for stage in STAGES if stage in seconds)
    for stage in STAGES:
        print(f"{stage:<14}{seconds.get(stage, 0):9.1f} s")
    print(f"{'stages':<14}{inside:9.1f} s")
    for name, total in (("flow call", seconds["lap"]), ("whole process", whole)):
        share = 1 - inside / total
        print(f"{name:<14}{total:9.1f} s   orchestration {total - inside:5.1f} s = {share:.1%}")
    print(f"target: below {TARGET:.0%} of the whole process")
    return int(1 - inside / whole >= TARGET)


if __name__ == "__main__":
    raise SystemExit(main())

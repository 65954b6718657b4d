"""What share of a lap is orchestration: `python tests/bench/orchestration.py [VIDEO] [--home DIR]`.

Runs one lap as `oneclick run VIDEO --accept-auto` does, in a process of its own with Prefect's
embedded server, and adds up the seconds inside the stage functions. All the rest of that process's
life counts as orchestration: imports, server start and stop, API calls. Creating the server's
database, once a workspace, is timed before and printed apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
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


def timed(work: Callable[..., Any], seconds: dict[str, float], name: str) -> Callable[..., Any]:
    """The same function, which adds its seconds to `seconds[name]`."""

    def wrapped(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return work(*arguments, **options)
        finally:
            seconds[name] += time.perf_counter() - start

    return wrapped


def lap(video: Path, home: Path) -> dict[str, float]:
    """One lap in this process; seconds by stage, of server start and of the flow call."""
    seconds: dict[str, float] = defaultdict(float)
    from oneclick.flows import environment

    timed(environment.prepare, seconds, "server start")(home)
    for stage, names in STAGES.items():
        module = import_module(f"oneclick.stages.{stage}")
        for name in names:
            setattr(module, name, timed(getattr(module, name), seconds, stage))
    from oneclick.flows import policy
    from oneclick.flows.one_click import one_click

    with policy.in_process():
        timed(one_click, seconds, "flow call")([str(video)], home, accept_auto=True)
    return seconds


def measure(*arguments: str) -> tuple[float, dict[str, float]]:
    """Seconds of a whole process of this script, and those it reports."""
    start = time.perf_counter()
    command = [sys.executable, __file__, *arguments]
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - start, json.loads(process.stdout.splitlines()[-1])


def show(total: float, seconds: dict[str, float]) -> float:
    """Print the table; the share of orchestration in the whole process."""
    inside = sum(seconds.get(stage, 0) for stage in STAGES)
    for stage in STAGES:
        print(f"{stage:<22}{seconds.get(stage, 0):8.1f} s")
    call, start = seconds["flow call"], seconds["server start"]
    print(f"{'all stages':<22}{inside:8.1f} s")
    print(f"{'flows beside stages':<22}{call - inside:8.1f} s   {(call - inside) / total:.1%}")
    print(f"{'server start, imports':<22}{start:8.1f} s   {start / total:.1%}")
    print(
        f"{'server stop, exit':<22}{total - call - start:8.1f} s   {1 - (call + start) / total:.1%}"
    )
    print(f"{'whole process':<22}{total:8.1f} s")
    return 1 - inside / total


def main() -> int:
    """Print the table; exit 1 above the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, nargs="?", default=VIDEO)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--inside", choices=["start", "lap"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    home = args.home or Path(tempfile.mkdtemp(prefix="oneclick-bench-"))
    if args.inside == "start":
        from oneclick.flows import environment

        environment.prepare(home)
        print("{}")
        return 0
    if args.inside == "lap":
        print(json.dumps(lap(args.video, home)))
        return 0
    call_args = [str(args.video), "--home", str(home), "--inside"]
    first, _ = measure(*call_args, "start")
    print(f"{'first start, once':<22}{first:8.1f} s   creates Prefect's database")
    share = show(*measure(*call_args, "lap"))
    print(f"orchestration is {share:.1%} of the lap; target: below {TARGET:.0%}")
    return int(share >= TARGET)


if __name__ == "__main__":
    raise SystemExit(main())

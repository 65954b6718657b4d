"""What damaged videos show: wrong pictures, hangs, other failures, memory and time.

    python -m tests.bench.damage --first 2000 --count 2000

The trials are those of tests/video/test_mutations.py: each picture carries its number.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.video import test_mutations


def main() -> None:
    """Try damages and print what they do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--count", type=int, default=2000)
    arguments = parser.parse_args()
    counts, longest, start = Counter[str](), 0.0, time.process_time()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for trial in test_mutations.trials(arguments.count, arguments.first):
            path = trial.build(folder)
            if path is None:
                counts["not built"] += 1
                continue
            before = time.process_time()
            try:
                faults = trial.wrong_clips(path, folder / "clip.mp4")
                is_told = bool(faults) and test_mutations.is_told(path)
            except Exception:
                traceback.print_exc()
                counts["tracebacks"] += 1
                continue
            took = time.process_time() - before
            longest = max(longest, took)
            counts["tried"] += 1
            counts["wrong"] += bool(faults) and not is_told
            counts["wrong, with a word"] += is_told
            counts["slow"] += took > test_mutations.LONGEST_SECONDS
            for fault in faults[:1]:
                print("told:" if is_told else "wrong:", fault, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(dict(counts))
    print(f"longest {longest:.1f} s, all {time.process_time() - start:.0f} s of CPU time")
    print(f"most memory {peak:.0f} MB")


if __name__ == "__main__":
    main()

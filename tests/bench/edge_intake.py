"""A hundred edge cameras on a real server: `python -m tests.bench.edge_intake [cameras] [seconds]`.

Each camera makes ten predictions a second and sends them every second; windows of 15 s become
videos of the catalog, and all triggers search them in the process beside the server. With `--kill`
the server is killed in the middle and started again two seconds later. Prints the time from sending
a batch to its answer, which comes when it is on the disk (median, 99th percentile, most, in ms),
and the memory of server and worker; checks that every prediction is in the catalog once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.storage import intake_log, predictions
from oneclick.storage.workspace import Workspace
from tests.edge import batches
from tests.edge.fleet import NUMBER, EdgeCamera, IntakeServer, make_fleet
from tests.waits import wait_until


class Gauge(threading.Thread):
    """Memory (MB) of the server and of its worker, and processor time of both, every second."""

    def __init__(self, server: IntakeServer) -> None:
        super().__init__(daemon=True)
        self.server, self.is_over = server, threading.Event()
        self.samples: list[tuple[float, float]] = []

    def run(self) -> None:
        while not self.is_over.wait(1.0):
            pid = self.server.process.pid
            self.samples.append((resident_mb(pid), sum(map(resident_mb, children(pid)))))


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process; 0 for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0.0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def processes(server: IntakeServer) -> dict[str, list[int]]:
    """Return the processes of the server and of its worker."""
    return {"server": [server.process.pid], "worker": children(server.process.pid)}


def processor_seconds(pids: list[int]) -> float:
    """Return the processor time that processes have used."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


async def run_fleet(fleet: list[EdgeCamera], seconds: float) -> None:
    """Let all cameras send."""
    await asyncio.gather(*(camera.run(seconds) for camera in fleet))


def strike(server: IntakeServer, at: float) -> None:
    """Kill the server after `at` seconds, and start it again two seconds later."""
    time.sleep(at)
    server.kill()
    time.sleep(2)
    server.restart()


def stored_numbers(home: Path) -> dict[str, Counter[int]]:
    """Return how often each picture stands in the catalog's videos, by camera."""
    numbers: dict[str, Counter[int]] = {}
    with Catalog.open(home) as catalog:
        videos: list[Video] = catalog.videos()
    for video in videos:
        signal = predictions.load_signal(Workspace(home).signals(video.id, NUMBER))
        numbers.setdefault(video.camera, Counter()).update(signal.astype(int).tolist())
    return numbers


def wait_until_searched(home: Path) -> None:
    """Wait until no segment holds a picture, whoever may still work."""
    root = Workspace(home).intake_dir

    def is_done() -> bool:
        newest = [list(intake_log.records(path)) for path in intake_log.newest_segments(root)]
        return not intake_log.closed_segments(root) and all(len(r) == 1 for r in newest)

    wait_until(is_done, lambda: "the worker does not end", pause=0.5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("cameras", type=int, nargs="?", default=100)
    parser.add_argument("seconds", type=float, nargs="?", default=60.0)
    parser.add_argument("--kill", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(Path(folder), arguments.cameras, arguments.seconds, arguments.kill)


def report(home: Path, cameras: int, seconds: float, kill: bool) -> None:
    """Run the fleet and print what is measured."""
    server = IntakeServer(home)
    server.wait_until_ready()
    fleet, gauge = make_fleet(home, server.port, cameras), Gauge(server)
    gauge.start()
    if kill:
        threading.Thread(target=strike, args=(server, seconds / 2), daemon=True).start()
    asyncio.run(run_fleet(fleet, seconds))
    gauge.is_over.set()
    spent = {name: processor_seconds(pids) for name, pids in processes(server).items()}
    wait_until_searched(home)
    server.stop()
    expected = Counter(range(round(seconds * batches.FPS)))
    numbers = stored_numbers(home)
    wrong = [camera.name for camera in fleet if numbers.get(camera.name) != expected]
    times = np.array([second for camera in fleet for second in camera.seconds]) * 1e3
    with Catalog.open(home) as catalog:
        videos, hits = len(catalog.videos()), sum(catalog.hit_counts().values())
    print(f"{cameras} cameras x {sum(expected.values())} predictions, {videos} videos, {hits} hits")
    print(f"batches without an answer {sum(camera.failures for camera in fleet)}")
    print(
        f"batches {len(times)}: median {np.median(times):.1f} ms, "
        f"p99 {np.percentile(times, 99):.1f} ms, most {times.max():.1f} ms"
    )
    moments = np.array([moment for camera in fleet for moment in camera.moments])
    buckets = ((moments - moments.min()) // 5).astype(int)
    p99s = [np.percentile(times[buckets == bucket], 99) for bucket in sorted(set(buckets))]
    print(f"p99 of each 5 s: {' '.join(f'{value:.0f}' for value in p99s)} ms")
    shares = (f"{name} {100 * value / seconds:.0f}%" for name, value in spent.items())
    print(
        f"of one core: {', '.join(shares)}, the cameras {100 * time.process_time() / seconds:.0f}%"
    )
    for name, column in zip(("server", "worker"), zip(*gauge.samples, strict=True), strict=True):
        third = max(1, len(column) // 3)
        print(f"{name} MB: first third {max(column[:third]):.0f}, last {max(column[-third:]):.0f}")
    print(f"cameras with a picture lost or twice: {len(wrong)} {wrong[:5]}")
    assert not wrong


if __name__ == "__main__":
    main()

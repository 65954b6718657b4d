"""The terminal UI over years of work, with somebody writing: how fast, and what it costs.

    python -m tests.bench.crowd DIR && python -m tests.bench.tui DIR

Read: one Snapshot after a write. Apply: that Snapshot drawn by all panels. The rest is measured on
the real program in a pseudo terminal: processor time of its process, and from a key to the text it
brings.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import functools
import multiprocessing as mp
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from textual.screen import Screen

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.report import snapshot_reader
from oneclick.report.snapshot import Zoom
from oneclick.tui.app import Oneclick
from oneclick.tui.panel import Panel, SnapshotView
from oneclick.tui.screens.base import NumberedScreen

TICKS = os.sysconf("SC_CLK_TCK")
PAIR = ((ClipStage.QUARANTINED, ClipStage.CUT), (ClipStage.CUT, ClipStage.QUARANTINED))


def write(home: Path, each_second: float, stop: object) -> None:
    """Move a clip to and fro, so many times a second."""
    with Catalog.open(home) as catalog:
        clip = catalog.clips(stage=ClipStage.QUARANTINED, limit=1)[0].clip.id
        k = 0
        while not stop.is_set():  # type: ignore[attr-defined]
            catalog.move(clip, *PAIR[k % 2], "bench")
            k += 1
            time.sleep(1 / each_second)
        if k % 2:
            catalog.move(clip, *PAIR[1], "bench")


def read_times(home: Path, rounds: int) -> dict[str, float]:
    """Median milliseconds of a read after a write, by zoom."""
    times: dict[str, list[float]] = {zoom.name: [] for zoom in Zoom}
    reader = snapshot_reader.SnapshotReader(home)
    with Catalog.open(home) as catalog:
        for zoom in Zoom:
            reader.read(zoom)
            for _ in range(rounds):
                catalog.add_run("bench", "bench", "Running", datetime.now(UTC), None)
                start = time.perf_counter()
                assert reader.read(zoom) is not None
                times[zoom.name].append(1000 * (time.perf_counter() - start))
    reader.close()
    return {name: statistics.median(times) for name, times in times.items()}


def apply_times(home: Path, rounds: int, size: tuple[int, int]) -> tuple[float, float]:
    """Median milliseconds of processor time to show a changed Snapshot, and to draw all anew.

    With everything the terminal library does for it, up to the bytes for the terminal.
    """
    app = Oneclick(snapshot_reader.SnapshotReader(home), home, every=3600)
    show_times, redraw_times = [], []

    async def cost(act: Callable[[], object]) -> float:
        await asyncio.sleep(0.05)
        start = time.process_time()
        act()
        await asyncio.sleep(0.05)
        return 1000 * (time.process_time() - start)

    def redraw(screen: Screen[None]) -> None:
        for panel in screen.query(Panel):
            panel.on_resize()

    async def run() -> None:
        async with app.run_test(size=size):
            await app.workers.wait_for_complete()
            screen, rest = app.screen, []
            assert isinstance(screen, NumberedScreen)
            with Catalog.open(home) as catalog:
                for k in range(rounds):
                    catalog.add_run(f"bench-{k % 2}", "bench", "Running", datetime.now(UTC), None)
                    view = SnapshotView(snapshot_reader.read_snapshot(home))
                    rest.append(await cost(lambda: None))
                    show_times.append(await cost(functools.partial(screen.show, view)))
                    redraw_times.append(await cost(functools.partial(redraw, screen)))
            waiting = statistics.median(rest)
            show_times[:] = [value - waiting for value in show_times]
            redraw_times[:] = [value - waiting for value in redraw_times]

    asyncio.run(run())
    return statistics.median(show_times), statistics.median(redraw_times)


class Terminal:
    """The program in a pseudo terminal."""

    def __init__(self, home: Path, columns: int, rows: int) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        env["TERM"] = "xterm-256color"
        call = [sys.executable, "-m", "oneclick", "tui", "--home", str(home)]
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            call, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        os.close(slave)

    def until(self, text: bytes, seconds: float = 60) -> float:
        """Seconds until the program writes this."""
        start, screen_bytes = time.perf_counter(), b""
        while text not in screen_bytes:
            remaining = seconds - (time.perf_counter() - start)
            if remaining <= 0:
                raise TimeoutError(f"{text!r} never came")
            if select.select([self.master], [], [], remaining)[0]:
                screen_bytes = screen_bytes[-200:] + os.read(self.master, 1 << 16)
        return time.perf_counter() - start

    def drain(self, seconds: float) -> None:
        """Read what comes, as a terminal does."""
        end = time.perf_counter() + seconds
        while (remaining := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], remaining)[0]:
                os.read(self.master, 1 << 16)

    def processor(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def share(self, seconds: float) -> float:
        """Share of one core over some time."""
        before = self.processor()
        self.drain(seconds)
        return (self.processor() - before) / seconds

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        while self.process.poll() is None:
            with contextlib.suppress(OSError):  # it has closed its end
                self.drain(0.1)  # it says good-bye, and waits until that is read
        os.close(self.master)


def imports() -> float:
    """Seconds that importing the program takes, measured by itself."""
    code = (
        "import time; t = time.perf_counter(); "
        "from oneclick.report import snapshot_reader; from oneclick.tui.app import Oneclick; "
        "from oneclick.settings import load; import oneclick.cli.main; "
        "print(time.perf_counter() - t)"
    )
    times = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    return min(times)


def real(home: Path, seconds: float, size: tuple[int, int]) -> dict[str, float]:
    """First paint, keys, and processor time with a writer and without."""
    figures: dict[str, float] = {}
    loaded = imports()
    terminal = Terminal(home, *size)
    try:
        terminal.until(b"wait for review")
        figures["first paint after import, s"] = time.perf_counter() - terminal.began - loaded
        figures["import, s"] = loaded
        terminal.drain(3)
        figures["idle, % of a core"] = 100 * terminal.share(seconds)
        stop = mp.get_context("spawn").Event()
        writer = mp.get_context("spawn").Process(target=write, args=(home, 10.0, stop))
        writer.start()
        terminal.drain(4)
        figures["10 writes a second, % of a core"] = 100 * terminal.share(seconds)
        figures["key to reaction, ms"] = 1000 * statistics.median(keys(terminal))
        stop.set()
        writer.join()
    finally:
        terminal.close()
    return figures


def keys(terminal: Terminal, rounds: int = 10) -> list[float]:
    """Seconds from `g` to the letters on the panels, and from Escape back."""
    times = []
    for _ in range(rounds):
        terminal.drain(0.3)
        os.write(terminal.master, b"?")
        times.append(terminal.until(b"command line"))
        terminal.drain(0.3)
        os.write(terminal.master, b"q")
        times.append(terminal.until(b"Needs you"))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=30)
    args = parser.parse_args()
    for name, value in read_times(args.home, args.rounds).items():
        print(f"read, {name.lower()}: {value:.1f} ms")
    for size in ((80, 24), (120, 40), (200, 60)):
        apply_ms, redraw_ms = apply_times(args.home, args.rounds, size)
        print(
            f"apply at {size[0]}x{size[1]}: {apply_ms:.1f} ms; every panel anew: {redraw_ms:.1f} ms"
        )
    for name, number in real(args.home, args.seconds, (120, 40)).items():
        print(f"{name}: {number:.2f}")


if __name__ == "__main__":
    main()

"""Twenty cameras in one process: `python -m tests.bench.twenty_cameras [--seconds N]`.

Eight RTSP cameras, six of Motion JPEG and six files run under `oneclick live` as the settings name
them, recorded and without a model. Half way one RTSP camera goes away for good. The share of a core
and the memory are those of the process and its children, which the kernel counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

from oneclick import video
from oneclick.storage import live_state
from tests.fakes import coded_pictures, rtsp_server
from tests.fakes.rtsp_server import FakeCamera, RtspServer
from tests.live.test_http import FPS as HTTP_FPS
from tests.live.test_http import _Camera

FPS, ROUND = 10, 40
SIZE = (640, 480)
RTSP, HTTP, FILES = 8, 6, 6
VICTIM = "rtsp3"


def serve(pipe: Connection) -> None:
    """Serve the cameras of the network; close one when told to, and end when told again."""
    pictures = coded_pictures.encode("h264", count=ROUND, size=SIZE, fps=FPS, group=2 * FPS)
    cameras = [
        FakeCamera(
            codec="h264",
            header=pictures[0],
            script=lambda _: rtsp_server.play(itertools.cycle(pictures), FPS),
        )
        for _ in range(RTSP)
    ]
    servers = {f"rtsp{k}": RtspServer(camera) for k, camera in enumerate(cameras)}
    addresses = {name: server.url() for name, server in servers.items()}
    for k in range(HTTP):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        addresses[f"http{k}"] = f"http://127.0.0.1:{server.server_port}/video"
    pipe.send(addresses)
    pipe.recv()
    servers[VICTIM].close()
    pipe.recv()


def write_settings(folder: Path, addresses: dict[str, str]) -> None:
    """Write a oneclick.toml that names the cameras, and looks with no model."""
    cameras = "".join(f'{name} = "{address}"\n' for name, address in addresses.items())
    text = f'home = "{folder}/home"\n[live]\nmodels = []\nsegment_minutes = 0.5\n'
    (folder / "oneclick.toml").write_text(f"{text}[live.cameras]\n{cameras}")


def usage(pid: int) -> tuple[float, float]:
    """Return seconds of CPU and MB of memory of a process and its children."""
    seconds, megabytes = 0.0, 0.0
    for path in [Path(f"/proc/{pid}"), *_children(pid)]:
        fields = (path / "stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        megabytes += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return seconds, megabytes


def _children(pid: int) -> list[Path]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [Path(f"/proc/{child}") for task in tasks for child in task.read_text().split()]


def losses(paths: list[Path], numbers_in_round: int) -> tuple[int, int]:
    """Return how many pictures were recorded, and how many are missing between two of them."""
    numbers = [coded_pictures.number_in(image) for path in paths for image in video.frames(path)]
    missing = sum((b - a - 1) % numbers_in_round for a, b in itertools.pairwise(numbers))
    return len(numbers), missing


def main() -> None:
    """Print what twenty cameras cost, and what is missing of what they sent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    pipe, other_end = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(other_end,), daemon=True)
    server.start()
    addresses: dict[str, str] = pipe.recv()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = folder / "film.mp4"
        count = int((seconds + 30) * FPS)
        video.write(film, (coded_pictures.picture(k, *SIZE) for k in range(count)), FPS)
        addresses |= {f"file{k}": str(film) for k in range(FILES)}
        write_settings(folder, addresses)
        command = [sys.executable, "-m", "oneclick", "live", "--json", "--seconds", str(seconds)]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
            time.sleep(seconds / 6)  # to start
            before, begin = usage(process.pid)[0], time.monotonic()
            time.sleep(seconds / 3)
            first = usage(process.pid)[1]
            pipe.send("close one")
            time.sleep(seconds / 3)
            after, last = usage(process.pid)
            share = (after - before) / (time.monotonic() - begin)
            assert process.stdout is not None
            events = [json.loads(line) for line in process.stdout]
        home = folder / "home"
        states = [live_state.read(home, camera) for camera in addresses]
        print(f"{len(states)} cameras, exit {process.returncode}, load {os.getloadavg()[0]:.0f}")
        print(f"  a core        {share:.2f}")
        print(f"  memory        {first:.0f} MB, at the end {last:.0f} MB")
        troubled = {
            event["camera"]
            for event in events
            if event["event"] == "status" and event["name"] in ("stalled", "refused")
        }
        print(f"  in trouble    {sorted(troubled)}, meant is {VICTIM}")
        for kind, rate in (("rtsp", FPS), ("http", HTTP_FPS), ("file", FPS)):
            names = [camera for camera in addresses if camera.startswith(kind)]
            rows = [
                losses(
                    sorted(home.glob(f"live/{camera}/recordings/*/*.mkv")),
                    ROUND if kind == "rtsp" else 1024,
                )
                for camera in names
            ]
            seen, missing = (sum(column) for column in zip(*rows, strict=True))
            print(f"  {kind:13} {len(names)} at {rate}/s: {seen:,} recorded, {missing} missing")
    pipe.send("end")
    server.join()


if __name__ == "__main__":
    main()

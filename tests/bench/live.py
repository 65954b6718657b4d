"""Live cameras on this machine: what recording costs, and whether a model keeps up.

    uv run python tests/bench/live.py recorders [--cameras 8] [--seconds 60] [--size 1920x1080]
    uv run python tests/bench/live.py camera [--seconds 60] [--model onnx:FILE]

`recorders` serves cameras over RTSP from another process (H.264, 25 pictures a second, a key frame
every two seconds) and records them without encoding, with a look at a key frame every five
seconds; the share of a core is that of the recording process, all its threads together. `camera`
plays vtest.avi at its own 10 pictures a second to one model with all triggers.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from oneclick import triggers, video
from oneclick.core import stream_addresses
from oneclick.live.camera import LiveCameraPlan, LiveOptions
from oneclick.live.models import ModelPool
from oneclick.live.process import LiveProcess
from oneclick.storage import live_state
from oneclick.storage.live_ring import RingReader
from oneclick.storage.live_state import CameraState
from oneclick.storage.workspace import Workspace
from tests.detectors import footage
from tests.fakes import coded_pictures, rtsp_server
from tests.fakes.rtsp_server import FakeCamera, RtspServer

RECORDER_SHARE = 0.25
"""Of a core, for eight cameras."""
FPS = 25
NOISE = 1.5
"""Grey levels of noise, with which 1080p takes the bits of a camera."""


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["recorders", "camera"])
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--model", default="")
    arguments = parser.parse_args()
    if arguments.part == "recorders":
        width, height = map(int, arguments.size.split("x"))
        measure_recorders(arguments.cameras, arguments.seconds, (width, height))
    else:
        measure_camera(arguments.seconds, arguments.model)


def measure_recorders(cameras: int, seconds: float, size: tuple[int, int]) -> None:
    """Print the share of a core that recording takes, and what was recorded."""
    receiver, sender = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=serve, args=(cameras, size, sender), daemon=True
    )
    server.start()
    urls, bytes_per_second = receiver.recv()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        plans = [plan(f"cam{k}", url) for k, url in enumerate(urls)]
        options = replace(LiveOptions(), segment_seconds=20)
        cost, elapsed = run(home, plans, options, (), seconds, settle=5)
        segments = sorted(home.glob("live/*/recordings/*/*.mkv"))
        infos = [video.probe(path) for path in segments]
        frames = sum(info.frames for info in infos)
        spans = sum(info.timing.seconds_at(info.frames - 1, info.fps) + 1 / FPS for info in infos)
        size_bytes = sum(path.stat().st_size for path in segments)
    server.terminate()
    share = cost / elapsed
    rate = cameras * bytes_per_second * 8 / 1e6
    print(f"{cameras} cameras of {size[0]}x{size[1]} at {FPS} pictures/s, {rate:.0f} Mbit/s in all")
    print(f"  recorded      {frames:,} pictures, {len(segments)} segments, {size_bytes >> 20} MB")
    print(f"  a second      {frames / spans:.2f} pictures in what was recorded")
    print(f"  a core        {share:.3f}, target below {RECORDER_SHARE}")


def measure_camera(seconds: float, model: str) -> None:
    """Print whether a model keeps up with one camera."""
    weights = footage.DATA / "weights" / "yolox_nano.onnx"
    name = model or f"onnx:{weights}"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        states: list[CameraState] = []
        film = [plan("vtest", str(footage.VIDEO))]
        cost, elapsed = run(home, film, LiveOptions(fps=10), (name,), seconds, 3, states)
        reader = RingReader(live_state.ring_folder(home, "vtest"))
        headers = reader.headers(0, time.time() + 10)
    times = np.array([header.time for header in headers])
    steps = np.diff(times)
    last = states[-1]
    lags = [state.lag_ms for state in states[3:]]
    print(f"vtest.avi, 768x576 at 10 pictures/s, {name.rpartition('/')[2]}, all triggers")
    print(f"  looked at     {len(headers)} of {len(headers) + last.dropped} pictures")
    print(f"  dropped       {last.dropped}, longest pause {steps.max(initial=0) * 1000:.0f} ms")
    print(f"  lag           mean {np.mean(lags):.0f} ms, most {max(lags):.0f} ms (running means)")
    print(f"  a core        {cost / elapsed:.2f} of {os.cpu_count()}")


def plan(camera: str, address: str) -> LiveCameraPlan:
    """Return the plan of a camera."""
    return LiveCameraPlan(camera=camera, address=stream_addresses.parse(address))


def run(
    home: Path,
    plans: Sequence[LiveCameraPlan],
    options: LiveOptions,
    models: tuple[str, ...],
    seconds: float,
    settle: float,
    states: list[CameraState] | None = None,
) -> tuple[float, float]:
    """Run cameras; return the seconds of CPU in so many seconds after they have settled."""
    workspace, stop = Workspace(home), threading.Event()
    process = LiveProcess(
        workspace,
        plans,
        options,
        pool=ModelPool(workspace, models, ("person",), "cpu").renewed(),
        make_rules=triggers.make,
        tell=lambda event: None,
    )
    thread = threading.Thread(target=process.run, args=(stop,))
    thread.start()
    time.sleep(settle)
    begin, used = time.monotonic(), cpu_seconds()
    while time.monotonic() < begin + seconds:
        time.sleep(1)
        state = live_state.read(home, plans[0].camera)
        if states is not None and state is not None:
            states.append(state)
    result = cpu_seconds() - used, time.monotonic() - begin
    stop.set()
    thread.join()
    return result


def cpu_seconds() -> float:
    """Return the seconds of CPU that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def serve(cameras: int, size: tuple[int, int], pipe: Connection) -> None:
    """Serve cameras until the process is ended; send their addresses and the bytes a second."""
    pictures = coded_pictures.encode(
        "h264", count=4 * FPS, size=size, fps=FPS, group=2 * FPS, noise=NOISE
    )
    sizes = [len(unit) for picture in pictures for unit in picture.units]
    servers = [
        RtspServer(
            FakeCamera(
                codec="h264",
                header=pictures[0],
                script=lambda _: rtsp_server.play(itertools.cycle(pictures), FPS),
            )
        )
        for _ in range(cameras)
    ]
    pipe.send(([server.url() for server in servers], sum(sizes) / 4))
    threading.Event().wait()


if __name__ == "__main__":
    main()

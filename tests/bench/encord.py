"""Sending clips to Encord and bringing verdicts back, against the server of the tests.

uv run python -m tests.bench.encord [--clips 1000] [--frames 100] [--tracks 6] [--latency 0.1]

The server runs in a process of its own, so that the memory measured is the sender's. The peer is
the plain SDK, clip by clip, as its documentation does it: upload, link, list, initialise, save.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, Clip, ClipStage
from oneclick.core.labels import LabelSet, LabelTrack, Ranges
from oneclick.core.spans import Span
from oneclick.platforms import PlatformOptions
from oneclick.platforms.encord import convert
from oneclick.platforms.encord.connect import DEFAULT_RETRY_POLICY, Retrier, connect
from oneclick.platforms.encord.options import EncordOptions
from oneclick.platforms.encord.project import EncordProject
from oneclick.stages import review
from oneclick.storage import cards, files, labels
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.fakes.encord_server import EncordServer

WIDTH, HEIGHT, FPS = 640, 360, 25.0
BATCH, PEER = 100, 40


def serve(latency: float) -> None:
    """The server, told by lines what to do: `log`, `finish`; answers are JSON lines."""
    server = EncordServer()
    server.script = lambda call: latency or None
    print(json.dumps({"url": server.url, "key": server.user("machine@example.org")}), flush=True)
    for line in sys.stdin:
        if line.strip() == "finish":
            _finish(server)
        calls = Counter(call.name for call in server.log)
        size = sum(call.size for call in server.log)
        server.log.clear()
        record = {"calls": calls, "bytes": size, "mistakes": server.mistakes}
        print(json.dumps(record), flush=True)


def _finish(server: EncordServer) -> None:
    (project,) = server.world.projects.values()
    for task in project.tasks.values():
        for action in ("SUBMIT", "APPROVE"):
            action_body = {"taskUuid": task.uuid, "action": action}
            server.world.act(project, task.stage, action_body, "anna@example.org")


class Told:
    """The server in its process."""

    def __init__(self, latency: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.encord", "--serve", "--latency", str(latency)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.begun = self._line()

    def ask(self, command: str) -> dict[str, Any]:
        """Requests since the last word."""
        assert self._process.stdin
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        answer = self._line()
        assert not answer["mistakes"], answer["mistakes"]
        return answer

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout
        return dict(json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


@contextmanager
def started(latency: float) -> Iterator[Told]:
    """A server until the end of the block."""
    server = Told(latency)
    try:
        yield server
    finally:
        server.end()


def film(path: Path, frames: int) -> str:
    """A real clip; its sha256."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=int(FPS))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(frames):
            picture = np.roll(ground, 2 * k, axis=1)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return files.sha256(path)


def track(number: int, frames: int) -> LabelTrack:
    """One person who walks, with scores, key boxes and an attribute."""
    at = np.arange(frames, dtype=np.int32)
    lefts = 20 + 80 * number + at * 0.7 + np.sin(at / 7)
    boxes = np.stack([lefts, 60 + lefts * 0.1, lefts + 40, 160 + lefts * 0.1], axis=1)
    keys = tuple(range(0, frames, 10))
    posture: dict[str, Ranges] = {
        "posture": ((0, frames // 2, "standing"), (frames // 2, frames, "walking"))
    }
    scores = np.linspace(0.4, 0.99, frames, dtype=np.float32)
    return LabelTrack(
        id=number,
        cls="person",
        frames=at,
        boxes=boxes.astype(np.float32),
        scores=scores,
        origins="u" * frames,
        keyframes=keys,
        attributes=posture,
    )


def workspace(home: Path, count: int, frames: int, tracks: int) -> list[str]:
    """Clips at LABELLED that share one film."""
    place, source = Workspace(home), home / "film.mp4"
    home.mkdir(parents=True)
    digest = film(source, frames)
    label_tracks = tuple(track(number, frames) for number in range(tracks))
    video = replace(clips.VIDEO, frames=count * frames, fps=FPS, width=WIDTH, height=HEIGHT)
    with Catalog.open(home) as catalog:
        catalog.add_video(video)
        for k in range(count):
            name = f"{video.id}-{1000 * k:08d}"
            span = Span(k * frames, (k + 1) * frames)
            clip = Clip(
                id=name,
                camera="ward_a",
                video=video.id,
                span=span,
                fps=FPS,
                width=WIDTH,
                height=HEIGHT,
                chosen_by=ChosenBy.TRIGGER,
            )
            clip = replace(clip, digest=digest)
            place.clip_dir(name).mkdir(parents=True)
            os.link(source, place.clip_file(name))
            cards.save_clip_card(place, clip)
            catalog.add_clip(clip, "bench")
            catalog.move(name, ClipStage.CUT, ClipStage.EXTRACTED, "bench")
            label_set = LabelSet(
                clip=name,
                revision=1,
                kind="auto",
                parent=None,
                made_by="hindsight:x",
                made_at=clips.NOON,
                frames=frames,
                width=WIDTH,
                height=HEIGHT,
                classes=("person",),
                tracks=label_tracks,
            )
            catalog.add_revision(label_set, files.sha256(labels.save(place, label_set)))
            catalog.move(name, ClipStage.EXTRACTED, ClipStage.LABELLED, "bench")
        return [row.clip.id for row in catalog.clips()]


def resident() -> float:
    """MB that this process holds."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


@contextmanager
def watched() -> Iterator[list[float]]:
    """The most MB held while the block runs."""
    most, over = [resident()], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            most[0] = max(most[0], resident())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def plain(home: Path, names: list[str], choice: PlatformOptions) -> float:
    """Seconds a clip of the SDK as it is documented."""
    place = EncordProject(choice.section, Retrier(choice.section, DEFAULT_RETRY_POLICY))
    project, dataset, folder = place.project, place.dataset, place.folder
    started_at = time.perf_counter()
    for name in names:
        label_set = labels.latest(Workspace(home), name)
        assert label_set is not None
        uuid = folder.upload_video(Workspace(home).clip_file(name), title=f"plain-{name}.mp4")
        (unit,) = dataset.link_items([uuid])
        (row,) = project.list_label_rows_v2(data_hashes=[unit.uid])
        row.initialise_labels()
        convert.fill_row(row, label_set, name)
        row.save()
    return (time.perf_counter() - started_at) / len(names)


def main(count: int, frames: int, tracks: int, latency: float) -> None:
    """Print what sending and collecting cost."""
    with tempfile.TemporaryDirectory() as folder, started(latency) as server:
        home = Path(folder) / "home"
        names = workspace(home, count, frames, tracks)
        key = Path(folder) / "key"
        key.write_text(server.begun["key"])
        options = EncordOptions(key_file=str(key), domain=server.begun["url"])
        attributes = {"posture": ("standing", "walking")}
        choice = PlatformOptions("encord", attributes=attributes, section=options)
        review.setup(home, choice)
        assert connect(options)
        server.ask("log")
        peer, peer_log = plain(home, names[:PEER], choice), server.ask("log")
        memory, started_at = [], time.perf_counter()
        for start in range(0, count, BATCH):
            upload = review.send(home, names[start : start + BATCH], choice)
            assert not upload.failed, upload.failed
            memory.append(resident())
        seconds, log = time.perf_counter() - started_at, server.ask("log")
        _tell("sent", count, seconds, log)
        print(f"memory    {memory[0]:.0f} MB after {BATCH} clips, {memory[-1]:.0f} MB at the end")
        requests = sum(peer_log["calls"].values()) / PEER
        print(
            f"plain SDK {1000 * peer:.0f} ms and {requests:.1f} requests a clip: "
            f"{peer * count / seconds:.2f} times our time"
        )
        server.ask("finish")
        started_at, before = time.perf_counter(), resident()
        with watched() as most:
            collection = review.collect(home, choice)
        assert len(collection.done) == count, collection
        _tell("collected", count, time.perf_counter() - started_at, server.ask("log"))
        print(f"memory    {before:.0f} MB before, {most[0]:.0f} MB at most")


def _tell(title: str, count: int, seconds: float, log: dict[str, Any]) -> None:
    requests = sum(log["calls"].values()) / count
    print(
        f"{title:9} {count} clips in {seconds:.1f} s ({1000 * seconds / count:.0f} ms a clip); "
        f"{requests:.2f} requests and {log['bytes'] / 1000 / count:.0f} kB a clip"
    )
    for name, number in sorted(log["calls"].items(), key=lambda item: -item[1]):
        print(f"          {number / count:6.2f}  {name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--tracks", type=int, default=6)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds of each request")
    parser.add_argument("--serve", action="store_true", help="be the server")
    args = parser.parse_args()
    if args.serve:
        serve(args.latency)
    else:
        main(args.clips, args.frames, args.tracks, args.latency)

"""Twenty annotators on a real server: `python -m tests.bench.review_server [clips] [seconds]`.

A workspace of 20,000 clips that wait, one server process on a real socket, and 20 people who take
the next clip, open it, send edits, heartbeats and decisions as fast as people do at most. Prints
the time of each route (median, 95th and 99th percentile, in ms), and checks that no clip was given
twice and every acknowledged edit is in the journal.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from oneclick.catalog import Catalog
from oneclick.catalog.review_queue import QueueRank
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.spans import Span
from oneclick.feedback import clip_questions
from oneclick.storage import cards, files, labels
from oneclick.storage.edit_journals import Journal
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts.passwords import Passwords
from oneclick.web.accounts.users import Users
from tests import ports
from tests.fakes import clips as fake_clips
from tests.waits import HANG_SECONDS, wait_until

FRAMES, FPS, WIDTH, HEIGHT = 90, 30.0, 1280, 720
PICTURED = 12
"""Clips with extracted frames."""
RANKED = 600
"""Clips whose questions are stored, as they are when clips were sent."""
PASSWORD = "correct horse battery"
HASHES = Passwords(time_cost=1, memory_kib=32)
SERVER = """
import sys
from pathlib import Path
from oneclick.settings import Settings
from oneclick.web import review_app, server
from oneclick.web.accounts.passwords import Passwords
home, port = Path(sys.argv[1]), int(sys.argv[2])
app = review_app.create_review_app(
    home, Settings(home=home), [f"http://127.0.0.1:{port}"],
    passwords=Passwords(time_cost=1, memory_kib=32),
)
listener = server.open_socket(f"127.0.0.1:{port}")
server.serve(app, listener, protocol=server.BoundedProtocol)
"""


def crowd(clip: Clip, people: int) -> LabelSet:
    """Labels of people who walk through the picture."""
    frames = np.arange(FRAMES, dtype=np.int32)
    tracks = []
    for number in range(people):
        left = 60.0 + 180 * number + 0.7 * frames
        boxes = np.stack([left, left * 0 + 200, left + 45, left * 0 + 330], axis=1)
        scores = np.full(FRAMES, 0.9, np.float32)
        scores[20 * (number % 3) : 20 * (number % 3) + 8] = 0.4
        tracks.append(
            LabelTrack(
                id=number,
                cls="person",
                frames=frames,
                boxes=boxes.astype(np.float32),
                scores=scores,
                origins="d" * FRAMES,
            )
        )
    return LabelSet(
        clip=clip.id,
        revision=1,
        kind="auto",
        parent=None,
        made_by="hindsight:x",
        made_at=fake_clips.NOON,
        frames=FRAMES,
        width=WIDTH,
        height=HEIGHT,
        classes=("person",),
        tracks=tuple(tracks),
    )


def build(home: Path, count: int, people: int) -> list[str]:
    """Make the workspace: clips of 90 frames in review, ranked; pictures of the first ones only."""
    workspace = Workspace(home)
    workspace.create()
    video = Video(
        id="ward_a-20260105T120000Z",
        camera="ward_a",
        started_at=fake_clips.NOON,
        fps=FPS,
        frames=count * 100,
        width=WIDTH,
        height=HEIGHT,
        digest="0" * 64,
        suffix=".mp4",
    )
    picture = np.random.default_rng(0).integers(0, 255, (45, 80, 3), np.uint8)
    _, jpeg = cv2.imencode(".jpg", cv2.resize(picture, (WIDTH, HEIGHT)))
    names, entries = [], []
    with Catalog.open(home) as catalog:
        catalog.add_video(video)
        cards.save_video_card(workspace, video)
        for number in range(count):
            clip = Clip(
                id=f"{video.id}-{number * 1000:08d}",
                camera="ward_a",
                video=video.id,
                span=Span(100 * number, 100 * number + FRAMES),
                fps=FPS,
                width=WIDTH,
                height=HEIGHT,
                chosen_by=ChosenBy.TRIGGER,
            )
            label_set = crowd(clip, people)
            content = labels.encode(label_set)
            task = workspace.review_dir() / "tasks" / f"{clip.id}.json"
            for path in (labels.revision_path(workspace, label_set), task):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            workspace.clip_card(clip.id).write_bytes(files.to_json(clip))
            if number < PICTURED:
                folder = workspace.frames_dir(clip.id)
                folder.mkdir()
                for frame in range(FRAMES):
                    (folder / f"{frame:06d}.jpg").write_bytes(jpeg.tobytes())
            if number < RANKED:
                clip_questions.ask(workspace, clip, label_set)
            at = fake_clips.NOON + timedelta(seconds=number)
            entries.append((clip, ClipStage.IN_REVIEW, 1, at))
            names.append(clip.id)
            if number % 2000 == 1999:
                print(f"  {number + 1} clips", file=sys.stderr)
        catalog.insert_clips(entries, "bench")
        catalog.enqueue(names)
        catalog.rank(
            [
                QueueRank(clip=name, revision=1, doubts=3, expected=float(count - n), why="check")
                for n, name in enumerate(names)
            ]
        )
    return names


class Annotator(threading.Thread):
    """One person, as fast as a person can be.

    Args:
        url: of the server.
        name: of the user.
        until: time at which the work ends.
        pause: seconds between two acts.
    """

    def __init__(self, url: str, name: str, until: float, pause: float) -> None:
        super().__init__()
        self.http = httpx.Client(base_url=url, timeout=60)
        self.user, self.until, self.pause = name, until, pause
        self.times: dict[str, list[float]] = defaultdict(list)
        self.taken: list[str] = []
        self.acknowledged: dict[str, list[int]] = defaultdict(list)
        self.wrong: list[str] = []
        self.random = np.random.default_rng(sum(map(ord, name)))

    def call(self, route: str, path: str, body: Any = None) -> Any:
        """Send a request and keep its time."""
        begin = time.perf_counter()
        answer = self.http.get(path) if body is None else self.http.post(path, json=body)
        self.times[route].append(time.perf_counter() - begin)
        if answer.status_code != 200:
            self.wrong.append(f"{route} {answer.status_code} {answer.text[:200]}")
            return None
        time.sleep(self.pause * self.random.uniform(0.5, 1.5))
        return answer if route == "frame" else answer.json()

    def run(self) -> None:
        """Work until the time is over."""
        self.call("login", "/api/login", {"name": self.user, "password": PASSWORD})
        while time.monotonic() < self.until:
            self.review()
        self.http.close()

    def review(self) -> None:
        """Review one clip."""
        self.call("queue", "/api/queue")
        lease = self.call("next", "/api/queue/next", {})
        if lease is None:
            return
        clip, fence = lease["clip"], lease["fence"]
        self.taken.append(clip)
        shown = self.call("clip", f"/api/clips/{clip}")
        for frame in range(0, 90, 15):
            if int(clip.rpartition("-")[2]) // 1000 < PICTURED:
                self.call("frame", f"/media/{clip}/{frame}.jpg")
        for base in range(5):
            x = float(self.random.uniform(100, 900))
            track = int(self.random.integers(0, len(shown["tracks"])))
            op = {"op": "move", "track": shown["tracks"][track]["id"], "frame": 9 * base + 4}
            op |= {"box": [x, 200.0, x + 40, 320.0]}
            body = {"key": f"{clip}-{base}", "base": base, "fence": fence, "op": op}
            if done := self.call("edit", f"/api/clips/{clip}/edits", body):
                self.acknowledged[clip].append(done["rev"])
        self.call("heartbeat", f"/api/clips/{clip}/heartbeat", {"fence": fence})
        body = {"key": f"{clip}-v", "base": 5, "fence": fence, "decision": "accept"}
        self.call("verdict", f"/api/clips/{clip}/verdict", body | {"active_seconds": 9.5})
        if self.random.random() < 0.1:
            self.call("stats", "/api/stats")


def start(home: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(home), str(port)])

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/login", timeout=HANG_SECONDS)
            return True
        assert process.poll() is None, "the server ended"
        return False

    wait_until(answers, lambda: "the server does not answer")
    return process


def measure(home: Path, people: int, seconds: float, pause: float) -> list[Annotator]:
    """Let people work for some seconds; return what each of them met."""
    port = ports.free_port()
    users = Users(Workspace(home))
    for number in range(people):
        users.add(f"person-{number}", "annotator", None, HASHES.hash(PASSWORD))
    server = start(home, port)
    until = time.monotonic() + seconds
    url = f"http://127.0.0.1:{port}"
    workers = [Annotator(url, f"person-{n}", until, pause) for n in range(people)]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    return workers


def check(home: Path, workers: list[Annotator]) -> list[str]:
    """Return what went wrong: clips given twice, edits lost, unexpected answers."""
    given = Counter(clip for worker in workers for clip in worker.taken)
    problems = [f"{clip} was given {count} times" for clip, count in given.items() if count > 1]
    for worker in workers:
        problems += worker.wrong
        for clip, revs in worker.acknowledged.items():
            journal = Journal(home / "review" / "journal" / f"{clip}.jsonl")
            journal.read_new()
            if len(journal.entries) < max(revs, default=0):
                problems.append(f"{clip}: {len(journal.entries)} of {max(revs)} edits")
    return problems


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        begin = time.monotonic()
        build(home, count, people=6)
        os.sync()  # gigabytes that wait for the device would slow down every edit's own flush
        print(f"{count} clips in {time.monotonic() - begin:.0f} s", file=sys.stderr)
        workers = measure(home, 20, seconds, pause=1.0)
        print(f"{'route':12}{'requests':>10}{'p50':>9}{'p95':>9}{'p99':>9}  ms")
        for route in sorted({name for worker in workers for name in worker.times}):
            times = np.concatenate(
                [worker.times[route] for worker in workers if worker.times[route]]
            )
            quantiles = 1000 * np.percentile(times, (50, 95, 99))
            print(f"{route:12}{len(times):10}" + "".join(f"{value:9.1f}" for value in quantiles))
        problems = check(home, workers)
        print(
            f"clips reviewed {sum(len(worker.taken) for worker in workers)}",
            *problems[:20],
            sep="\n",
        )


if __name__ == "__main__":
    main()

"""A real server, killed again and again: no clip is given twice, nothing acknowledged is lost.

The small sample runs always; `-m slow` does 10,000 actions.
"""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from oneclick.stages import review
from oneclick.storage import verdicts
from oneclick.storage.edit_journals import Journal
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts.users import Users
from tests import ports
from tests.bench import review_server
from tests.platforms.local.desk import waiting
from tests.waits import HANG_SECONDS

pytestmark = pytest.mark.e2e


class Server:
    """A server on one port that can be killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = ports.free_port()
        self.process: subprocess.Popen[bytes] = review_server.start(home, self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(HANG_SECONDS)

    def restart(self) -> None:
        self.process = review_server.start(self.home, self.port)


class Worker(threading.Thread):
    """One person who does random things, and sends again what got no answer."""

    def __init__(self, number: int, port: int, shared: Shared) -> None:
        super().__init__(daemon=True)
        self.user, self.shared = f"person-{number}", shared
        self.random = random.Random(number)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=HANG_SECONDS)

    def send(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Send until there is an answer."""
        end = time.monotonic() + HANG_SECONDS
        while time.monotonic() < end:
            try:
                answer = self.http.post(path, json=body)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            self.shared.count()
            if answer.status_code != 401:
                return answer
            self.sign_in()
        raise TimeoutError(path)

    def sign_in(self) -> None:
        body = {"name": self.user, "password": review_server.PASSWORD}
        assert self.send("/api/login", body).status_code == 200

    def run(self) -> None:
        try:
            self.sign_in()
            while self.shared.goes_on():
                self.review()
        except BaseException as error:
            self.shared.problems.append(f"{self.user}: {type(error).__name__}: {error}")
        finally:
            self.http.close()

    def review(self) -> None:
        answer = self.send("/api/queue/next", {})
        if answer.status_code != 200:
            self.shared.finish()
            return
        clip, fence = answer.json()["clip"], answer.json()["fence"]
        self.shared.take(clip, self.user, fence)
        head = self.http_head(clip)
        for number in range(self.random.randint(1, 6)):
            left = 4.0 + self.random.randrange(20)
            op = {"op": "move", "track": 1, "frame": self.random.randrange(10)}
            op |= {"box": [left, 6.0, left + 9.0, 34.0]}
            key = f"{self.user}-{fence}-{number}"
            body = {"key": key, "base": head, "fence": fence, "op": op}
            done = self.send(f"/api/clips/{clip}/edits", body)
            if done.status_code != 200:
                self.shared.problems.append(f"edit {done.status_code} {done.text}")
                break
            head = done.json()["rev"]
            self.shared.edits[clip].append((head, key))
        self.shared.give_back(clip)
        if self.random.random() < 0.5:
            self.send(f"/api/clips/{clip}/release", {"fence": fence})
            return
        body = {"key": f"{fence}-v", "base": head, "fence": fence, "decision": "accept"}
        done = self.send(f"/api/clips/{clip}/verdict", body)
        if done.status_code == 200:
            self.shared.decided.append(clip)
        else:
            self.shared.problems.append(f"verdict {done.status_code} {done.text}")

    def http_head(self, clip: str) -> int:
        while True:
            try:
                answer = self.http.get(f"/api/clips/{clip}")
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            head: int = answer.json()["head"]
            return head


class Shared:
    """What all people know together."""

    def __init__(self, actions: int) -> None:
        self.actions, self.lock = actions, threading.Lock()
        self.done, self.is_over = 0, False
        self.holders: dict[str, str] = {}
        self.fences: set[tuple[str, int]] = set()
        self.edits: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.decided: list[str] = []
        self.problems: list[str] = []

    def count(self) -> None:
        with self.lock:
            self.done += 1

    def finish(self) -> None:
        self.is_over = True

    def goes_on(self) -> bool:
        return self.done < self.actions and not self.is_over and not self.problems

    def take(self, clip: str, user: str, fence: int) -> None:
        with self.lock:
            if clip in self.holders or (clip, fence) in self.fences:
                self.problems.append(f"{clip} went to {user} and {self.holders.get(clip)}")
            self.holders[clip] = user
            self.fences.add((clip, fence))

    def give_back(self, clip: str) -> None:
        with self.lock:
            del self.holders[clip]


def hammer(home: Path, clips: int, actions: int, people: int, life: float) -> Shared:
    """Let people work while the server is killed after some seconds, again and again."""
    waiting(home, clips)
    users = Users(Workspace(home))
    for number in range(people):
        hashed = review_server.HASHES.hash(review_server.PASSWORD)
        users.add(f"person-{number}", "annotator", None, hashed)
    server, shared = Server(home), Shared(actions)
    workers = [Worker(number, server.port, shared) for number in range(people)]
    dice = random.Random(7)
    try:
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            time.sleep(life * dice.uniform(0.3, 1.5))
            if shared.goes_on():
                server.kill()
                server.restart()
        for worker in workers:
            worker.join(HANG_SECONDS)
    finally:
        server.kill()
    return shared


def check(home: Path, shared: Shared) -> None:
    """Compare what was said with what is on disk."""
    assert shared.problems == []
    review.collect(home)
    root = home / "review"
    for clip, edits in shared.edits.items():
        journal = Journal(root / "journal" / f"{clip}.jsonl")
        journal.read_new()
        keys = {entry.rev: entry.key for entry in journal.entries}
        assert all(keys[rev] == key for rev, key in edits), clip
        assert max(Counter(entry.key for entry in journal.entries).values()) == 1
    assert max(Counter(shared.decided).values(), default=1) == 1
    archived = Counter(verdicts.clip_of(path) for path in verdicts.archive_files(Workspace(home)))
    assert set(shared.decided) <= set(archived)
    assert max(archived.values(), default=1) == 1


def test_a_server_killed_while_people_work_loses_nothing_that_it_acknowledged(
    tmp_path: Path,
) -> None:
    shared = hammer(tmp_path, clips=60, actions=250, people=4, life=2.0)
    check(tmp_path, shared)
    assert shared.edits


@pytest.mark.slow
def test_ten_thousand_actions_with_the_server_killed_throughout(tmp_path: Path) -> None:
    shared = hammer(tmp_path, clips=3000, actions=10_000, people=20, life=6.0)
    check(tmp_path, shared)
    assert shared.done >= 10_000

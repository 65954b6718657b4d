"""Review on Encord from the command line, as a user sets it up and runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from oneclick.stages import review
from tests.cli import program
from tests.fakes import clips
from tests.fakes.encord_server import Call
from tests.platforms.encord.desk import Desk
from tests.waits import HANG_SECONDS

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    review_desk = Desk(tmp_path_factory.mktemp("encord") / "home")
    clips.labelled(review_desk.home, 2, filmed=True)
    review_desk.home.parent.joinpath("oneclick.toml").write_text(
        f"""
        [review]
        platform = "encord"
        [review.encord]
        project = "ward"
        key_file = "{review_desk.choice.section.key_file}"
        domain = "{review_desk.server.url}"
        [review.encord.people]
        "anna@example.org" = "anna"
        """
    )
    yield review_desk
    review_desk.server.end()
    assert review_desk.server.mistakes == []


def oneclick(desk: Desk, *arguments: str) -> subprocess.CompletedProcess[str]:
    return program.oneclick(*arguments, home=desk.home, cwd=desk.home.parent)


def test_a_user_sets_up_sends_collects_and_erases(desk: Desk) -> None:
    first, second = (clips.clip(k).id for k in range(2))
    before = oneclick(desk, "review", "send")
    assert before.returncode == 3
    assert "oneclick review setup makes it" in before.stderr
    assert "made project 'ward'" in oneclick(desk, "review", "setup").stderr
    assert "clips sent: 2 done" in oneclick(desk, "review", "send").stderr
    title = desk.title(first)
    for name in (first, title, title.removesuffix(".mp4")):
        output = oneclick(desk, "clips", "show", name).stdout
        assert first in output
        assert title in output
    desk.finish(first)
    assert "verdicts taken in: 1 done" in oneclick(desk, "review", "collect").stderr
    assert '"name":"anna"' in oneclick(desk, "review", "stats", "--json").stdout.replace(" ", "")
    erased = oneclick(desk, "review", "erase", second, "--yes")
    assert "clips erased on encord: 1 done" in erased.stderr
    assert len(desk.world.items) == 1


@contextmanager
def running(desk: Desk, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on, with settings from the environment; killed if it still runs."""
    options = {"DOMAIN": desk.server.url, "KEY_FILE": desk.choice.section.key_file}
    env = {f"ONECLICK_REVIEW__ENCORD__{key}": value for key, value in options.items()}
    env |= {"ONECLICK_REVIEW__PLATFORM": "encord", "ENCORD_WEBHOOK_SECRET": "ours"}
    with subprocess.Popen(
        [sys.executable, "-m", "oneclick", *arguments, "--home", str(desk.home)],
        env={**os.environ, **env},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_an_upload_that_hangs(tmp_path: Path) -> None:
    slow = Desk(tmp_path / "home")
    clips.labelled(slow.home, 2, filmed=True)
    slow.open().setup()
    hanging = threading.Event()

    def script(call: Call) -> float | None:
        if not call.name.startswith("PUT /bucket"):
            return None
        hanging.set()
        return 60.0

    slow.server.script = script
    with running(slow, "review", "send") as process:
        assert hanging.wait(HANG_SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(HANG_SECONDS) == 130
    slow.server.end()


def test_the_doctor_looks_at_key_region_project_and_stages(desk: Desk) -> None:
    oneclick(desk, "review", "setup")
    report = oneclick(desk, "doctor").stdout
    assert f"project 'ward' on {desk.server.url}: Annotate 1, Review 1, Complete" in report
    desk.world.keys.clear()
    refused = oneclick(desk, "doctor")
    assert refused.returncode != 0
    assert "does not know this key" in refused.stdout


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["review", "accept", "--all"], "decide there"),
        (["run", "nowhere.mp4", "--accept-auto"], "set platform to local"),
    ],
)
def test_what_only_our_own_queue_can_do_says_so(
    desk: Desk, arguments: list[str], match: str
) -> None:
    result = oneclick(desk, *arguments)
    assert result.returncode == 2
    assert match in result.stderr


def test_a_webhook_brings_the_verdict_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "home")
    clips.labelled(desk.home, 1, filmed=True)
    desk.open().setup()
    review.send(desk.home, [clips.clip(0).id], desk.choice)
    with running(desk, "review", "listen", "--at", "127.0.0.1:0") as process:
        assert process.stderr is not None
        service, url = process.stderr.readline().split()
        assert service == "webhooks"
        desk.server.hook(url, "ours")
        desk.finish(clips.clip(0).id)
        assert process.stderr.readline() == "verdicts taken in: 1 done\n"
        assert len(desk.server.calls("GET analytics/time-spent")) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(HANG_SECONDS) == 130
    desk.server.end()


def test_what_cannot_listen_says_so_before_anything_starts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONECLICK_REVIEW__ENCORD__LISTEN", "127.0.0.1:4280")
    result = oneclick(desk, "up")
    assert result.returncode == 2
    assert "no secret for Encord's webhook" in result.stderr
    assert "starting" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--at", "127.0.0.1:0"], "no secret for Encord's webhook"),
        ([], "webhooks need"),
    ],
)
def test_listening_without_a_secret_or_an_address_is_wrong_usage(
    desk: Desk, arguments: list[str], match: str
) -> None:
    result = oneclick(desk, "review", "listen", *arguments)
    assert result.returncode == 2
    assert match in result.stderr

"""Review on Encord from the command line, as a user sets it up and runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import clips
from tests.fakes.encord_server import Call
from tests.platforms.encord_desk import Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("encord") / "home")
    clips.labelled(made.home, 2, filmed=True)
    made.home.parent.joinpath("oneclick.toml").write_text(
        f"""
        [review]
        platform = "encord"
        [review.encord]
        project = "ward"
        key_file = "{made.choice.encord.key_file}"
        domain = "{made.server.url}"
        [review.encord.people]
        "anna@example.org" = "anna"
        """
    )
    yield made
    made.server.end()
    assert made.server.mistakes == []


def oneclick(desk: Desk, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "oneclick", *arguments, "--home", str(desk.home)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=desk.home.parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_a_user_sets_up_sends_collects_and_erases(desk: Desk) -> None:
    first, second = (clips.clip(k).id for k in range(2))
    before = oneclick(desk, "review", "send")
    assert before.returncode == 3
    assert "oneclick review setup makes it" in before.stderr
    assert "made project 'ward'" in oneclick(desk, "review", "setup").stderr
    assert "clips sent: 2 done" in oneclick(desk, "review", "send").stderr
    known = desk.title(first)
    for name in (first, known, known.removesuffix(".mp4")):
        shown = oneclick(desk, "clips", "show", name).stdout
        assert first in shown
        assert known in shown
    desk.finish(first)
    assert "verdicts taken in: 1 done" in oneclick(desk, "review", "collect").stderr
    assert '"name":"anna"' in oneclick(desk, "review", "stats", "--json").stdout.replace(" ", "")
    erased = oneclick(desk, "review", "erase", second, "--yes")
    assert "clips erased on encord: 1 done" in erased.stderr
    assert len(desk.world.items) == 1


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
    given = {"DOMAIN": slow.server.url, "KEY_FILE": slow.choice.encord.key_file}
    env = {f"ONECLICK_REVIEW__ENCORD__{key}": value for key, value in given.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "oneclick", "review", "send", "--home", str(slow.home)],
        env={**os.environ, **env, "ONECLICK_REVIEW__PLATFORM": "encord"},
        stderr=subprocess.DEVNULL,
    )
    assert hanging.wait(60)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    slow.server.end()


def test_the_doctor_looks_at_key_region_project_and_stages(desk: Desk) -> None:
    oneclick(desk, "review", "setup")
    found = oneclick(desk, "doctor").stdout
    assert f"project 'ward' on {desk.server.url}: Annotate 1, Review 1, Complete" in found
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
    done = oneclick(desk, *arguments)
    assert done.returncode == 2
    assert match in done.stderr

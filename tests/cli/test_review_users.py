"""`oneclick review users`, `audit` and `serve` as people type them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from oneclick.services import review_address
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts import audit
from oneclick.web.accounts.users import Users
from tests.cli.program import oneclick
from tests.waits import HANG_SECONDS, wait_until


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def listed(home: Path) -> list[dict[str, object]]:
    users: list[dict[str, object]] = json.loads(
        oneclick("review", "users", "list", "--json", home=home).stdout
    )
    return users


def test_users_are_added_changed_and_removed(home: Path) -> None:
    assert "no users yet" in oneclick("review", "users", "list", home=home).stderr
    result = oneclick("review", "users", "add", "ada", "--role", "admin", "--link", home=home)
    assert (result.returncode, result.stderr.splitlines()[-1]) == (0, "ada is admin of all cameras")
    assert re.fullmatch(r"http://127\.0\.0\.1:8321/enter/[\w-]{43}\n", result.stdout)
    added = oneclick(
        *("review", "users", "add", "ben", "--camera", "Hall 2", "--camera", "ward", "--link"),
        home=home,
    )
    assert added.returncode == 0
    ben = {"name": "ben", "role": "annotator", "cameras": ["hall_2", "ward"], "has_password": False}
    assert listed(home)[1] == ben
    assert oneclick("review", "users", "roles", "ben", "lead", home=home).returncode == 0
    assert listed(home)[1] == ben | {"role": "lead", "cameras": None}
    assert oneclick("review", "users", "remove", "ben", home=home).returncode == 0
    assert [user["name"] for user in listed(home)] == ["ada"]
    log = json.loads(oneclick("review", "audit", "list", "--json", home=home).stdout)
    assert [(entry["act"], entry["detail"], entry["outcome"]) for entry in log] == [
        ("user-add", "ada admin", "ok"),
        ("user-add", "ben annotator", "ok"),
        ("user-role", "ben lead", "ok"),
        ("user-remove", "ben", "ok"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["add", "ada", "--link"], 2, "there is a user 'ada' already"),
        (["add", "Ada\x1b[2J", "--link"], 2, r"Ada\x1b[2J"),
        (["add", "<b>", "--link"], 2, "cannot be the name"),
        (["add", "eve", "--role", "king", "--link"], 2, "no role is called 'king'"),
        (["add", "eve"], 2, "no terminal to type a password"),
        (["passwd", "eve", "--link"], 2, "no user is called 'eve'; known: ada"),
        (["roles", "ada", "viewer"], 2, "nobody would be admin"),
        (["remove", "ada"], 2, "nobody would be admin"),
        (["remove", "eve"], 2, "no user is called 'eve'"),
    ],
)
def test_what_cannot_be_is_one_line_and_recorded(
    home: Path, arguments: list[str], code: int, message: str
) -> None:
    oneclick("review", "users", "add", "ada", "--role", "admin", "--link", home=home)
    before = Workspace(home).users_file.read_bytes()
    result = oneclick("review", "users", *arguments, home=home)
    assert (result.returncode, message in result.stderr) == (code, True), result.stderr
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr
    assert Workspace(home).users_file.read_bytes() == before
    log = json.loads(oneclick("review", "audit", "list", "--json", home=home).stdout)
    assert log[-1]["outcome"] != "ok"


def test_a_password_comes_from_stdin_and_a_changed_log_is_noticed(home: Path) -> None:
    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "oneclick", "review", *arguments, "--home", str(home)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    added = run("users", "add", "ada", "--password-stdin", stdin="several plain words\n")
    assert added.returncode == 0, added.stderr
    assert run("users", "passwd", "ada", "--password-stdin", stdin="short\n").returncode == 2
    content = Workspace(home).users_file.read_text()
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in content
    assert "several" not in content
    result = oneclick("review", "audit", "verify", home=home)
    assert (result.returncode, result.stdout) == (0, "")
    assert re.search(r"2 entries; head [0-9a-f]{64}", result.stderr)
    path = audit.log_files(Workspace(home))[-1]  # a month may have ended between the two
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    result = oneclick("review", "audit", "verify", home=home)
    assert result.returncode == 1
    assert "ends with entry 1, but 2 were written" in result.stdout


def test_the_first_start_prints_one_address_that_signs_in_once(home: Path) -> None:
    command = [sys.executable, "-m", "oneclick", "review", "serve", "--at", "127.0.0.1:0"]
    env = os.environ | {"ONECLICK_HOME": str(home)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
    assert process.stderr is not None
    line = process.stderr.readline()
    match = re.fullmatch(r"review      (http://127\.0\.0\.1:\d+)/enter/([\w-]{43})\n", line)
    assert match is not None, line
    url, token = match.groups()
    with httpx.Client(base_url=url, timeout=HANG_SECONDS) as client:

        def answers() -> bool:
            try:
                return client.get("/login").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(answers)
        assert review_address.find_running(Workspace(home)) == url
        assert client.post("/api/enter", json={"token": token}).status_code == 200
        assert client.get("/api/me").json()["role"] == "admin"
        assert client.post("/api/enter", json={"token": token}).status_code == 401
        link = oneclick("review", "users", "add", "eve", "--link", home=home).stdout
        assert link.startswith(f"{url}/enter/")
        second = oneclick("review", "serve", "--at", "127.0.0.1:0", home=home)
        assert (second.returncode, second.stderr.count("\n")) == (4, 1)
        assert f"are served already: process {process.pid}, {url}" in second.stderr
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert review_address.find_running(Workspace(home)) is None
    assert Users(Workspace(home)).find("eve") is not None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--at", "0.0.0.0:0", "--insecure-lan"], 2, "nobody has a password yet"),
        (["--at", "ward.example:80"], 4, "cannot listen on ward.example:80"),
        (["--at", "127.0.0.1:99999"], 4, "cannot listen on"),
    ],
)
def test_an_address_that_cannot_be_served_is_one_line(
    home: Path, arguments: list[str], code: int, message: str
) -> None:
    result = oneclick("review", "serve", *arguments, home=home)
    assert (result.returncode, message in result.stderr) == (code, True), result.stderr
    assert result.stderr.count("\n") == 1
    assert not Workspace(home).users_file.exists()

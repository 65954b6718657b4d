"""The key of a workspace: private, one for all who ask at once, and given to our server alone."""

from __future__ import annotations

import os
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oneclick.core.errors import UsageError
from oneclick.services import prefect_access, prefect_api
from oneclick.services.prefect_access import RunningServer
from oneclick.storage import locks
from oneclick.storage.workspace import Workspace


def record(**parts: object) -> RunningServer:
    values = {
        "pid": os.getpid(),
        "machine": prefect_access.this_machine(),
        "url": "http://127.0.0.1:1/api",
    }
    return RunningServer(**(values | parts))  # type: ignore[arg-type]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_all_who_ask_at_once_get_one_key_in_a_private_place(tmp_path: Path) -> None:
    (tmp_path / ".prefect").mkdir(mode=0o755)
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(prefect_access.load_key, [tmp_path] * 24))
    assert len(keys) == 1
    path = prefect_access.key_file(tmp_path)
    assert [mode(path), mode(path.parent), mode(path.parent.parent)] == [0o600, 0o700, 0o700]
    assert prefect_access.load_key(tmp_path / "other") not in keys


def test_a_key_that_others_may_know_is_refused(tmp_path: Path) -> None:
    prefect_access.load_key(tmp_path)
    path = prefect_access.key_file(tmp_path)
    path.chmod(0o644)
    with pytest.raises(UsageError, match=r"key may be read by others \(mode 0644\): remove"):
        prefect_access.load_key(tmp_path)


@pytest.mark.parametrize("text", ["", "secret", "oneclick:", "oneclick:short", "a\nb"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, text: str) -> None:
    prefect_access.load_key(tmp_path)
    prefect_access.key_file(tmp_path).write_text(text)
    with pytest.raises(UsageError, match="holds no key: remove the file"):
        prefect_access.load_key(tmp_path)


@pytest.fixture
def _no_server_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "PREFECT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "none.toml"))


@pytest.mark.usefixtures("_no_server_set")
def test_a_server_is_found_while_its_up_lives_on_this_machine(tmp_path: Path) -> None:
    key = prefect_access.load_key(tmp_path)
    assert prefect_api.connect(tmp_path) is None
    prefect_access.announce(tmp_path, record(), key)
    # A killed `up` leaves its record: whoever has the port now must not get the key.
    assert prefect_access.find_running(tmp_path) is None
    assert prefect_api.connect(tmp_path) is None
    with locks.file_lock(Workspace(tmp_path).locks_dir / locks.WriteLock.SERVE.value):
        assert prefect_access.find_running(tmp_path) == ("http://127.0.0.1:1/api", key)
        server = prefect_api.connect(tmp_path)
        assert server is not None
        assert server.url == "http://127.0.0.1:1/api"
        prefect_access.announce(tmp_path, record(machine="elsewhere"), key)
        assert prefect_access.find_running(tmp_path) is None
    prefect_access.withdraw(tmp_path)
    assert prefect_access.last_announced(tmp_path) is None
    assert list(prefect_access.server_folder(tmp_path).iterdir()) == [
        prefect_access.key_file(tmp_path)
    ]


def test_what_is_announced_is_private_and_prefect_can_read_it(tmp_path: Path) -> None:
    key = prefect_access.load_key(tmp_path)
    prefect_access.announce(tmp_path, record(), key)
    for path in prefect_access.server_folder(tmp_path).iterdir():
        assert mode(path) == 0o600
    document = tomllib.loads(prefect_access.profiles_file(tmp_path).read_text())
    assert document["profiles"][document["active"]] == {
        "PREFECT_API_URL": "http://127.0.0.1:1/api",
        "PREFECT_API_AUTH_STRING": key,
    }
    env = {"PREFECT_PROFILES_PATH": str(prefect_access.profiles_file(tmp_path))}
    assert not prefect_access.is_workspace_profile(env)
    assert prefect_access.is_workspace_profile(env | {"PREFECT_PROFILE": document["active"]})

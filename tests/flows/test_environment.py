"""What Prefect finds in the environment: ours with no server, the user's with one."""

import os
import tomllib
from pathlib import Path

import pytest

from oneclick.core.errors import Unavailable
from oneclick.flows import environment
from oneclick.services import prefect_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.startswith("PREFECT_") or name == "DO_NOT_TRACK":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))


def profile(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "profiles.toml").write_text(text)


CLOUD = 'active = "cloud"\n[profiles.cloud]\nPREFECT_API_URL = "https://cloud.example/api"\n'


def test_with_no_server_prefect_lives_in_the_workspace_and_is_silent(tmp_path: Path) -> None:
    assert environment.apply_defaults(tmp_path)
    assert os.environ["PREFECT_HOME"] == str(tmp_path / ".prefect")
    assert os.environ["PREFECT_LOGGING_LEVEL"] == "CRITICAL"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_a_workspace_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="file/workspace"):
        environment.prepare(tmp_path / "file" / "workspace")


def test_what_the_user_sets_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    environment.apply_defaults(tmp_path)
    assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"


def test_a_user_with_a_server_keeps_their_home_and_their_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://server/api")
    assert not environment.apply_defaults(tmp_path)
    assert "PREFECT_HOME" not in os.environ
    assert "PREFECT_LOGGING_LEVEL" not in os.environ


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (CLOUD, "https://cloud.example/api"),
        ('active = "local"\n' + CLOUD.split("\n", 1)[1], None),
        ("not toml", None),
    ],
    ids=["active", "another is active", "broken"],
)
def test_a_profile_counts_as_a_server_while_it_is_active(
    tmp_path: Path, text: str, url: str | None
) -> None:
    profile(tmp_path / "user" / ".prefect", text)
    assert prefect_settings.api_url() == url


def test_the_profile_named_in_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(tmp_path / "elsewhere", CLOUD.replace('active = "cloud"', 'active = "other"'))
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PREFECT_PROFILE", "cloud")
    assert prefect_settings.api_url() == "https://cloud.example/api"


def test_pyproject_says_the_same_to_whoever_calls_prefect_by_hand() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["prefect"]
    values = {f"PREFECT_{name}": value for name, value in flat(table).items()}
    defaults = {k: v for k, v in environment.DEFAULTS.items() if k.startswith("PREFECT_")}
    assert {name: str(value).lower() for name, value in values.items()} == defaults


def flat(table: dict[str, object], prefix: str = "") -> dict[str, object]:
    options: dict[str, object] = {}
    for key, value in table.items():
        name = f"{prefix}{key.upper()}"
        options |= flat(value, f"{name}_") if isinstance(value, dict) else {name: value}
    return options

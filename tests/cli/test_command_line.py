"""The command line as a user meets it: help, imports, exit codes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from oneclick.cli.main import app
from tests.cli.program import oneclick, oneclick_apart
from tests.waits import HANG_SECONDS

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "prefect", "wandb", "encord", "cv2", "av", "sqlalchemy", "scipy", "pyarrow")


def commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    if not hasattr(group, "commands"):
        return [(" ".join(path), group)]
    return [
        entry
        for name, command in group.commands.items()
        for entry in commands(command, (*path, name))
    ]


ALL = commands(typer.main.get_command(app))


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from oneclick.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=True,
    )
    assert "HEAVY []" in process.stdout


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_every_command_and_every_option_has_help(name: str, command: click.Command) -> None:
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


def test_status_of_an_empty_workspace_names_the_next_command(tmp_path: Path) -> None:
    process = oneclick_apart("status", home=tmp_path / "new")
    assert process.returncode == 0, process.stderr
    assert "oneclick run VIDEO" in process.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["clips", "show", "nowhere"], 2, "nowhere"),
        (["clips", "list", "--stage", "LOST"], 2, "IN_REVIEW"),
        (["models", "show", "nobody"], 2, "nobody"),
        (["models", "rollback"], 1, "champion"),
        (["clips", "retry"], 2, "--all"),
        (["video", "add", "does-not-exist.mp4"], 3, "does-not-exist.mp4"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_argument_gets_one_line_and_the_documented_exit_code(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    process = oneclick(*arguments, home=tmp_path)
    assert process.returncode == code, process.stderr
    assert message in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "x\u202ey\x1b[2J"],
        ["status", "--x\u202ey"],
        ["no\u202esuch"],
        ["status", "--watch", "\u202e"],
    ],
    ids=ascii,
)
def test_a_wrong_word_is_quoted_with_its_hidden_characters_visible(arguments: list[str]) -> None:
    process = oneclick(*arguments)
    assert process.returncode == 2
    assert not {"\u202e", "\x1b"} & set(process.stderr)
    *usage, line = process.stderr.splitlines()
    assert line.startswith("Error: ")
    assert usage[0].startswith("Usage: ")


def test_contradictory_settings_are_refused_with_the_setting_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONECLICK_DETECT__PREDICTOR", "opencv:motion")
    monkeypatch.setenv("ONECLICK_DETECT__RIVAL", "opencv:motion")
    process = oneclick("status", home=tmp_path)
    assert process.returncode == 2
    assert "detect" in process.stderr
    assert "never disagrees with itself" in process.stderr

"""Actions are command lines: what a key does, a person can type, read and put into a script."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick.core.errors import OneclickError

CHANGING = {
    ("clips", "retry"),
    ("review", "accept"),
    ("review", "reject"),
    ("review", "send"),
    ("review", "collect"),
    ("models", "promote"),
    ("models", "rollback"),
    ("flows", "run"),
    ("flows", "cancel"),
    ("triggers", "set"),
    ("run", "VIDEO"),
}
"""The first words of commands that change something."""
PLACEHOLDERS = {"VIDEO"}
"""Words that stand for what only a person can name."""
TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command that the terminal UI ran."""

    words: tuple[str, ...]
    """The command line after `oneclick`."""
    code: int
    """Its exit code."""
    stdout: str
    stderr: str

    @property
    def summary(self) -> str:
        """Return its last line of output, or how it ended if it printed nothing."""
        lines = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return lines[-1] if lines else "done" if self.code == 0 else f"ended with {self.code}"


CommandRunner = Callable[[Sequence[str]], CommandResult]


def changes_workspace(words: Sequence[str]) -> bool:
    """Return whether the command changes something."""
    return tuple(words[:2]) in CHANGING


def command_line(words: Sequence[str]) -> str:
    """Return the command as a person types it."""
    return " ".join(["oneclick", *words])


def error_line(error: BaseException | None) -> str:
    """Return what went wrong in one line: our own errors as they are, others with their type."""
    first = str(error).strip().split("\n", 1)[0]
    return first if isinstance(error, OneclickError) else f"{type(error).__name__}: {first}"


def subprocess_runner(home: Path) -> CommandRunner:
    """Return a function that runs commands on a workspace in another process.

    So torch and Prefect are never imported into the process of the UI. A command that takes longer
    than `TIMEOUT_SECONDS` is ended with code 124.
    """

    def run(words: Sequence[str]) -> CommandResult:
        call = [sys.executable, "-m", "oneclick", *words, "--home", str(home)]
        try:
            process = subprocess.run(
                call,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            message = f"still at it after {TIMEOUT_SECONDS} s: given up"
            return CommandResult(tuple(words), 124, "", message)
        return CommandResult(tuple(words), process.returncode, process.stdout, process.stderr)

    return run

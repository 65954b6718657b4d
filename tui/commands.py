"""Actions are command lines: what a key does, a person can type, read and put into a script."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

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
NEEDS_MORE = {"VIDEO"}
"""Words that stand for what only a person can name."""
SECONDS = 600


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    words: tuple[str, ...]
    code: int
    out: str
    """What it printed."""
    talk: str
    """What it said beside that."""

    @property
    def line(self) -> str:
        """Its last word in one line."""
        said = (self.talk.strip() or self.out.strip()).splitlines()
        return said[-1] if said else "done" if self.code == 0 else f"ended with {self.code}"


Run = Callable[[Sequence[str]], Done]


def changes(words: Sequence[str]) -> bool:
    """Whether the command changes something."""
    return tuple(words[:2]) in CHANGING


def written(words: Sequence[str]) -> str:
    """As a person types it."""
    return " ".join(["oneclick", *words])


def child(home: Path) -> Run:
    """Runs commands on a workspace in another process: torch and Prefect stay out of ours."""

    def run(words: Sequence[str]) -> Done:
        call = [sys.executable, "-m", "oneclick", *words, "--home", str(home)]
        try:
            done = subprocess.run(
                call, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            return Done(tuple(words), 124, "", f"still at it after {SECONDS} s: given up")
        return Done(tuple(words), done.returncode, done.stdout, done.stderr)

    return run

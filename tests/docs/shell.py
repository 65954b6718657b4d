"""A warm command line for the commands of the documentation: one process runs them all.

Importing torch and prefect, and starting Prefect's embedded server, takes longer than most commands
do. The process has an environment of its own, so nothing of it stays in the tests.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OPERATORS = set("|&;<>()")


@dataclass(frozen=True)
class CommandResult:
    """How a command ended."""

    code: int
    output: str
    """What it printed on stdout and stderr."""


class Shell:
    """Runs command lines in a folder: those of oneclick in one process, others with `sh`."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        """Start the process.

        Args:
            folder: gets an executable `oneclick` for commands with pipes and the like.
            variables: environment variables beside the usual ones.
        """
        program = folder / "oneclick"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m oneclick "$@"\n')
        program.chmod(0o755)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PREFECT", "ONECLICK", "PYTEST"))
        }
        path = f"{folder}{os.pathsep}{inherited['PATH']}"
        self._environment = {**inherited, "PATH": path, "PYTHONPATH": str(ROOT), **variables}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.docs.shell"],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, line: str, folder: Path) -> CommandResult:
        """Run one command line in a folder."""
        words = shlex.split(line, comments=True)
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        if words[0] != "oneclick" or any(
            OPERATORS & {*token} for token in lexer if token[0] in OPERATORS
        ):
            process = subprocess.run(
                ["sh", "-c", line],
                cwd=folder,
                env=self._environment,
                capture_output=True,
                text=True,
            )
            return CommandResult(process.returncode, process.stdout + process.stderr)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"folder": str(folder), "arguments": words[1:]}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return CommandResult(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def answer(arguments: list[str]) -> dict[str, Any]:
    """Run a command of oneclick in this process; an error of ours is its line and exit code."""
    from typer.testing import CliRunner

    from oneclick.cli.main import app
    from oneclick.core.errors import OneclickError

    result = CliRunner().invoke(app, arguments, prog_name="oneclick")
    error = result.exception
    if isinstance(error, OneclickError):
        return {"code": error.exit_code, "output": f"{result.output}oneclick: {error}"}
    unexpected = "" if error is None or isinstance(error, SystemExit) else repr(error)
    return {"code": result.exit_code, "output": result.output + unexpected}


def main() -> None:
    """Answer requests, a line of JSON each, until there are no more."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            request = json.loads(line)
            os.chdir(request["folder"])
            answers.write(json.dumps(answer(request["arguments"])) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()

"""A warm command line for the commands of the documentation: one process runs them all.

Importing torch and prefect, and starting Prefect's embedded server, takes longer than most commands
do. The process has an environment of its own, so nothing of it stays in the tests.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tests.waits import HANG_SECONDS, PREFECT_TIMEOUTS

ROOT = Path(__file__).parents[2]
OPERATORS = set("|&;<>()")
COMMAND_SECONDS = HANG_SECONDS


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
        self._environment = inherited | {"PATH": path, "PYTHONPATH": str(ROOT)}
        self._environment |= PREFECT_TIMEOUTS | dict(variables)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.docs.shell"],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._failure = ""

    def run(self, line: str, folder: Path) -> CommandResult:
        """Run one command line in a folder.

        Raises:
            AssertionError: the command does not end, or one before it did not: a page that goes on
                after it would say nothing.
        """
        assert not self._failure, self._failure
        words = shlex.split(line, comments=True)
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        if words[0] != "oneclick" or any(
            OPERATORS & {*token} for token in lexer if token[0] in OPERATORS
        ):
            return self._run_in_sh(line, folder)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"folder": str(folder), "arguments": words[1:]}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], COMMAND_SECONDS)[0]:
            self._give_up(line, self._process)
        answer = self._process.stdout.readline()
        assert answer, f"{line}: the command line died: exit code {self._process.wait()}"
        return CommandResult(**json.loads(answer))

    def _run_in_sh(self, line: str, folder: Path) -> CommandResult:
        process = subprocess.Popen(
            ["sh", "-c", line],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            self._give_up(line, process)
        return CommandResult(process.returncode, output)

    def _give_up(self, line: str, process: subprocess.Popen[str]) -> NoReturn:
        """Kill the processes of a command that does not end, and fail with its line."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        self._failure = f"{line}: does not end within {COMMAND_SECONDS:.0f} s"
        raise AssertionError(self._failure)

    def close(self) -> None:
        """End the process."""
        if self._process.returncode is None:
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

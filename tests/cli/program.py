"""The command line in this process: arguments in, exit code and output out, without the imports."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from unittest import mock

import pytest

from oneclick.cli import main
from tests.waits import HANG_SECONDS


def oneclick(
    *arguments: str, home: Path | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in this process; also what libraries in C write is caught."""
    words = ["oneclick", *arguments, *(["--home", str(home)] if home else [])]
    handler = signal.getsignal(signal.SIGTERM)
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        try:
            with (
                mock.patch.dict(os.environ),
                contextlib.chdir(cwd or Path.cwd()),
                pytest.MonkeyPatch.context() as patch,
                warnings.catch_warnings(),
                _redirected(1, stdout),
                _redirected(2, stderr),
            ):
                warnings.simplefilter("ignore")  # as errors they would be ours alone
                patch.setattr(sys, "argv", words)
                code = _exit_code()
        finally:
            signal.signal(signal.SIGTERM, handler)
        stdout.seek(0)
        stderr.seek(0)
        texts = stdout.read().decode(), stderr.read().decode()
    return subprocess.CompletedProcess(words, code, *texts)


def oneclick_apart(
    *arguments: str, home: Path, blocks: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own; `blocks` limits the files it writes, in 512 bytes."""
    command = [sys.executable, "-m", "oneclick", *arguments, "--home", str(home)]
    limit = ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh"] if blocks is not None else []
    return subprocess.run(
        limit + command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )


def _exit_code() -> int:
    try:
        main.run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@contextlib.contextmanager
def _redirected(number: int, file: BinaryIO) -> Iterator[None]:
    """Send a file descriptor and Python's stream of it to a file."""
    name = {1: "stdout", 2: "stderr"}[number]
    saved, stream = os.dup(number), getattr(sys, name)
    stream.flush()
    os.dup2(file.fileno(), number)
    with open(os.dup(number), "w", encoding="utf-8", buffering=1) as text:  # noqa: PTH123
        setattr(sys, name, text)
        try:
            yield
        finally:
            text.flush()
            setattr(sys, name, stream)
            os.dup2(saved, number)
            os.close(saved)

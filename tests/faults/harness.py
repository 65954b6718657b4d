"""Warm processes: one process imports everything once, and each trial is a fork of it.

The process is started with a shim below its file calls (shim.c), which a trial arms to be killed at
its n-th change of a folder, to meet a full disk there, or to write its changes into a journal.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import pickle
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import pytest

from tests.waits import wait_until

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).with_name("shim.c")
LIGHT = (
    "fsspec.implementations.chained",
    "fsspec.implementations.local",
    "oneclick.detectors.motion",
    "pyarrow.dataset",
    "scipy.sparse.csgraph",
    "tests.faults.ends",
    "tests.faults.laps",
    "tomlkit",
)
"""What a lap without training imports."""
TRAINING = (*LIGHT, "oneclick.training.gate", "oneclick.training.launch", "faster_coco_eval")
"""What one with training imports."""
ENCORD = (*LIGHT, "oneclick.platforms.encord.platform")
"""What a review on Encord imports."""


class Fault(IntEnum):
    """What the shim does; the numbers are those of shim.c."""

    COUNT = 1
    """Count the changes."""
    KILL = 2
    """Kill the process before its n-th change, or in the middle of it if that is a write."""
    FULL = 3
    """Have no space from the n-th change on."""
    RECORD = 4
    """Write every change into a journal."""


@dataclass(frozen=True)
class Call:
    """A function that a warm process runs, by its name, and a fault."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    root: Path | None = None
    """Folder whose changes count; None arms no fault."""
    fault: Fault = Fault.COUNT
    number: int = 0
    """Number of the change at which the fault strikes, from 0."""
    journal: Path | None = None


@dataclass(frozen=True)
class Ending:
    """How a process ended."""

    status: int
    """0, or minus the signal that killed it."""
    value: Any = None
    """What the function returned."""
    changes: int = 0
    """Changes below the root."""
    error: BaseException | None = None
    """What the function raised."""
    trace: str = ""


class WarmProcesses:
    """A process that imported everything; forks of it run calls, one or several at once."""

    def __init__(self, shim: Path, modules: Sequence[str] = LIGHT) -> None:
        self._pipe, server_end = Pipe()
        env = os.environ | {"LD_PRELOAD": str(shim)}
        command = [sys.executable, "-m", "tests.faults.harness", str(server_end.fileno()), *modules]
        self._server = subprocess.Popen(command, cwd=ROOT, env=env, pass_fds=[server_end.fileno()])
        server_end.close()
        self._receive()

    def run(self, *calls: Call) -> list[Ending]:
        """Run calls at once, each in a process of its own, and wait for all."""
        return self.wait(self.start(*calls))

    def start(self, *calls: Call) -> list[int]:
        """Start calls at once, each in a process of its own; return their process ids."""
        self._pipe.send(("start", calls))
        pids: list[int] = self._receive()
        return pids

    def wait(self, pids: Sequence[int]) -> list[Ending]:
        """Return how the processes end."""
        self._pipe.send(("wait", pids))
        endings: list[Ending] = self._receive()
        return endings

    def value(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns in a process of its own, which no fault strikes."""
        (ending,) = self.run(Call(function, arguments))
        if ending.status or ending.error:
            raise AssertionError(f"status {ending.status}: {ending.trace}") from ending.error
        return ending.value

    def end(self) -> None:
        """End the process."""
        self._pipe.close()
        self._server.wait()

    def _receive(self) -> Any:
        wait_until(
            lambda: self._pipe.poll(1.0) or self._server.poll() is not None,
            lambda: "a trial hangs",
            pause=0.0,
        )
        return self._pipe.recv()


def start(folder: Path, modules: Sequence[str] = LIGHT) -> WarmProcesses:
    """Start warm processes, or skip the test where nothing compiles the shim."""
    compilers = [path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))]
    if not compilers:
        pytest.skip("no C compiler: install gcc or clang")
    library = folder / "shim.so"
    command = [compilers[0], "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)]
    subprocess.run([*command, "-ldl", "-pthread"], check=True)
    return WarmProcesses(library, modules)


def note(text: str) -> None:
    """Write a line of our own into the journal of this process."""
    ctypes.CDLL(None).fault_note(text.encode())


def serve(pipe: Connection) -> None:
    """Run each call that the pipe brings in a fork, until it is closed."""
    results: dict[int, int] = {}
    while True:
        try:
            task, argument = pipe.recv()
        except EOFError:
            return
        if task == "start":
            pipe.send(fork(argument, results, pipe))
        else:
            pipe.send([reap(pid, results.pop(pid)) for pid in argument])


def fork(calls: Sequence[Call], results: dict[int, int], pipe: Connection) -> list[int]:
    """Start a process for each call, none before all are there; return their ids."""
    gate, barrier = os.pipe()
    pids = []
    for call in calls:
        result = os.memfd_create("result")
        pid = os.fork()
        if not pid:
            os.close(barrier)
            pipe.close()
            run_trial(call, gate, result)
        results[pid] = result
        pids.append(pid)
    os.close(gate)
    os.close(barrier)
    return pids


def run_trial(call: Call, gate: int, result: int) -> None:
    """Run a call in this process and end it; the Ending is in the file `result`."""
    os.read(gate, 1)  # returns when the barrier is closed
    shim, journal, value, failure, trace = ctypes.CDLL(None), -1, None, None, ""
    if call.journal:
        journal = os.open(call.journal, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    if call.root:
        shim.fault_arm(
            str(call.root).encode(), int(call.fault), ctypes.c_long(call.number), journal
        )
    try:
        value = call.function(*call.arguments)
    except BaseException as error:
        failure, trace = error, traceback.format_exc()
    changes = shim.fault_disarm()
    if failure is not None and not is_portable(failure):
        failure = RuntimeError(str(failure))
    os.write(result, pickle.dumps(Ending(0, value, changes, failure, trace)))
    os._exit(0)


def is_portable(error: BaseException) -> bool:
    """Check whether an exception can be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True


def reap(pid: int, result: int) -> Ending:
    """Wait for a process and return how it ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    content = os.pread(result, os.fstat(result).st_size, 0)
    os.close(result)
    if status == 0:
        ending: Ending = pickle.loads(content)
        return ending
    return Ending(status)


if __name__ == "__main__":
    del os.environ["LD_PRELOAD"]
    for name in sys.argv[2:]:
        importlib.import_module(name)
    connection = Connection(int(sys.argv[1]))
    connection.send("warm")
    # The class of what arrives is that of the module that the parent imported.
    importlib.import_module("tests.faults.harness").serve(connection)

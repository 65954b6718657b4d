"""Locks of a workspace: one holder a kind, freed with its process, the same thread goes on."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oneclick.core.errors import Unavailable
from oneclick.storage import locks
from oneclick.storage.locks import LockOrderError, WriteLock
from oneclick.storage.workspace import Workspace

HOLD = """
import sys, time
from pathlib import Path
from oneclick.storage import locks
from oneclick.storage.workspace import Workspace
with locks.hold(Workspace(Path(sys.argv[1])), locks.WriteLock.PUBLISH):
    print("held", flush=True)
    time.sleep(900)
"""


def test_a_lock_of_another_process_is_named_and_freed_by_a_kill(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(Unavailable, match="another process holds the lock 'publish'"),
            locks.hold(workspace, WriteLock.PUBLISH, wait=False),
        ):
            raise AssertionError("two hold the lock")
        with locks.hold(workspace, WriteLock.CHAMPION, wait=False):
            pass
        holder.kill()
    with locks.hold(workspace, WriteLock.PUBLISH, wait=False):
        pass


def test_a_thread_that_holds_a_lock_goes_on_and_others_wait(tmp_path: Path) -> None:
    workspace, inside = Workspace(tmp_path), [0, 0]

    def enter(_: int) -> None:
        with locks.hold(workspace, WriteLock.PUBLISH), locks.hold(workspace, WriteLock.PUBLISH):
            inside[0] += 1
            inside[1] = max(inside)
            inside[0] -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(40)))
    assert inside == [0, 1]


def test_a_folder_can_be_locked_without_a_file_in_it(tmp_path: Path) -> None:
    with locks.file_lock(tmp_path):
        assert not list(tmp_path.iterdir())
        with (
            pytest.raises(Unavailable),
            locks.file_lock(tmp_path, wait=False),
        ):
            raise AssertionError("two hold the lock")


def test_two_locks_are_taken_in_one_order_only(tmp_path: Path) -> None:
    workspace, other, order = Workspace(tmp_path), Workspace(tmp_path / "other"), list(WriteLock)
    for outer, inner in itertools.permutations(order, 2):
        is_right = order.index(outer) < order.index(inner)
        refusal = pytest.raises(LockOrderError, match=f"{inner.value!r} is taken inside")
        with (
            locks.hold(workspace, outer),
            contextlib.nullcontext() if is_right else refusal,
            locks.hold(workspace, inner),
        ):
            assert is_right
        with locks.hold(other, outer), locks.hold(workspace, inner):
            pass  # those of another workspace are others'


def test_no_two_locks_share_a_number_in_postgres() -> None:
    numbers = {lock.number for lock in WriteLock}
    assert len(numbers) == len(WriteLock)
    assert max(numbers) < 1 << 31

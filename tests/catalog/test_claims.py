"""Leases: one holder at a time, and never for longer than the holder lives."""

from __future__ import annotations

import itertools
import multiprocessing as mp
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oneclick.catalog import Catalog, owner_id, owners
from oneclick.core.clips import ClipStage
from tests.catalog import samples as samples
from tests.waits import HANG_SECONDS

CUT = ClipStage.CUT
HOST, _, START = owner_id().rsplit(":", 2)


def ids(*numbers: int) -> list[str]:
    return [samples.clip(number).id for number in numbers]


def test_clips_are_claimed_oldest_first_and_never_twice(tmp_path: Path) -> None:
    with samples.filled(tmp_path, 0) as catalog:
        for number in (4, 1, 3, 0, 2):
            catalog.add_clip(samples.clip(number), "cut")
        assert catalog.claim(CUT, owner_id(), 2, 60) == ids(4, 1)
        assert catalog.claim(CUT, owner_id(), 2, 60) == ids(3, 0)
        assert catalog.claim(CUT, "far:1:2", 9, 60) == ids(2)
        assert catalog.claim(CUT, "far:1:2", 9, 60) == []
        assert {row.stage for row in catalog.clips()} == {CUT}
        assert catalog.holders() == {owner_id(): 4, "far:1:2": 1}
        assert catalog.release(owner_id()) == 4
        assert catalog.claim(ClipStage.EXTRACTED, owner_id(), 9, 60) == []
        assert catalog.claim(CUT, owner_id(), 9, 60) == ids(4, 1, 3, 0)
        assert [row.attempts for row in catalog.clips()] == [2, 2, 2, 2, 1]


def test_a_move_ends_the_lease(tmp_path: Path) -> None:
    with samples.filled(tmp_path, 1) as catalog:
        (name,) = catalog.claim(CUT, "far:1:2", 1, 60)
        assert catalog.move(name, CUT, ClipStage.EXTRACTED, "x")
        row = catalog.clip(name)
        assert (row.lease_owner, row.lease_until, row.attempts) == (None, None, 0)


def test_a_lease_of_another_host_ends_when_its_time_is_over(tmp_path: Path) -> None:
    clock = samples.Clock()
    with samples.filled(tmp_path, 2, clock=clock) as catalog:
        assert catalog.claim(CUT, "far:1:2", 1, 60) == ids(0)
        clock.on(59)
        assert catalog.expire() == 0
        assert catalog.claim(CUT, "other:1:2", 1, 60) == ids(1)
        clock.on(1)
        assert catalog.claim(CUT, "third:1:2", 9, 60) == ids(0)
        clock.on(60)
        assert catalog.expire() == 2
        assert catalog.holders() == {}


OWNERS = {
    "this process": (owner_id(), False),
    "no process of that number": (f"{HOST}:{2**22 + 1}:{START}", True),
    "the number was given to a new process": (f"{HOST}:{os.getpid()}:00000000.1", True),
    "another host": (f"elsewhere:{2**22 + 1}:1", False),
    "not one of ours": ("somebody", False),
}


@pytest.mark.parametrize(("owner", "dead"), OWNERS.values(), ids=OWNERS)
def test_only_a_process_known_to_be_gone_is_dead(owner: str, dead: bool) -> None:
    assert owners.is_dead(owner) is dead


def test_without_a_process_table_the_number_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "PROC", tmp_path)
    mine = owner_id()
    host = mine.rsplit(":", 2)[0]
    assert not owners.is_dead(mine)
    assert owners.is_dead(f"{host}:{2**22 + 1}:")


def test_a_killed_process_gives_its_clips_back_at_once(tmp_path: Path) -> None:
    samples.filled(tmp_path, 2).close()
    program = (
        "import sys, time; from pathlib import Path\n"
        "from oneclick.core.clips import ClipStage\n"
        "from oneclick.catalog import Catalog, owner_id\n"
        "held = Catalog.open(Path(sys.argv[1])).claim(ClipStage.CUT, owner_id(), 9, 3600)\n"
        "print(len(held), flush=True); time.sleep(3600)\n"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "2\n"
        with Catalog.open(tmp_path) as catalog:
            assert catalog.claim(CUT, owner_id(), 9, 60) == []
            process.send_signal(signal.SIGKILL)
            # Not waited for yet: a process that only has to be reaped is dead as well.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            assert catalog.claim(CUT, owner_id(), 9, 60) == ids(0, 1)


def _claim_all(home: Path, gate: mp.synchronize.Barrier, queue: mp.Queue[list[str]]) -> None:
    mine: list[str] = []
    with Catalog.open(home) as catalog:
        gate.wait(HANG_SECONDS)
        while names := catalog.claim(CUT, owner_id(), 3, 600):
            mine += names
        queue.put(mine)
        gate.wait(HANG_SECONDS)  # alive until all are done: the leases stay good


def test_processes_claiming_at_once_share_the_clips_without_overlap(tmp_path: Path) -> None:
    samples.filled(tmp_path, 100).close()
    spawn = mp.get_context("spawn")
    gate, queue = spawn.Barrier(2), spawn.Queue()
    workers = [spawn.Process(target=_claim_all, args=(tmp_path, gate, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    shares = [queue.get(timeout=HANG_SECONDS) for _ in workers]
    for worker in workers:
        worker.join(HANG_SECONDS)
    assert sorted(itertools.chain(*shares)) == ids(*range(100))
    queue.close()
    queue.join_thread()


def _open_fresh(home: Path, gate: mp.synchronize.Barrier) -> None:
    gate.wait(HANG_SECONDS)
    with Catalog.open(home) as catalog:
        catalog.add_video(samples.video())
        if not catalog.add_clip(samples.clip(os.getpid()), "cut"):
            raise SystemExit(1)


def test_processes_may_open_a_fresh_workspace_at_the_same_time(tmp_path: Path) -> None:
    spawn = mp.get_context("spawn")
    gate, home = spawn.Barrier(2), tmp_path / "new" / "home"
    workers = [spawn.Process(target=_open_fresh, args=(home, gate)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(HANG_SECONDS)
    assert [worker.exitcode for worker in workers] == [0, 0]
    with Catalog.open(home) as catalog:
        assert len(catalog.clips()) == 2


def test_threads_may_share_a_catalog(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with samples.filled(tmp_path, 24) as catalog:

        def work(_: int) -> list[str]:
            names = catalog.claim(CUT, owner_id(), 2, 60)
            for name in names:
                assert catalog.move(name, CUT, ClipStage.EXTRACTED, "x")
            return names

        with ThreadPoolExecutor(4) as pool:
            claimed_ids = list(pool.map(work, range(12)))
        assert sorted(itertools.chain(*claimed_ids)) == ids(*range(24))
        assert catalog.counts()[ClipStage.EXTRACTED] == 24
        assert samples.drift(catalog) == []

"""Killed while Prefect upgrades a database of ours, or with a full disk: the next start goes on."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from oneclick.core.errors import NoSpace, Unavailable
from oneclick.flows import prefect_database
from tests.faults import harness, prefect_tables
from tests.faults.harness import Call, Fault, WarmProcesses

pytestmark = pytest.mark.e2e

PREFECT = ("tests.faults.prefect_tables", "prefect.server.database.alembic_commands")
OLD, STUCK = "old", "stuck"
KILLS, ALL_KILLS = 2, 60


@dataclass(frozen=True)
class Tables:
    """Databases to upgrade, and the process that has Prefect imported."""

    warm: WarmProcesses
    folder: Path
    """PREFECT_HOME of that process."""

    def put(self, name: str) -> Path:
        """Put a database into its folder, in place of what is there; return the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.folder.with_name(name), self.folder)
        return self.folder

    def upgrade(self, fault: Fault = Fault.COUNT, number: int = 0) -> harness.Ending:
        """Start once."""
        call = Call(prefect_tables.start, (self.folder,), self.folder, fault, number)
        (ending,) = self.warm.run(call)
        return ending


@pytest.fixture(scope="module")
def tables(prefect_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """Make databases as an older Prefect leaves them, one of them upgraded half-way."""
    folder = tmp_path_factory.mktemp("upgrade")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(folder / "home"))
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        tables = Tables(harness.start(folder, PREFECT), folder / "home")
    tables.folder.mkdir(exist_ok=True)
    shutil.copy(prefect_database, tables.folder)
    for name, make in (OLD, prefect_tables.make_old), (STUCK, prefect_tables.break_half_way):
        tables.warm.value(make, tables.folder)
        shutil.copytree(tables.folder, folder / name)
    yield tables
    tables.warm.end()


def kill_often(tables: Tables, name: str, count: int, is_full: bool = False) -> None:
    """Kill starts at random changes, or fill the disk there; each next one must go on."""
    tables.put(name)
    undisturbed = tables.upgrade()
    assert not undisturbed.error, undisturbed.trace
    reference = prefect_tables.state(tables.folder)
    assert len(reference["runs"]) == prefect_tables.RUNS
    assert reference["revision"] == [(prefect_database.newest_revision(),)]
    assert reference["files"] == [prefect_database.DATABASE]
    if name == STUCK:
        half = tables.folder / "prefect.db.half-upgraded"
        assert half.exists()
        assert str(half) in undisturbed.value
        assert "\n" not in undisturbed.value
    else:
        assert undisturbed.value == ""
    rng, fault = random.Random(count), Fault.FULL if is_full else Fault.KILL
    for number in rng.sample(range(undisturbed.changes), min(count, undisturbed.changes)):
        tables.put(name)
        ending = tables.upgrade(fault, number)
        if is_full:
            assert isinstance(ending.error, NoSpace | Unavailable | None), ending.trace
        else:
            assert ending.status == -9, number
        ending = tables.upgrade()
        assert not ending.error, (number, ending.trace)
        assert prefect_tables.state(tables.folder) == reference, number


@pytest.mark.parametrize("name", [OLD, STUCK])
def test_an_upgrade_that_was_killed_goes_on_or_begins_again(tables: Tables, name: str) -> None:
    kill_often(tables, name, KILLS)


@pytest.mark.slow
@pytest.mark.parametrize("is_full", [False, True], ids=["kill", "full"])
@pytest.mark.parametrize("name", [OLD, STUCK])
def test_upgrades_that_were_broken_off_anywhere_go_on(
    tables: Tables, name: str, is_full: bool
) -> None:
    kill_often(tables, name, ALL_KILLS, is_full)


def test_prefects_own_command_upgrades_too(tables: Tables, tmp_path: Path) -> None:
    """The process that setup starts, on a database of an older Prefect."""
    folder, log = tables.put(OLD), tmp_path / "server.log"
    env = {"PATH": "/usr/bin:/bin", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    with prefect_database.setup(folder, log, env) as notice:
        assert notice == ""
    state = prefect_tables.state(folder)
    assert state["revision"] == [(prefect_database.newest_revision(),)]
    assert (len(state["runs"]), state["files"]) == (prefect_tables.RUNS, ["prefect.db"])

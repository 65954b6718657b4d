"""After a power cut at any moment no verdict is lost that was acknowledged to its reviewer."""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from oneclick.catalog import Catalog, rebuild
from oneclick.core.errors import BadInput
from oneclick.platforms.local import LocalPlatform
from oneclick.storage import datasets, labels
from oneclick.storage.workspace import Workspace
from tests.faults import ends, harness, laps, power
from tests.faults.conftest import Workshop
from tests.faults.harness import Call, Fault
from tests.faults.laps import Step
from tests.faults.power import Change, Disk

pytestmark = pytest.mark.e2e

SEEDS, ALL_SEEDS = 3, 50
STAGES = {"accept": ("ACCEPTED", "PUBLISHED"), "reject": ("REJECTED",)}
"""Stages of a clip by the decision on it."""


def review_clips(root: Path) -> None:
    """Send and review clips one by one, with each acknowledgement in the journal."""
    home = root / "home"
    laps.send(root)
    queue = LocalPlatform(Workspace(home).review_dir())
    for number, clip_id in enumerate(sorted(laps.all_clips(home))):
        verdict = laps.verdict_on(queue, clip_id, number)
        assert queue.submit(verdict)
        harness.note(f"verdict {clip_id} {verdict.decision}")
        if number % 2:
            laps.collect(root)
            laps.publish_accepted(root)
            harness.note(f"version {datasets.names(Workspace(home))[-1]}")
    laps.rebuild_catalog(root)


def restart(root: Path, acknowledged: list[str]) -> list[str]:
    """Do what people do after a power cut; return what was acknowledged and is lost."""
    home = root / "home"
    try:
        Catalog.open(home).close()
    except BadInput:  # which names the remedy
        rebuild.rebuild(home)
    laps.collect(root)
    with Catalog.open(home) as catalog:
        stages = {row.clip.id: row.stage.value for row in catalog.clips()}
        decisions = {(row.clip, row.by, row.decision) for row in catalog.verdicts()}
    lost = []
    for line in acknowledged:
        kind, name, *decision = line.split()
        if kind == "version":
            is_there = datasets.find(Workspace(home), name) is not None
        else:
            is_there = (name, laps.PERSON, decision[0]) in decisions
            is_there &= stages.get(name) in STAGES[decision[0]]
            is_there &= decision[0] == "reject" or is_corrected(home, name)
        if not is_there:
            lost.append(f"{line}: {stages.get(name)}")
    return lost


def is_corrected(home: Path, clip_id: str) -> bool:
    """Check whether the newest labels of a clip are those of the person who corrected it."""
    latest = labels.latest(Workspace(home), clip_id)
    return latest is not None and (latest.kind, latest.made_by) == ("human", laps.PERSON)


@dataclass(frozen=True)
class Recording:
    """What a process did to a folder: the disk before it, and all changes."""

    disk: Disk
    changes: tuple[Change, ...]

    def cut(self, rng: random.Random, root: Path) -> list[str]:
        """Write the disk as it is after a power cut at some moment; return the notes until then."""
        changes = self.changes[: rng.randrange(len(self.changes) + 1)]
        disk = copy.deepcopy(self.disk)
        for change in changes:
            disk.apply(change)
        disk.cut(rng, root)
        return [change.data.decode() for change in changes if change.act == "N"]

    def files(self) -> dict[str, bytes]:
        """Return the content of every file after all changes, by relative path."""
        disk = copy.deepcopy(self.disk)
        for change in self.changes:
            disk.apply(change)
        return dict(disk.files())


def record(workshop: Workshop, step: str, work: Step, folder: Path) -> Recording:
    """Record some work on a workspace as it stands before a step, which nothing disturbs."""
    root = workshop.copy(step, folder / "root")
    disk, journal = Disk(root), folder / "journal"
    (ending,) = workshop.warm.run(Call(work, (root,), root, Fault.RECORD, journal=journal))
    assert not ending.error, ending.trace
    changes = tuple(power.read_journal(journal))
    assert Recording(disk, changes).files() == {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }, "the journal lacks changes"
    return Recording(disk, changes)


@pytest.fixture(scope="module")
def reviewed(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Record a review with its publications, and a rebuild."""
    return record(workshop, "send", review_clips, tmp_path_factory.mktemp("review"))


@pytest.fixture(scope="module")
def lap(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Record a whole lap."""
    return record(workshop, "fetch", laps.whole_lap, tmp_path_factory.mktemp("lap"))


def lost_verdicts(workshop: Workshop, recording: Recording, seed: int, root: Path) -> list[str]:
    """Cut the power at a moment that follows from the seed; return what is lost or broken."""
    acknowledged = recording.cut(random.Random(seed), root)
    (ending,) = workshop.warm.run(Call(restart, (root, acknowledged)))
    problems = [ending.trace] if ending.error else list(ending.value)
    (ending,) = workshop.warm.run(Call(laps.finish, (root, workshop.steps_from("send"))))
    problems += [ending.trace] if ending.error else ending.value["problems"]
    shutil.rmtree(root)
    return problems


def torn_files(workshop: Workshop, recording: Recording, seed: int, root: Path) -> list[str]:
    """Cut the power in a lap, run it again; return how its end differs from an undisturbed one."""
    recording.cut(random.Random(seed), root)
    (ending,) = workshop.warm.run(Call(laps.finish, (root, list(laps.LAP))))
    reference = workshop.after("publish", root.parent)
    shutil.rmtree(root)
    return [ending.trace] if ending.error else ends.differences(ending.value, reference)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_power_cut_loses_no_acknowledged_verdict(
    workshop: Workshop, reviewed: Recording, tmp_path: Path, seed: int
) -> None:
    assert lost_verdicts(workshop, reviewed, seed, tmp_path / "root") == []


def test_without_flushing_verdicts_would_be_lost(
    workshop: Workshop, reviewed: Recording, tmp_path: Path
) -> None:
    changes = tuple(change for change in reviewed.changes if change.act != "S")
    unflushed = Recording(reviewed.disk, changes)
    assert any(lost_verdicts(workshop, unflushed, seed, tmp_path / "root") for seed in range(9))


def test_a_lap_goes_on_after_a_power_cut(
    workshop: Workshop, lap: Recording, tmp_path: Path
) -> None:
    assert torn_files(workshop, lap, 0, tmp_path / "root") == []


@pytest.mark.slow
@pytest.mark.parametrize("attack", [lost_verdicts, torn_files])
def test_after_many_power_cuts_all_is_there(
    workshop: Workshop,
    reviewed: Recording,
    lap: Recording,
    tmp_path: Path,
    attack: Callable[[Workshop, Recording, int, Path], list[str]],
) -> None:
    recording = reviewed if attack is lost_verdicts else lap
    losses = {
        seed: problems
        for seed in range(ALL_SEEDS)
        if (problems := attack(workshop, recording, seed, tmp_path / "root"))
    }
    assert not losses, ends.text(losses)

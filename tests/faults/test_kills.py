"""Killed at any change of a file, or with a full disk from it on, and run again: the same end.

A kill between two acts was looked for in every step of a lap and in what is done besides, in
requests to Encord and in upgrades of Prefect's database (the tests beside this one), and in what
leads do: a settlement that was killed could not be made again, or corrected the clip twice, and is
made once now.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from oneclick.core.errors import NoSpace, Unavailable
from tests.faults import ends, harness, laps
from tests.faults.conftest import DONE, Workshop
from tests.faults.harness import TRAINING, Call, Ending, Fault, WarmProcesses

pytestmark = pytest.mark.e2e

SAMPLE = {Fault.KILL: 12, Fault.FULL: 6}
TRAININGS = {Fault.KILL: 20, Fault.FULL: 9}
CAMPAIGN = {Fault.KILL: 200, Fault.FULL: 90}


@dataclass(frozen=True)
class Trial:
    """A step, and the change in it at which a fault strikes."""

    step: str
    fault: Fault
    number: int

    def __str__(self) -> str:
        return f"{self.step}, {self.fault.name.lower()} at change {self.number}"


def draw(fault: Fault, count: int, changes: dict[str, int]) -> list[Trial]:
    """Return trials of each step in turn, at random changes."""
    rng, steps = random.Random(int(fault)), list(changes)
    turns = [steps[k % len(steps)] for k in range(count)]
    return [Trial(step, fault, rng.randrange(changes[step])) for step in turns]


def count_changes(workshop: Workshop, steps: Sequence[str], folder: Path) -> dict[str, int]:
    """Return how many changes each step makes below its folder."""
    changes = {}
    for step in steps:
        root = workshop.copy(step, folder / f"count-{step}")
        (ending,) = workshop.warm.run(Call(laps.STEPS[step], (root,), root))
        assert not ending.error, ending.trace
        changes[step] = ending.changes
        shutil.rmtree(root)
    return changes


def strike(workshop: Workshop, trial: Trial, steps: list[str], root: Path) -> list[str]:
    """Run a step into a fault, then steps without one; return how their end differs."""
    workshop.copy(trial.step, root)
    call = Call(laps.STEPS[trial.step], (root,), root, trial.fault, trial.number)
    (ending,) = workshop.warm.run(call)
    problems = breach(ending, trial.fault)
    (ending,) = workshop.warm.run(Call(laps.finish, (root, steps)))
    if ending.error or ending.status:
        problems.append(f"the next run ends with status {ending.status} {ending.trace}")
    else:
        problems += ends.differences(ending.value, workshop.after(steps[-1], root.parent))
    shutil.rmtree(root)
    return problems


def breach(ending: Ending, fault: Fault) -> list[str]:
    """Return what is wrong with how a step was broken off."""
    if fault is Fault.KILL:
        return [] if ending.status == -9 else [f"not killed: {ending.status} {ending.trace}"]
    if ending.status or not isinstance(ending.error, NoSpace | Unavailable | None):
        return [f"a full disk ends in {ending.status} {ending.trace}"]
    return []


def write_in_place(root: Path) -> None:
    """Do what no step does: write two files that belong together, each in place."""
    for name in ("first.txt", "second.txt"):
        if not (root / name).exists():
            with (root / name).open("w") as file:
                file.write("half of it, ")
                file.flush()
                file.write("and the rest")


@pytest.mark.parametrize("fault", SAMPLE, ids=lambda fault: fault.name.lower())
def test_a_step_that_writes_in_place_is_caught(
    warm: WarmProcesses, tmp_path: Path, fault: Fault
) -> None:
    (ending,) = warm.run(Call(write_in_place, (tmp_path,), tmp_path))
    reference = ends.file_state(tmp_path)
    endings = set()
    for number in range(ending.changes):
        for path in tmp_path.iterdir():
            path.unlink()
        (ending,) = warm.run(Call(write_in_place, (tmp_path,), tmp_path, fault, number))
        assert ending.status == (-9 if fault is Fault.KILL else 0)
        assert fault is Fault.KILL or isinstance(ending.error, OSError)
        warm.value(write_in_place, tmp_path)
        endings.add(ends.file_state(tmp_path) == reference)
    assert endings == {True, False}


@pytest.fixture(scope="module")
def changes(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Return how many changes each step makes."""
    return count_changes(workshop, [*laps.LAP, *laps.OTHERS], tmp_path_factory.mktemp("count"))


@pytest.mark.parametrize("fault", SAMPLE, ids=lambda fault: fault.name.lower())
def test_broken_off_and_run_again_a_step_ends_as_if_undisturbed(
    workshop: Workshop, changes: dict[str, int], tmp_path: Path, fault: Fault
) -> None:
    for trial in draw(fault, SAMPLE[fault], changes):
        assert strike(workshop, trial, [trial.step], tmp_path / "root") == [], trial


def test_a_second_lap_changes_nothing(workshop: Workshop, tmp_path: Path) -> None:
    root = workshop.copy(DONE, tmp_path / "root")
    state = workshop.warm.value(laps.finish, root, list(laps.LAP))
    assert ends.differences(state, workshop.after("publish", tmp_path)) == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", CAMPAIGN, ids=lambda fault: fault.name.lower())
def test_broken_off_anywhere_a_lap_ends_as_if_undisturbed(
    workshop: Workshop, changes: dict[str, int], tmp_path: Path, fault: Fault
) -> None:
    breaks = {}
    for trial in draw(fault, CAMPAIGN[fault], changes):
        if problems := strike(workshop, trial, workshop.steps_from(trial.step), tmp_path / "root"):
            breaks[str(trial)] = problems
    assert not breaks, ends.text(breaks)


@pytest.mark.slow
def test_a_training_broken_off_anywhere_ends_as_if_undisturbed(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Train in processes that have torch imported."""
    training = harness.start(tmp_path, TRAINING)
    trainer = replace(workshop, warm=training, ends={})
    changes = count_changes(trainer, ["train"], tmp_path)
    breaks = {}
    for fault, count in TRAININGS.items():
        for trial in draw(fault, count, changes):
            if problems := strike(trainer, trial, ["train"], tmp_path / "root"):
                breaks[str(trial)] = problems
    training.end()
    assert not breaks, ends.text(breaks)

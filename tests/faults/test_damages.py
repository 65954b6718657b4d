"""A damaged file is named by `verify`, or is harmless by construction; none is silent.

Files that nobody reads were looked for over the workspace: each kind that a rebuild, a person's
work or a training depends on stands in KINDS and is read by a command, or is harmless for the
reason that HARMLESS gives; a checkpoint, which the next start of a training alone reads, was taken
with a changed bit, and has a seal now.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults import damages, ends, harmless
from tests.faults.conftest import Workshop
from tests.faults.damages import DAMAGES, KINDS, DamageTrial
from tests.faults.harmless import HARMLESS

pytestmark = pytest.mark.e2e

SEEDS = 12
"""Places at which a bit is flipped in a file, each one a trial."""


@pytest.fixture(scope="module")
def furnished(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose workspace has a file of every kind."""
    root = workshop.copy("end", tmp_path_factory.mktemp("damages") / "root")
    workshop.warm.value(damages.furnish, root)
    return root


def silent(
    workshop: Workshop, root: Path, trials: Sequence[DamageTrial]
) -> tuple[dict[DamageTrial, str], set[DamageTrial]]:
    """Return the trials that are neither named nor harmless, and those that are harmless."""
    unnoticed = workshop.warm.value(damages.unnoticed, root, trials)
    tracebacks = {trial for trial, answer in unnoticed.items() if "traceback" in answer}
    candidates = [trial for trial in unnoticed if trial not in tracebacks]
    copy = root.with_name("copy")
    breaks = {*workshop.warm.value(harmless.damaging, root, copy, candidates), *tracebacks}
    return {trial: unnoticed[trial] for trial in breaks}, unnoticed.keys() - breaks


def test_every_kind_has_a_file(furnished: Path) -> None:
    home = furnished / "home"
    assert [kind for kind, pattern in KINDS.items() if not any(home.glob(pattern))] == []


def test_a_damage_is_named_or_harmless(workshop: Workshop, furnished: Path) -> None:
    trials = [
        DamageTrial(kind, DAMAGES[number % len(DAMAGES)].__name__)
        for number, kind in enumerate(KINDS)
    ]
    breaks, _ = silent(workshop, furnished, trials)
    assert not breaks, ends.text(breaks)


@pytest.mark.slow
def test_every_damage_is_named_or_harmless(workshop: Workshop, furnished: Path) -> None:
    trials = [DamageTrial(kind, damage.__name__) for kind in KINDS for damage in DAMAGES]
    trials += [DamageTrial(kind, "flip", seed) for kind in KINDS for seed in range(1, SEEDS)]
    breaks, unnamed = silent(workshop, furnished, trials)
    assert not breaks, ends.text(breaks)
    uses = {(trial.kind, way) for trial in unnamed for way in (trial.damage, "any")}
    assert HARMLESS.keys() - uses == set(), "reasons that nothing needs"

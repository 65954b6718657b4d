"""Several processes at once: nothing is lost, nothing is done twice, and every loser is told.

Updates without exclusion were looked for at every file that is read, changed and written: models in
service, settings, cameras, users, tokens, lists of files, incidents, mutes, alerts, exclusions and
the time of maintenance are changed under a lock; the settlement of a second look was not, and is
now; sources of recordings and states of requests for raw video are still written without one, and
what is lost there is found or asked for again.
"""

from __future__ import annotations

import contextlib
import shutil
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oneclick import settings
from oneclick.catalog import Catalog, verify
from oneclick.core.clips import ClipStage
from oneclick.core.errors import OneclickError, Unavailable, UnknownName
from oneclick.platforms.local import LocalPlatform
from oneclick.stages import backup, publish, review
from oneclick.storage import datasets, files, model_cards, model_registry
from oneclick.storage.workspace import Workspace
from tests.faults import ends, laps
from tests.faults.conftest import Workshop
from tests.faults.harness import Call

pytestmark = pytest.mark.e2e

PEOPLE = ("anna", "ben", "cleo", "dana")
ROUNDS, ALL_ROUNDS = 3, 60
TWICE = [*laps.LAP, "maintain", "import"]
ALL_AT_ONCE = [(step, other) for step in TWICE for other in (step, "rebuild")]
AT_ONCE = [(step, step) for step in ("fetch", "trigger", "collect", "publish", "import")]
AT_ONCE += [(step, "rebuild") for step in ("cut", "autolabel", "submit", "collect", "import")]
Race = Callable[[Workshop, Path], None]


def values(workshop: Workshop, *calls: Call) -> list[Any]:
    """Run calls at once; return what each returns. None may fail."""
    endings = workshop.warm.run(*calls)
    failures = [
        ending.trace or str(ending.status) for ending in endings if ending.trace or ending.status
    ]
    assert not failures, "\n".join(failures)
    return [ending.value for ending in endings]


def clean(home: Path) -> list[str]:
    """Return what verify finds."""
    with Catalog.open(home) as catalog:
        return verify.verify(catalog, deep=True)


def decide(home: Path, person: str) -> dict[str, str]:
    """Give a verdict of a person on every clip; return the decisions that were accepted."""
    queue = LocalPlatform(Workspace(home).review_dir())
    decisions: dict[str, str] = {}
    for number, clip_id in enumerate(sorted(laps.all_clips(home))):
        try:
            verdict = laps.verdict_on(queue, clip_id, number + PEOPLE.index(person))
            if queue.submit(replace(verdict, by=person)):
                decisions[clip_id] = verdict.decision
        except UnknownName:  # somebody else's verdict was collected already
            continue
    return decisions


def collect_often(home: Path) -> None:
    for _ in range(3):
        laps.all_done(review.collect(home))


def acknowledged(people: Sequence[str], answers: Sequence[Any]) -> set[tuple[str, str, str]]:
    """Return clip, person and decision of each verdict that was accepted."""
    return {
        (clip_id, person, decision)
        for person, decisions in zip(people, answers, strict=True)
        for clip_id, decision in decisions.items()
    }


def race_of_reviewers(workshop: Workshop, root: Path) -> None:
    """Let four people decide on the same clips while verdicts are collected."""
    home = workshop.copy("submit", root) / "home"
    calls = [Call(decide, (home, person)) for person in PEOPLE]
    *answers, _ = values(workshop, *calls, Call(collect_often, (home,)))
    winners = acknowledged(PEOPLE, answers)
    laps.all_done(review.collect(home))
    with Catalog.open(home) as catalog:
        assert {(row.clip, row.by, row.decision) for row in catalog.verdicts()} == winners
        assert Counter(clip_id for clip_id, _, _ in winners) == Counter(laps.all_clips(home))
    assert clean(home) == []


def accept(home: Path, clip_id: str) -> None:
    """Accept a clip as a person does, and collect the verdict."""
    queue = LocalPlatform(Workspace(home).review_dir())
    assert queue.submit(laps.verdict_on(queue, clip_id, 0))
    laps.all_done(review.collect(home))


def publish_clip(home: Path, clip_id: str, is_accepted: bool) -> None:
    """Publish one clip, which is accepted first."""
    if not is_accepted:
        accept(home, clip_id)
    server = str(home / "training-server")
    laps.all_done(publish.publish(home, [clip_id], server, laps.CLASSES).result)


def race_of_publications(workshop: Workshop, root: Path) -> None:
    """Let four publish a clip each, the last of which is accepted meanwhile."""
    home = workshop.copy("submit", root) / "home"
    *accepted, last = laps.all_clips(home)
    for clip_id in accepted:
        workshop.warm.value(accept, home, clip_id)
    calls = [Call(publish_clip, (home, clip_id, clip_id != last)) for clip_id in (*accepted, last)]
    values(workshop, *calls)
    newest = datasets.find(Workspace(home))
    in_newest = {clip.clip for clip in newest.clips} if newest else set()
    assert in_newest == set(laps.standing(home, ClipStage.PUBLISHED)) == {*accepted, last}
    assert publish.verify(home, None, str(home / "training-server")) == []
    assert clean(home) == []


def promote_all(home: Path, models: list[str]) -> None:
    for model in models:
        model_registry.promote(Workspace(home), model, "a race")


def roll_back_often(home: Path) -> int:
    """Roll back three times; return how often there was a model to go back to."""
    rollbacks = 0
    for _ in range(3):
        with contextlib.suppress(OneclickError):
            model_registry.rollback(Workspace(home))
            rollbacks += 1
    return rollbacks


def race_of_promotions(workshop: Workshop, root: Path) -> None:
    """Promote models and roll back at once: the history holds every act."""
    home = workshop.copy("end", root) / "home"
    workspace = Workspace(home)
    models = [f"m{k}" for k in range(12)]
    for model in models:
        files.write_json(workspace.model_dir(model) / model_cards.CARD_FILE, {"id": model})
    calls = [Call(promote_all, (home, models[k::3])) for k in range(3)]
    *_, rollbacks = values(workshop, *calls, Call(roll_back_often, (home,)))
    registry = model_registry.read(workspace)
    assert registry is not None
    reasons = Counter(period.reason.split(" second")[0][:11] for period in registry.history)
    assert {period.model for period in registry.history} >= set(models)
    assert reasons["rolled back"] == rollbacks
    assert registry.model == registry.history[-1].model


def set_parameters(root: Path, trigger: str) -> None:
    for value in (0.5, 1.0, 1.5):
        settings.keep_params(trigger, {"join": value}, root)
        settings.keep_params(trigger, {"hole": value / 2}, root)


def race_of_settings(workshop: Workshop, root: Path) -> None:
    """Set parameters of triggers in four programs: no update is lost."""
    workshop.copy("end", root)
    names = ("flicker", "jump", "area", "class_switch")
    values(workshop, *[Call(set_parameters, (root, name)) for name in names])
    document = tomllib.loads((root / "oneclick.toml").read_text())
    assert document["triggers"]["params"] == {name: {"join": 1.5, "hole": 0.75} for name in names}
    assert document["triggers"]["seed"] == 3


def back_up(home: Path, store: str) -> None:
    backup.backup(home, store)


def race_of_backup(workshop: Workshop, root: Path) -> None:
    """Let people decide during a backup: it holds what was done before, nothing by halves."""
    home, restored = workshop.copy("submit", root) / "home", root / "restored"
    first, *_ = laps.all_clips(home)
    workshop.warm.value(accept, home, first)
    calls = [Call(decide, (home, person)) for person in PEOPLE[:2]]
    calls += [Call(collect_often, (home,)), Call(back_up, (home, str(root / "store")))]
    *answers, _, _ = values(workshop, *calls)
    assert backup.restore(restored, str(root / "store")).problems == []
    laps.all_done(review.collect(restored))
    with Catalog.open(restored) as catalog:
        decided = {row.clip for row in catalog.verdicts()}
        keys = {(row.clip, row.by, row.decision) for row in catalog.verdicts()}
    waiting = LocalPlatform(Workspace(restored).review_dir()).pending()
    winners = {(first, laps.PERSON, "accept")} | acknowledged(PEOPLE[:2], answers)
    assert first in decided
    assert keys <= winners
    assert sorted([*decided, *waiting]) == sorted(laps.all_clips(home))
    assert clean(restored) == []


RACES = [
    race_of_reviewers,
    race_of_publications,
    race_of_promotions,
    race_of_settings,
    race_of_backup,
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_a_race_loses_nothing(workshop: Workshop, tmp_path: Path, race: Race) -> None:
    for number in range(ROUNDS):
        race(workshop, tmp_path / str(number))


@pytest.mark.slow
@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_sixty_races_lose_nothing(workshop: Workshop, tmp_path: Path, race: Race) -> None:
    for _ in range(ALL_ROUNDS):
        race(workshop, tmp_path / "root")
        shutil.rmtree(tmp_path / "root")


def run_step(root: Path, step: str, delay: float) -> str:
    """Run a step a little later; return why it refused to run now."""
    time.sleep(delay)
    try:
        laps.STEPS[step](root)
    except Unavailable as error:
        return str(error)
    return ""


def clash(workshop: Workshop, steps: tuple[str, str], number: int, root: Path) -> list[str]:
    """Run two steps at once and then the first again; return how the end differs from one run."""
    workshop.copy(steps[0], root)
    delay = number % 7 * 0.01
    values(workshop, *[Call(run_step, (root, step, k * delay)) for k, step in enumerate(steps)])
    state = workshop.warm.value(laps.finish, root, [steps[0]])
    return ends.differences(state, workshop.after(steps[0], root.parent))


@pytest.mark.parametrize("steps", AT_ONCE, ids=" and ".join)
def test_two_at_once_end_as_one(workshop: Workshop, tmp_path: Path, steps: tuple[str, str]) -> None:
    assert clash(workshop, steps, AT_ONCE.index(steps), tmp_path / "root") == []


@pytest.mark.slow
@pytest.mark.parametrize("steps", ALL_AT_ONCE, ids=" and ".join)
def test_sixty_times_two_at_once_end_as_one(
    workshop: Workshop, tmp_path: Path, steps: tuple[str, str]
) -> None:
    for number in range(ALL_ROUNDS):
        assert clash(workshop, steps, number, tmp_path / "root") == []
        shutil.rmtree(tmp_path / "root")


@pytest.mark.slow
def test_two_laps_over_one_video_end_as_one(workshop: Workshop, tmp_path: Path) -> None:
    for _ in range(ALL_ROUNDS):
        root = workshop.copy("fetch", tmp_path / "root")
        values(workshop, *[Call(laps.whole_lap, (root,))] * 2)
        state = workshop.warm.value(laps.finish, root, list(laps.LAP))
        assert ends.differences(state, workshop.after("publish", tmp_path)) == []
        shutil.rmtree(root)

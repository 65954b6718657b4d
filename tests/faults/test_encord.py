"""Cut off at every request in turn, and run again: nothing twice, nothing lost, the same end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oneclick.catalog import Catalog
from oneclick.core.errors import OneclickError
from oneclick.platforms.base import Offer, PlatformOptions
from oneclick.platforms.encord.platform import EncordPlatform
from oneclick.stages import review
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.fakes.encord_server import Call as Request
from tests.fakes.encord_server import Fault as Answer
from tests.faults import harness
from tests.faults.harness import ENCORD, Call, WarmProcesses
from tests.platforms.conftest import desks as desks
from tests.platforms.conftest import film as film
from tests.platforms.encord.desk import ANNA, Desk, NewDesk
from tests.waits import wait_until

pytestmark = pytest.mark.e2e

Step = Callable[[Desk, list[Offer], EncordPlatform], object]


def setup(desk: Desk, offers: list[Offer], platform: EncordPlatform) -> None:
    platform.setup()


def send(desk: Desk, offers: list[Offer], platform: EncordPlatform) -> None:
    for receipt in platform.send(offers):
        if receipt.error:
            raise receipt.error


def fetch(desk: Desk, offers: list[Offer], platform: EncordPlatform) -> None:
    platform.fetch([clip.id for clip, _ in offers])
    if broken := platform.unreadable():
        raise OneclickError(str(broken))


def erase(desk: Desk, offers: list[Offer], platform: EncordPlatform) -> None:
    for clip, _ in offers:
        platform.erase(clip.id)


def people(desk: Desk, offers: list[Offer], platform: EncordPlatform) -> None:
    """Move one box and finish both clips."""
    desk.move_box(offers[0][0].id, 1, 3, 5.0)
    for clip, _ in offers:
        desk.finish(clip.id)


def correct(desk: Desk, offers: list[Offer], platform: EncordPlatform) -> None:
    """Take the verdicts in, then move a box of a clip that is finished."""
    clip_id = offers[0][0].id
    for verdict in list(platform.collect()):
        latest = review.load_labels(desk.workspace, verdict.clip)
        labels.save(desk.workspace, review.human_revision(latest, verdict))
        platform.acknowledge(verdict)
    desk.world.ahead += timedelta(minutes=1)
    desk.move_box(clip_id, 1, 4, 5.0)


STEPS: list[Step] = [setup, send, people, fetch, correct, fetch, erase]


def state(desk: Desk) -> Any:
    """Return everything that lasts, without ids and times."""
    world = desk.world
    units = {data: world.items[unit["item"]].name for data, unit in world.units.items()}
    projects = [
        {
            "stages": sorted((units[d], _title(p, t.stage)) for d, t in p.tasks.items()),
            "labels": {
                f"{units[data]} {branch}": _frames(label.blob, data)
                for (data, branch), label in sorted(
                    p.labels.items(), key=lambda it: units[it[0][0]]
                )
            },
        }
        for p in world.projects.values()
    ]
    spooled = [
        (v.clip, v.decision, v.by, v.edits, v.seconds, None if v.tracks is None else len(v.tracks))
        for v in desk.open().collect()
    ]
    counts = [len(x) for x in (world.ontologies, world.datasets, world.folders, world.items)]
    return json.loads(json.dumps([counts, sorted(units.values()), projects, spooled]))


def _title(project: Any, stage: str) -> str:
    return str(
        next(stage_item["title"] for stage_item in project.stages if stage_item["uuid"] == stage)
    )


def _frames(blob: Any, data: str) -> Any:
    return {
        frame: [(item["objectHash"], item["boundingBox"]) for item in frame_labels["objects"]]
        for frame, frame_labels in sorted(blob["data_units"][data]["labels"].items())
    }


def requests(desk: Desk, offers: list[Offer], upto: int) -> tuple[int, Any]:
    """Return how many requests the last of the steps makes, and the state after it."""
    for step in STEPS[:upto]:
        step(desk, offers, desk.open())
    before = len(desk.server.log)
    STEPS[upto](desk, offers, desk.open())
    return len(desk.server.log) - before, state(desk)


CASES: list[tuple[int, str, Answer]] = [
    *[(upto, "", fault) for upto in (0, 1, 3, 5) for fault in ("drop", "lose")],
    *[(1, way, "lose") for way in ("no copies", "bucket")],
    (6, "bucket", "lose"),
]
STRIDE = 4
"""Every run of the tests cuts off every fourth request, another fourth in each case."""


def cut_off(desks: NewDesk, case: tuple[int, str, Answer], first: int, stride: int) -> None:
    """Cut off requests of the last step, each in a new workspace, and run the step again."""
    upto, way, fault = case
    number, uncut = requests(*desks(way), upto)
    assert number > STRIDE
    for k in range(first, number, stride):
        desk, arguments = desks(way)
        for step in STEPS[:upto]:
            step(desk, arguments, desk.open())
        log_start = len(desk.server.log)
        desk.server.script = dead_from(log_start + k, fault)
        with pytest.raises(OneclickError):
            STEPS[upto](desk, arguments, desk.open(upload=0.3))
        desk.server.script = lambda request: None
        STEPS[upto](desk, arguments, desk.open())
        assert state(desk) == uncut, f"cut off at request {k} of {number}"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cut_off_at_a_request_and_run_again_it_ends_the_same(
    desks: NewDesk, case: tuple[int, str, Answer]
) -> None:
    cut_off(desks, case, CASES.index(case) % STRIDE, STRIDE)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_cut_off_at_any_request_and_run_again_it_ends_the_same(
    desks: NewDesk, case: tuple[int, str, Answer]
) -> None:
    cut_off(desks, case, 0, 1)


def dead_from(number: int, fault: Answer) -> Callable[[Request], Answer]:
    """Return a script that drops every request from one on; the first may be carried out."""

    def script(request: Request) -> Answer:
        if request.number < number:
            return None
        return fault if request.number == number else "drop"

    return script


def test_people_are_kept_by_name(desks: NewDesk) -> None:
    desk, offers = desks("names")
    for step in STEPS[:4]:
        step(desk, offers, desk.open())
    assert {verdict.by for verdict in desk.open().collect()} == {"anna"}


CI = ("labelrow POST",)
"""Requests at which every run of the tests kills a process; the slow campaign takes all."""


@pytest.fixture(scope="module")
def warm_encord(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmProcesses]:
    """Start the process that imports Encord's library."""
    processes = harness.start(tmp_path_factory.mktemp("shim"), ENCORD)
    yield processes
    processes.end()


def send_and_collect(home: Path, choice: PlatformOptions, clip_ids: Sequence[str]) -> None:
    failures = review.send(home, clip_ids, choice).failed
    assert failures | review.collect(home, choice).failed == {}


def call(desk: Desk, clip_ids: Sequence[str]) -> Call:
    """Return what a process does that sends clips and collects their verdicts."""
    return Call(send_and_collect, (desk.home, desk.choice, clip_ids))


def set_up(home: Path) -> tuple[Desk, list[str]]:
    """Make a workspace with two labelled clips, and set its server up; return the clips too."""
    desk = Desk(home)
    ids = [clip.id for clip in clips.labelled(home, 2, filmed=True)]
    desk.open().setup()
    desk.server.log.clear()
    return desk, ids


def kill_at(
    warm: WarmProcesses, desk: Desk, ids: Sequence[str], number: int, carried_out: bool
) -> None:
    """Start a process that sends and collects, and kill it at one request."""
    pids: list[int] = []

    def script(request: Request) -> Answer:
        if request.number != number:
            return None
        wait_until(lambda: pids)
        os.kill(pids[0], signal.SIGKILL)
        return None if carried_out else "drop"

    desk.server.script = script
    pids += warm.start(call(desk, ids))
    (ending,) = warm.wait(pids)
    assert ending.status == -signal.SIGKILL
    desk.server.script = lambda request: None


def killed_at(warm: WarmProcesses, home: Path, number: int, carried_out: bool) -> Any:
    """Kill a process at one request, let a second one end; return the state after it."""
    desk, ids = set_up(home)
    kill_at(warm, desk, ids, number, carried_out)
    warm.value(send_and_collect, home, desk.choice, ids)
    for clip_id in ids:
        desk.finish(clip_id)
    warm.value(send_and_collect, home, desk.choice, ids)
    with Catalog.open(home) as catalog:
        stages = [row.stage.value for row in catalog.clips()]
        verdicts = [(row.clip, row.by, row.decision) for row in catalog.verdicts()]
    revisions = [len(labels.revisions(Workspace(home), clip_id)) for clip_id in ids]
    outcome = [state(desk), stages, verdicts, revisions]
    desk.server.end()
    assert desk.server.mistakes == []
    return outcome


@pytest.fixture(scope="module")
def uncut(
    warm_encord: WarmProcesses, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[str], Any]:
    """Return the requests of a run that nobody kills, and the state at its end."""
    home = tmp_path_factory.mktemp("whole") / "home"
    desk, ids = set_up(home)
    warm_encord.value(send_and_collect, home, desk.choice, ids)
    names = [request.name for request in desk.server.log]
    desk.server.end()
    return names, [["ACCEPTED"] * 2, [(clip_id, ANNA, "accept") for clip_id in sorted(ids)], [2, 2]]


@pytest.mark.parametrize("name", CI)
def test_a_process_killed_at_a_request_leaves_nothing_twice(
    warm_encord: WarmProcesses, tmp_path: Path, uncut: tuple[list[str], Any], name: str
) -> None:
    assert killed_at(warm_encord, tmp_path / "home", uncut[0].index(name), True)[1:] == uncut[1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_process_killed_at_every_request_leaves_nothing_twice(
    warm_encord: WarmProcesses, tmp_path: Path, uncut: tuple[list[str], Any]
) -> None:
    states = []
    for number in range(len(uncut[0])):
        for carried_out in (False, True):
            home = tmp_path / f"{number}-{carried_out}" / "home"
            first, *rest = killed_at(warm_encord, home, number, carried_out)
            assert rest == uncut[1], f"{uncut[0][number]} {carried_out}"
            states.append(first)
    assert all(state_ == states[0] for state_ in states)


def correct_again(desk: Desk, clip_id: str) -> None:
    """Move a box of a finished clip, a minute later than the last one."""
    desk.world.ahead += timedelta(minutes=1)
    desk.move_box(clip_id, 1, 3, 5.0)
    desk.server.log.clear()


def test_a_process_killed_at_every_request_takes_a_correction_once(
    warm_encord: WarmProcesses, tmp_path: Path
) -> None:
    desk, ids = set_up(tmp_path / "home")
    warm_encord.value(send_and_collect, desk.home, desk.choice, ids)
    for clip_id in ids:
        desk.finish(clip_id)
    warm_encord.value(send_and_collect, desk.home, desk.choice, ids)
    correct_again(desk, ids[0])
    warm_encord.value(send_and_collect, desk.home, desk.choice, ids)
    names = [request.name for request in desk.server.log]
    assert "labelrow GET" in names
    for number, name in enumerate(names):
        correct_again(desk, ids[0])
        kill_at(warm_encord, desk, ids, number, carried_out=True)
        for _ in range(2):
            warm_encord.value(send_and_collect, desk.home, desk.choice, ids)
        revisions = [len(labels.revisions(desk.workspace, clip_id)) for clip_id in ids]
        assert revisions == [4 + number, 2], name
    with Catalog.open(desk.home) as catalog:
        assert {row.stage.value for row in catalog.clips()} == {"ACCEPTED"}
    desk.server.end()
    assert desk.server.mistakes == []

"""Cut off at every request in turn, and run again: nothing twice, nothing lost, the same end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oneclick.catalog import Catalog
from oneclick.core.errors import OneclickError
from oneclick.platforms.base import Offer
from oneclick.platforms.encord.platform import EncordPlatform
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.fakes.encord_server import Call, Fault
from tests.platforms.encord.desk import ANNA, Desk, NewDesk

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
    """One box moved, both clips finished."""
    desk.move_box(offers[0][0].id, 1, 3, 5.0)
    for clip, _ in offers:
        desk.finish(clip.id)


STREET: list[Step] = [setup, send, people, fetch, erase]


def state(desk: Desk) -> Any:
    """Everything that lasts, without ids and times."""
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
    """How many requests the last of the steps makes, and the state after it."""
    for step in STREET[:upto]:
        step(desk, offers, desk.open())
    before = len(desk.server.log)
    STREET[upto](desk, offers, desk.open())
    return len(desk.server.log) - before, state(desk)


@pytest.mark.parametrize(
    ("upto", "way", "fault"),
    [
        *[(upto, "", fault) for upto in (0, 1, 3) for fault in ("drop", "lose")],
        *[(1, way, "lose") for way in ("no copies", "bucket")],
        (4, "bucket", "lose"),
    ],
)
def test_cut_off_at_any_request_and_run_again_it_ends_the_same(
    desks: NewDesk,
    upto: int,
    way: str,
    fault: str,
) -> None:
    number, uncut = requests(*desks(way), upto)
    assert number > 5
    for k in range(number):
        desk, arguments = desks(way)
        for step in STREET[:upto]:
            step(desk, arguments, desk.open())
        log_start = len(desk.server.log)
        desk.server.script = dead_from(log_start + k, fault)
        with pytest.raises(OneclickError):
            STREET[upto](desk, arguments, desk.open(upload=0.3))
        desk.server.script = lambda call: None
        STREET[upto](desk, arguments, desk.open())
        assert state(desk) == uncut, f"cut off at request {k} of {number}"


def dead_from(number: int, fault: str) -> Callable[[Call], Fault]:
    """Nothing gets through from this request on; the first may have been carried out."""

    def script(call: Call) -> Fault:
        if call.number < number:
            return None
        return fault if call.number == number else "drop"

    return script


def test_people_are_kept_by_name(desks: NewDesk) -> None:
    desk, offers = desks("names")
    for step in STREET[:4]:
        step(desk, offers, desk.open())
    assert {verdict.by for verdict in desk.open().collect()} == {"anna"}


PROGRAM = """
import sys
from pathlib import Path
from oneclick.platforms import PlatformOptions
from oneclick.platforms.encord.options import EncordOptions
from oneclick.stages import review
home, key, domain = sys.argv[1:]
choice = PlatformOptions("encord", section=EncordOptions(key_file=key, domain=domain))
sent = review.send(Path(home), Path(home, "ids").read_text().split(), choice)
taken = review.collect(Path(home), choice)
assert not sent.failed and not taken.failed, (sent, taken)
"""
CI = ("labelrow POST",)
"""Requests at which every run of the tests kills a process; the slow campaign takes all."""


def run(desk: Desk) -> subprocess.Popen[bytes]:
    arguments = [str(desk.home), desk.choice.section.key_file, desk.server.url]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments])


def street(home: Path) -> tuple[Desk, list[str]]:
    """Two labelled clips in a workspace whose server is set up."""
    desk = Desk(home)
    ids = [clip.id for clip in clips.labelled(home, 2, filmed=True)]
    (home / "ids").write_text(" ".join(ids))
    desk.open().setup()
    desk.server.log.clear()
    return desk, ids


def killed_at(home: Path, number: int, carried_out: bool) -> Any:
    """The state after a process was killed at one request and a second one went to the end."""
    desk, ids = street(home)
    process = run(desk)

    def script(call: Call) -> Fault:
        if call.number != number:
            return None
        process.kill()
        return None if carried_out else "drop"

    desk.server.script = script
    assert process.wait(120) == -signal.SIGKILL
    desk.server.script = lambda call: None
    assert run(desk).wait(120) == 0
    for clip_id in ids:
        desk.finish(clip_id)
    assert run(desk).wait(120) == 0
    with Catalog.open(home) as catalog:
        stages = [row.stage.value for row in catalog.clips()]
        verdicts = [(row.clip, row.by, row.decision) for row in catalog.verdicts()]
    revisions = [len(labels.revisions(Workspace(home), clip_id)) for clip_id in ids]
    outcome = [state(desk), stages, verdicts, revisions]
    desk.server.end()
    assert desk.server.mistakes == []
    return outcome


@pytest.fixture(scope="module")
def uncut(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Any]:
    """The requests of a run that nobody kills, and the state at its end."""
    home = tmp_path_factory.mktemp("whole") / "home"
    desk, ids = street(home)
    assert run(desk).wait(120) == 0
    names = [call.name for call in desk.server.log]
    desk.server.end()
    return names, [["ACCEPTED"] * 2, [(clip_id, ANNA, "accept") for clip_id in sorted(ids)], [2, 2]]


@pytest.mark.parametrize("name", CI)
def test_a_process_killed_at_a_request_leaves_nothing_twice(
    tmp_path: Path, uncut: tuple[list[str], Any], name: str
) -> None:
    assert killed_at(tmp_path / "home", uncut[0].index(name), True)[1:] == uncut[1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_process_killed_at_every_request_leaves_nothing_twice(
    tmp_path: Path, uncut: tuple[list[str], Any]
) -> None:
    states = []
    for number in range(len(uncut[0])):
        for carried_out in (False, True):
            home = tmp_path / f"{number}-{carried_out}" / "home"
            first, *rest = killed_at(home, number, carried_out)
            assert rest == uncut[1], f"{uncut[0][number]} {carried_out}"
            states.append(first)
    assert all(state_ == states[0] for state_ in states)

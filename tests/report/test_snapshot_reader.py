"""One Snapshot tells the truth of now and of then, and costs nothing where nothing changed."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from oneclick.catalog import rebuild
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, Unavailable
from oneclick.core.review import Verdict
from oneclick.report import numbers, snapshot_reader
from oneclick.report.snapshot import Goals, Snapshot, Zoom
from oneclick.storage import alert_log, files
from oneclick.storage.alert_log import Alert, AlertLog, AlertRecord
from oneclick.storage.workspace import Workspace
from tests.catalog import samples as samples
from tests.tui import samples as tui_samples

HOUR = timedelta(hours=1)
NOON = samples.NOON


def reader(home: Path, clock: samples.Clock) -> snapshot_reader.SnapshotReader:
    return snapshot_reader.SnapshotReader(home, Goals((100, 200), 0.01), clock, UTC)


def a_day(home: Path, clock: samples.Clock) -> list[tuple[datetime, Snapshot]]:
    """Work of some hours, with what was seen at full minutes on the way."""
    snapshots = []
    with samples.fresh(home, clock) as catalog:
        look = reader(home, clock)
        for hour in range(5):
            video = samples.video(hour)
            catalog.add_video(video)
            catalog.replace_hits(
                video.id, [samples.hit("flicker", 9), samples.hit("jump", 60)], "k"
            )
            clip = samples.clip(hour, video)
            catalog.add_clip(clip, "cut")
            if hour:
                samples.place(catalog, clip.id, list(ClipStage)[hour + 1])
            by = ("anna", "bo", "policy:accept-auto")[hour % 3]
            catalog.add_verdict(
                Verdict(
                    clip=clip.id,
                    decision="accept",
                    by=by,
                    at=clock(),
                    tracks=None,
                    seconds=30.0,
                    edits=2,
                    reason="",
                ),
                75,
            )
            started = clock() + timedelta(minutes=1)
            catalog.add_run(f"r{hour}", "label", "Completed", started, started + HOUR / 4)
            clock.on(3600)
            snapshot = look.read(Zoom.SIX_HOURS)
            assert snapshot is not None
            snapshots.append((clock(), snapshot))
        look.close()
    return snapshots


def test_the_past_is_shown_as_it_was_seen(tmp_path: Path) -> None:
    clock = samples.Clock()
    snapshots = a_day(tmp_path, clock)
    for at, earlier in snapshots:
        current = snapshot_reader.read_snapshot(
            tmp_path, Zoom.SIX_HOURS, at, Goals((100, 200), 0.01), clock, UTC
        )
        assert current.past
        assert [(row.stage, row.clips, row.change) for row in current.stages] == [
            (row.stage, row.clips, row.change) for row in earlier.stages
        ]
        assert replace(current.heat, undated=0) == replace(earlier.heat, undated=0)
        assert (current.kept, current.reviewing) == (earlier.kept, earlier.reviewing)
        assert [run.id for run in current.runs] == [run.id for run in earlier.runs]


def test_the_numbers_are_those_of_the_report(tmp_path: Path) -> None:
    samples.furnish(tmp_path)
    snapshot = snapshot_reader.read_snapshot(tmp_path)
    assert {row.stage: row.clips for row in snapshot.stages} == {
        row.stage: row.clips for row in numbers.funnel(tmp_path)
    }
    assert snapshot.kept == numbers.kept_video(tmp_path)
    assert [need.kind for need in snapshot.needs] == ["review", "quarantined", "broken"]
    assert "card.json is broken" in snapshot.needs[-1].text


def test_hits_stand_where_they_were_recorded_and_silence_is_no_gap(tmp_path: Path) -> None:
    clock = samples.Clock()
    a_day(tmp_path, clock)
    snapshot = snapshot_reader.read_snapshot(
        tmp_path, Zoom.HOUR, NOON + HOUR, clock=clock, zone=UTC
    ).heat
    (row,) = snapshot.cameras
    assert (snapshot.start, snapshot.stop, len(row.cells)) == (NOON, NOON + HOUR, 60)
    assert row.cells[:4] == (2, 0, 0, 0)
    assert row.cells[15:] == (None,) * 45
    assert snapshot.triggers == (("flicker", 1), ("jump", 1))
    month = snapshot_reader.read_snapshot(tmp_path, Zoom.MONTH, clock=clock, zone=UTC).heat
    assert month.cameras[0].hits == 10


def test_old_recordings_are_shown_to_their_end(tmp_path: Path) -> None:
    clock = samples.Clock()
    a_day(tmp_path, clock)
    clock.on(90 * 24 * 3600)
    snapshot = snapshot_reader.read_snapshot(tmp_path, Zoom.DAY, clock=clock, zone=UTC).heat
    assert snapshot.behind
    assert snapshot.cameras[0].hits == 10
    assert snapshot.stop == NOON + 4 * HOUR + HOUR / 4


def test_annotators_are_held_against_the_goal_of_the_day(tmp_path: Path) -> None:
    clock = samples.Clock()
    with samples.filled(tmp_path, 4, clock) as catalog:
        for number, by in enumerate(("anna", "bo", "anna", "policy:accept-auto")):
            verdict = Verdict(
                clip=samples.clip(number).id,
                decision="accept",
                by=by,
                at=clock(),
                tracks=None,
                seconds=9.0,
                edits=1,
                reason="",
            )
            catalog.add_verdict(verdict, 20)
            clock.on(1500)
    snapshot = snapshot_reader.read_snapshot(
        tmp_path, goals=Goals((100, 200), 0.01), clock=clock, zone=UTC
    ).reviewing
    assert [(person.name, person.today, person.hours[-2:]) for person in snapshot.people] == [
        ("anna", 40, (40, 0)),
        ("bo", 20, (20, 0)),
    ]
    assert (snapshot.today, snapshot.pace) == (60, 20)
    assert snapshot.reached == clock() + 2 * HOUR


def test_nothing_is_read_twice_until_something_changed(tmp_path: Path) -> None:
    clock = samples.Clock()
    with samples.filled(tmp_path, 2, clock) as catalog:
        look = reader(tmp_path, clock)
        assert look.read() is not None
        assert look.read() is None
        assert look.read(Zoom.HOUR) is not None
        assert look.read(Zoom.HOUR, NOON - HOUR) is not None
        assert look.read(Zoom.HOUR) is not None
        catalog.move(samples.clip().id, ClipStage.CUT, ClipStage.EXTRACTED, "x")
        snapshot = look.read(Zoom.HOUR)
        assert snapshot is not None
        assert [row.clips for row in snapshot.stages[:2]] == [1, 1]
        clock.on(60)
        assert look.changed(Zoom.HOUR)
        assert look.read(Zoom.HOUR) is not None
        assert look.read(Zoom.HOUR) is None
        assert not look.changed(Zoom.HOUR)
        files.write_json(Workspace(tmp_path).model_dir("m1") / "card.json", {"id": "m1"})
        snapshot = look.read(Zoom.HOUR)
        assert snapshot is not None
        assert [need.kind for need in snapshot.needs] == ["broken"]
        look.close()


@pytest.mark.parametrize("fields", [{"metrics": {}}, {"decision": {"verdict": "promote"}}])
def test_a_card_that_lacks_what_is_shown_is_named_and_the_others_are_shown(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    for name in ("m1", "m2"):
        card = tui_samples.card(name, NOON, 0.4, "promote")
        card = msgspec.structs.replace(card, **(fields if name == "m1" else {}))
        files.write_json(Workspace(tmp_path).model_dir(name) / "card.json", card)
    cache = snapshot_reader.ModelCache(tmp_path)
    cache.version()
    assert [card.id for card in cache.cards] == ["m2"]
    (problem,) = cache.problems
    assert "m1/card.json: its " in problem


def test_two_writes_within_one_tick_of_a_file_system_are_two(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with samples.filled(tmp_path, 1, samples.Clock()):
        look = reader(tmp_path, samples.Clock())
        for text in ("hall is dark", "hall is silent"):
            alert = Alert(kind="dark", camera="hall", text=text, since=NOON)
            record = AlertRecord(alert=alert, opened_at=NOON)
            alert_log.save(workspace, AlertLog(records=(record,)))
            os.utime(workspace.alerts_file, (0, 0))
            snapshot = look.read()
            assert snapshot is not None
            assert text in [need.text for need in snapshot.needs]
        look.close()


def test_a_rebuilt_catalog_is_read_anew(tmp_path: Path) -> None:
    samples.furnish(tmp_path)
    look = snapshot_reader.SnapshotReader(tmp_path)
    assert look.read() is not None
    assert rebuild.rebuild(tmp_path).problems == []
    snapshot = look.read()
    assert snapshot is not None
    assert sum(row.clips for row in snapshot.stages) == 9
    look.close()


def test_a_catalog_that_is_gone_or_broken_is_said_and_read_again_when_it_is_back(
    tmp_path: Path,
) -> None:
    look = snapshot_reader.SnapshotReader(tmp_path)
    with pytest.raises(Unavailable, match="there is no catalog"):
        look.read()
    samples.furnish(tmp_path)
    assert look.read() is not None
    path = Workspace(tmp_path).catalog_file
    content = path.read_bytes()
    files.write_atomic(path, b"no catalog at all, but long enough to be looked at" * 40)
    with pytest.raises(BadInput, match="oneclick catalog rebuild"):
        look.read()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    files.write_atomic(path, content)
    assert look.read() is not None
    look.close()


def test_a_locked_catalog_can_still_be_read(tmp_path: Path) -> None:
    samples.furnish(tmp_path)
    other = sqlite3.connect(Workspace(tmp_path).catalog_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert snapshot_reader.read_snapshot(tmp_path).videos == 1
    other.execute("ROLLBACK")
    other.close()


def test_what_needs_a_person_is_told_with_the_command_that_does_it(tmp_path: Path) -> None:
    with samples.fresh(tmp_path) as catalog:
        assert [(n.kind, n.command) for n in snapshot_reader.read_snapshot(tmp_path).needs] == [
            ("start", ("run", "VIDEO"))
        ]
        catalog.add_video(samples.video())
        at = datetime.now(UTC)
        catalog.add_run("r1", "label", "Completed", at - 3 * HOUR, at - 2 * HOUR)
        catalog.add_run("r2", "label", "Failed", at - HOUR, at, "the labeller is missing")
        catalog.add_run("r3", "train", "Failed", at - 3 * HOUR, at - 2 * HOUR, "no space")
        catalog.add_run("r4", "train", "Running", at, None)
        catalog.advance_run("r4", 0.25, "training")
    snapshot = snapshot_reader.read_snapshot(tmp_path)
    assert [(n.kind, n.text) for n in snapshot.needs] == [
        ("flow", "label failed: the labeller is missing")
    ]
    assert [(run.id, run.progress) for run in snapshot.runs[:2]] == [("r4", 0.25), ("r2", None)]

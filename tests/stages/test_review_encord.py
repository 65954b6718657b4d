"""The street through Encord: sent, corrected by people, taken in, counted, erased."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from oneclick import report
from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.platforms import PlatformOptions
from oneclick.report import snapshot_reader
from oneclick.report.snapshot import ActionItem
from oneclick.stages import erase, review
from oneclick.storage import labels
from tests.fakes import clips
from tests.fakes.encord_server import Call
from tests.platforms.encord.desk import ANNA, MACHINE, Desk
from tests.waits import HANG_SECONDS


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Three clips at LABELLED, a server that is set up, and a stage that waits for nothing."""
    review_desk = Desk(tmp_path / "home")
    clips.labelled(review_desk.home, 3, filmed=True)
    monkeypatch.setattr(
        review, "open_platform", lambda choice, workspace: opened(review_desk, choice)
    )
    review.setup(review_desk.home, review_desk.choice)
    yield review_desk
    review_desk.server.script = lambda call: None
    review_desk.server.end()
    assert review_desk.server.mistakes == []


def opened(desk: Desk, choice: PlatformOptions) -> object:
    from oneclick.platforms.local import LocalPlatform

    if choice.name == "local":
        return LocalPlatform(desk.workspace.review_dir())
    return desk.open()


def stages(home: Path) -> list[ClipStage]:
    with Catalog.open(home) as catalog:
        return [row.stage for row in catalog.clips()]


def needs(desk: Desk) -> list[ActionItem]:
    """What the screens say of the platform."""
    return [
        need for need in snapshot_reader.read_snapshot(desk.home).needs if need.kind == "platform"
    ]


def ids() -> list[str]:
    return [clips.clip(k).id for k in range(3)]


def test_a_clip_goes_out_and_comes_back_as_a_revision_by_who_corrected_it(desk: Desk) -> None:
    assert review.send(desk.home, ids(), desk.choice).done == ids()
    assert stages(desk.home) == [ClipStage.IN_REVIEW] * 3
    assert review.collect(desk.home, desk.choice).done == []
    first, second, third = ids()
    desk.move_box(first, 1, 3, 5.0)
    desk.finish(first, seconds=50)
    desk.finish(second, seconds=10)
    desk.reject(third, ANNA, "too dark")
    desk.finish(third)
    result = review.collect(desk.home, desk.choice)
    assert (result.done, result.failed) == (ids(), {})
    assert stages(desk.home) == [ClipStage.ACCEPTED, ClipStage.ACCEPTED, ClipStage.REJECTED]
    corrected, confirmed = (labels.latest(desk.workspace, clip_id) for clip_id in (first, second))
    assert corrected is not None
    assert confirmed is not None
    assert (corrected.revision, corrected.kind, corrected.made_by) == (2, "human", ANNA)
    assert corrected.tracks[0].origins == "dddh" + "d" * 6
    assert confirmed.tracks[0].origins == "d" * 10
    assert review.collect(desk.home, desk.choice).done == []


def test_two_who_collect_at_once_take_each_verdict_in_once(desk: Desk) -> None:
    review.send(desk.home, ids(), desk.choice)
    for clip in ids():
        desk.finish(clip)
    batches: list[BatchResult] = []
    other = threading.Thread(target=lambda: batches.append(review.collect(desk.home, desk.choice)))
    entered = threading.Event()

    def script(call: Call) -> None:
        if not entered.is_set() and call.name.startswith("GET analytics"):
            entered.set()
            other.start()
            other.join(2)
            # The log was late: what the second one sees is another time.
            for action in desk.world.actions:
                moment = datetime.fromisoformat(action["timestamp"])
                action["timestamp"] = (moment + timedelta(seconds=1)).isoformat()

    desk.server.script = script
    batches.append(review.collect(desk.home, desk.choice))
    other.join(HANG_SECONDS)
    assert sorted(clip for result in batches for clip in result.done) == ids()
    assert [result.failed for result in batches] == [{}, {}]
    for clip in ids():
        assert [labels.revision(p) for p in labels.revisions(desk.workspace, clip)] == [1, 2]


def test_the_summary_says_where_clips_wait(desk: Desk) -> None:
    review.send(desk.home, ids()[:2], desk.choice)
    assert "clips wait for review, 2 on encord" in report.lap_summary(desk.home).next_step
    review.send(desk.home, ids()[2:])
    assert (
        "1 clip waits for review: oneclick review list" in report.lap_summary(desk.home).next_step
    )


def test_reports_count_work_there_as_they_count_work_here(desk: Desk) -> None:
    review.send(desk.home, ids(), desk.choice)
    for clip_id in ids()[:2]:
        desk.move_box(clip_id, 1, 3, 5.0)
        desk.finish(clip_id, seconds=25)
    review.collect(desk.home, desk.choice)
    effort = report.review_effort(desk.home)
    assert (effort.clips, effort.images, effort.edits, effort.seconds) == (2, 20, 2, 50.0)
    day = snapshot_reader.read_snapshot(desk.home).reviewing
    # By the hour: midnight may have passed since.
    assert [(person.name, sum(person.hours)) for person in day.people] == [(ANNA, 20)]


def test_a_server_that_is_down_stops_nothing_and_the_next_run_goes_on(desk: Desk) -> None:
    first, second, third = ids()
    review.send(desk.home, [first, second], desk.choice)
    desk.finish(first)
    review.collect(desk.home, desk.choice)
    desk.finish(second)
    desk.server.script = lambda call: "drop"
    upload = review.send(desk.home, [third], desk.choice)
    collection = review.collect(desk.home, desk.choice)
    for result in (upload, collection):
        assert list(result.failed) == ["encord"]
        assert "does not answer" in result.failed["encord"]
    assert ["does not answer" in need.text for need in needs(desk)] == [True]
    assert stages(desk.home) == [ClipStage.ACCEPTED, ClipStage.IN_REVIEW, ClipStage.LABELLED]
    desk.server.script = lambda call: None
    assert review.send(desk.home, [third], desk.choice).done == [third]
    assert needs(desk) == []
    assert review.collect(desk.home, desk.choice).done == [second]


def test_what_was_fetched_before_it_went_down_is_taken_in(desk: Desk) -> None:
    review.send(desk.home, ids(), desk.choice)
    desk.finish(ids()[0])
    desk.open().fetch(ids())
    desk.server.script = lambda call: "drop"
    result = review.collect(desk.home, desk.choice)
    assert result.done == ids()[:1]
    assert list(result.failed) == ["encord"]


def test_a_server_that_goes_down_in_the_middle_keeps_what_it_took(desk: Desk) -> None:
    from oneclick.platforms.encord import load

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "CLIPS", 1)
        desk.server.script = lambda call: (
            "drop" if len(desk.server.calls("POST projects/*/labels/copy-branch")) > 1 else None
        )
        result = review.send(desk.home, ids(), desk.choice)
    assert result.done == ids()[:1]
    assert list(result.failed) == ["encord"]
    desk.server.script = lambda call: None
    again = review.send(desk.home, ids(), desk.choice)
    assert (again.done, again.skipped) == (ids()[1:], ids()[:1])
    assert len(desk.world.items) == len(desk.world.units) == 3


def test_a_clip_that_encord_sees_otherwise_is_put_aside_and_the_others_go(desk: Desk) -> None:
    with Catalog.open(desk.home) as catalog:
        row = catalog.clip(ids()[0])
    desk.world.probe = lambda content: (9, 10.0, 64, 48)  # type: ignore[method-assign]
    result = review.send(desk.home, ids()[:1], desk.choice)
    del desk.world.probe
    assert "sees 9 frames" in result.failed[row.clip.id]
    assert review.send(desk.home, ids()[1:], desk.choice).done == ids()[1:]
    assert stages(desk.home) == [ClipStage.QUARANTINED, *[ClipStage.IN_REVIEW] * 2]
    with Catalog.open(desk.home) as catalog:
        catalog.retry(ids()[0], "test")
    assert review.send(desk.home, ids(), desk.choice).done == ids()[:1]


def test_a_clip_lost_there_is_sent_again_by_name(desk: Desk) -> None:
    review.send(desk.home, ids(), desk.choice)
    lost = ids()[0]
    desk.world.forget_item(desk.world.units[desk.world.find(desk.title(lost))[1]]["item"])
    assert f"oneclick review send {lost}" in review.collect(desk.home, desk.choice).failed[lost]
    assert review.send(desk.home, [lost], desk.choice).skipped == [lost]
    assert review.send(desk.home, [lost], desk.choice, again=True).done == [lost]
    desk.finish(lost)
    assert review.collect(desk.home, desk.choice).done == [lost]


def test_erasing_leaves_a_receipt_and_nothing_else(desk: Desk) -> None:
    review.send(desk.home, ids()[:2], desk.choice)
    desk.finish(ids()[0])
    review.collect(desk.home, desk.choice)
    result = erase.erase(desk.home, ids(), desk.choice, "carla")
    assert (result.done, result.failed) == (ids(), {})
    assert (desk.world.items, desk.world.units, desk.project.labels) == ({}, {}, {})
    # Accepted work stays; what was in review or would be sent is rejected.
    assert stages(desk.home) == [
        ClipStage.ACCEPTED,
        ClipStage.REJECTED,
        ClipStage.REJECTED,
    ]
    files = sorted(desk.workspace.receipts_dir().iterdir())
    receipts = [json.loads(path.read_text()) for path in files]
    assert [row["clip"] for row in receipts] == ids()
    assert [len(row["held"]) for row in receipts] == [4, 4, 0]
    assert {row["by"] for row in receipts} == {"carla"}
    assert all(row["checked"] for row in receipts)
    labels_of = [line for line in receipts[0]["held"] if line.startswith("labels")]
    assert ["(main)" in line for line in sorted(labels_of, key=lambda it: "main" in it)] == [
        False,
        True,
    ]


def test_a_clip_that_nobody_knows_is_named_and_the_others_go_on(desk: Desk) -> None:
    clip_id = ids()[0]
    batch = review.send(desk.home, ["nobody", clip_id], desk.choice)
    assert (batch.done, list(batch.failed)) == ([clip_id], ["nobody"])
    erasure = erase.erase(desk.home, ["nobody", clip_id, clip_id], desk.choice, "carla")
    assert (erasure.done, list(erasure.failed)) == ([clip_id], ["nobody"])
    assert batch.failed["nobody"] == erasure.failed["nobody"] == "no clip is called 'nobody'"


def test_erasing_loses_no_verdict_that_was_fetched_already(desk: Desk) -> None:
    clip = ids()[0]
    review.send(desk.home, [clip], desk.choice)
    desk.move_box(clip, 1, 3, 5.0)
    desk.finish(clip)
    desk.open().fetch([clip])  # and killed before it was taken in
    assert erase.erase(desk.home, [clip], desk.choice, "carla").done == [clip]
    assert desk.world.items == {}
    result = review.collect(desk.home, desk.choice)
    assert (result.done, result.failed) == ([clip], {})
    assert stages(desk.home)[0] is ClipStage.ACCEPTED
    assert len(labels.revisions(desk.workspace, clip)) == 2


def test_erasing_without_access_changes_nothing_here(desk: Desk) -> None:
    review.send(desk.home, ids()[:1], desk.choice)
    desk.world.revoked.add(MACHINE)
    result = erase.erase(desk.home, ids()[:1], desk.choice, "carla")
    assert list(result.failed) == ["encord"]
    assert stages(desk.home)[0] is ClipStage.IN_REVIEW
    assert not desk.workspace.receipts_dir().exists()


def test_clips_that_wait_in_our_own_queue_are_still_taken_in(desk: Desk) -> None:
    review.send(desk.home, ids()[:1])
    review.send(desk.home, ids()[1:], desk.choice)
    review.give_verdict(desk.home, ids()[:1], "accept", "annotator-1")
    desk.finish(ids()[1])
    result = review.collect(desk.home, desk.choice)
    assert (sorted(result.done), result.failed) == (ids()[:2], {})

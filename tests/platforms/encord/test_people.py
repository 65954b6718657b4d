"""People at work on Encord while we send, and what comes back of their work."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core import ids
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.platforms.base import Offer
from oneclick.platforms.encord import convert, import_verdicts, load
from oneclick.platforms.encord.options import EncordOptions
from oneclick.storage import labels as label_files
from tests.fakes import clips
from tests.fakes.encord_server import Call
from tests.fakes.encord_world import ANNOTATE, COMPLETE, REVIEW, Json
from tests.fakes.label_sets import assert_same, label_sets
from tests.platforms.encord.desk import ANNA, BEN, MACHINE, Desk, NewDesk

DRAWN = 9
"""Id of the track that a person draws."""


def send(desk: Desk, offers: list[Offer]) -> None:
    assert [receipt.error for receipt in desk.open().send(offers)] == [None] * len(offers)


def fetched(desk: Desk, offers: list[Offer]) -> dict[str, Verdict]:
    platform = desk.open()
    platform.fetch([clip.id for clip, _ in offers])
    assert platform.unreadable() == {}
    return {verdict.clip: verdict for verdict in platform.collect()}


def draws_at(desk: Desk, clip_id: str, at: Callable[[Call], bool]) -> Callable[[Call], None]:
    """Before a request is handled, a person draws a track, once, as soon as the task is there."""
    pending = [True]

    def script(call: Call) -> None:
        if pending and at(call):
            pending.clear()
            desk.draw(clip_id, clips.track(DRAWN, 3.0, "h"))

    return script


def key(clip_id: str, track: int) -> str:
    return convert.object_hash(ids.pseudonym(clip_id), track)


@pytest.mark.parametrize("way", ["", "no copies"])
def test_what_a_person_draws_while_we_send_survives(desks: NewDesk, way: str) -> None:
    clean, offers = desks(way)
    clean.open().setup()
    log_start = len(clean.server.log)
    send(clean, offers)
    names = [call.name for call in clean.server.log[log_start:]]
    linked = names.index("datasetlinkitems POST")
    # Where Encord does not copy, nothing protects the moment between our last look and the save.
    saves = [k for k, name in enumerate(names) if name == "labelrow POST"]
    unprotected = saves[-1] if way else -1
    clip_id = offers[0][0].id
    for k in range(linked + 1, len(names)):
        desk, offers = desks(way)
        desk.open().setup()
        log_start = len(desk.server.log)
        desk.server.script = draws_at(desk, clip_id, lambda c, n=log_start + k: c.number == n)  # type: ignore[misc]
        send(desk, offers)
        is_kept = desk.tracks(clip_id).get(key(clip_id, DRAWN)) == list(range(10))
        assert is_kept == (k != unprotected), f"request {k}: {names[k]}"
        assert key(offers[1][0].id, 1) in desk.tracks(offers[1][0].id)


def test_a_clip_that_somebody_works_on_is_not_written_when_it_is_sent_again(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    send(desk, offers)
    desk.move_box(offers[0][0].id, 1, 3, 5.0)
    before = desk.blob(offers[0][0].id)
    newer = [(clip, replace(labels, revision=2, tracks=())) for clip, labels in offers]
    send(desk, newer)
    assert desk.blob(offers[0][0].id) == before
    assert len(desk.world.items) == len(desk.world.units) == 2


def test_labels_are_complete_before_anybody_sees_a_clip_that_is_held(desks: NewDesk) -> None:
    desk, offers = desks("hold")
    desk.open().setup()
    routes: list[str] = []

    def peek(call: Call) -> None:
        for clip, _ in offers:
            name = desk.title(clip.id)
            try:
                desk.world.take(name, ANNA)
            except LookupError:
                continue
            assert key(clip.id, 1) in desk.tracks(clip.id)
            routes.append(name)

    desk.server.script = peek
    send(desk, offers)
    stages = {stage["uuid"]: stage["title"] for stage in desk.project.stages}
    assert {stages[task.stage] for task in desk.project.tasks.values()} == {ANNOTATE}
    assert "hold" in desk.choice.section.__dataclass_fields__
    desk.server.script = lambda call: None
    peek(Call(0, "", 0, 0))
    assert len(set(routes)) == 2


def test_who_annotated_when_and_how_long_comes_with_the_verdict(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    send(desk, offers)
    first, second = (clip.id for clip, _ in offers)
    name = desk.title(first)
    desk.world.take(name, ANNA)
    desk.world.person(name, "SUBMIT", ANNA, 40)
    desk.world.person(name, "REJECT", BEN, 5)
    desk.world.take(name, ANNA)
    desk.world.person(name, "SUBMIT", ANNA, 20)
    before = datetime.now(UTC) - timedelta(seconds=1)  # some times have full seconds
    desk.world.person(name, "APPROVE", BEN, 7)
    after = datetime.now(UTC)
    verdicts = fetched(desk, offers)
    assert list(verdicts) == [first]
    assert (verdicts[first].by, verdicts[first].seconds) == (ANNA, 72)
    assert before <= verdicts[first].at <= after
    assert verdicts[first].at.tzinfo is UTC
    desk.world.move(desk.title(second), COMPLETE, BEN)
    assert fetched(desk, offers)[second].by == BEN


def test_only_what_a_person_did_is_called_human(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    send(desk, offers)
    clip_id = offers[0][0].id
    desk.move_box(clip_id, 1, 3, 5.0)
    desk.move_box(clip_id, 1, 4, 0.4)
    desk.finish(clip_id)
    verdict = fetched(desk, offers)[clip_id]
    assert verdict.tracks is not None
    (track,) = verdict.tracks
    (sent_track,) = offers[0][1].tracks
    assert (verdict.edits, track.origins) == (1, "dddh" + "d" * 6)
    np.testing.assert_array_equal(
        np.delete(track.boxes, 3, axis=0), np.delete(sent_track.boxes, 3, 0)
    )
    np.testing.assert_allclose(track.boxes[3] - sent_track.boxes[3], [5, 0, 5, 0], atol=1e-3)


def test_a_decision_is_brought_once_and_the_first_one_stays(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    send(desk, offers)
    clip_id = offers[0][0].id
    desk.finish(clip_id)
    first = fetched(desk, offers)[clip_id]
    desk.world.move(desk.title(clip_id), REVIEW, BEN)
    desk.move_box(clip_id, 1, 3, 5.0)
    desk.world.person(desk.title(clip_id), "APPROVE", BEN)
    again = fetched(desk, offers)[clip_id]
    assert (first.at, first.edits) == (again.at, again.edits) == (again.at, 0)


def test_without_news_a_quick_look_asks_for_nothing_but_the_news(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    send(desk, offers)
    ids = [clip.id for clip, _ in offers]
    desk.open().fetch(ids, thorough=False)
    desk.world.ahead = -2 * import_verdicts.OVERLAP
    desk.server.log.clear()
    desk.open().fetch(ids, thorough=False)
    assert [call.name for call in desk.server.log][-1] == "GET analytics/task-actions"
    assert desk.server.calls("labelrowmetadata") == []
    desk.world.ahead = clips.NOON - clips.NOON
    desk.finish(ids[0])
    platform = desk.open()
    platform.fetch(ids, thorough=False)
    assert [verdict.clip for verdict in platform.collect()] == [ids[0]]


def test_what_the_log_of_actions_never_told_is_found_by_looking(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    send(desk, offers)
    ids = [clip.id for clip, _ in offers]
    desk.open().fetch(ids, thorough=False)
    desk.finish(ids[0])
    desk.world.actions.clear()
    quick = desk.open()
    quick.fetch(ids, thorough=False)
    assert list(quick.collect()) == []
    assert list(fetched(desk, offers)) == [ids[0]]


def test_records_that_were_lost_are_found_again_by_title(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    send(desk, offers)
    desk.finish(offers[0][0].id)
    for path in (desk.workspace.review_dir() / "encord" / "records").glob("*.json"):
        path.unlink()
    assert list(fetched(desk, offers)) == [offers[0][0].id]


def test_nothing_that_tells_of_camera_or_time_leaves_the_house(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    desk.server.bodies = []
    send(desk, offers)
    traffic = b"\n".join(desk.server.bodies)
    assert desk.title(offers[0][0].id).encode() in traffic
    for secret in (offers[0][0].camera, offers[0][0].video, "20260105", str(desk.home)):
        assert secret.encode() not in traffic
    assert {item.owner for item in desk.world.items.values()} == {MACHINE}


def test_titles_may_be_the_ids_of_clips_where_the_settings_say_so(desks: NewDesk) -> None:
    desk, offers = desks("titles")
    desk.open().setup()
    send(desk, offers)
    assert {item.name for item in desk.world.items.values()} == {f"{c.id}.mp4" for c, _ in offers}


def test_a_private_bucket_is_registered_and_the_sizes_told_where_encord_may_not_read_it(
    desks: NewDesk,
) -> None:
    for way in ("bucket", "strict"):
        desk, offers = desks(way)
        desk.open().setup()
        send(desk, offers)
        send(desk, offers)
        assert sorted(i.name for i in desk.world.items.values()) == sorted(
            desk.title(clip.id) for clip, _ in offers
        )
        assert desk.server.calls("PUT /bucket") == []
        desk.open().erase(offers[0][0].id)
        file_names = [path.name for path in (desk.home.parent / "bucket").iterdir()]
        assert file_names == [desk.title(offers[1][0].id)]


def test_parts_are_bounded_by_clips_and_by_boxes() -> None:
    clip, labels, options = clips.clip(), clips.auto_labels(clips.clip()), EncordOptions()
    many = [len(part) for part in load.batches([(clip, labels)] * 45, options)]
    assert many == [load.CLIPS, load.CLIPS, 5]
    crowd = replace(labels, tracks=tuple(clips.track(k) for k in range(900)))
    assert [len(part) for part in load.batches([(clip, crowd)] * 5, options)] == [2, 2, 1]


@settings(max_examples=3, deadline=None, derandomize=True)
@given(label_sets=st.lists(label_sets(frames=10, size=(64, 48)), min_size=8, max_size=8))
def test_labels_of_every_kind_come_back_but_for_the_box_that_somebody_moved(
    film: tuple[bytes, str], label_sets: list[LabelSet]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder) / "home")
        desk.open().setup()
        offers = [offer(desk, film, k, labels) for k, labels in enumerate(label_sets)]
        send(desk, offers)
        for clip, _ in offers:
            desk.finish(clip.id)
        verdicts = fetched(desk, offers)
        assert [(v.tracks, v.edits) for v in verdicts.values()] == [(None, 0)] * len(offers)
        for clip, labels in offers:
            desk.draw(clip.id, clips.track(10**9 + 1, 3.0, "h"))
            (path,) = (desk.workspace.review_dir() / "encord" / "verdicts").glob(f"{clip.id}.json")
            path.unlink()
            assert_same_but_new(fetched(desk, [(clip, labels)])[clip.id], labels)
        desk.server.end()
        assert desk.server.mistakes == []


def offer(desk: Desk, film: tuple[bytes, str], number: int, labels: LabelSet) -> Offer:
    """A clip with labels of its own."""
    clip = replace(clips.clip(number), digest=film[1])
    path = desk.workspace.clip_file(clip.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(film[0])
    mine = replace(labels, clip=clip.id)
    saved = label_files.load(label_files.save(desk.workspace, mine))
    return clip, saved


def assert_same_but_new(verdict: Verdict, labels: LabelSet) -> None:
    assert verdict.tracks is not None
    *old_tracks, new_track = verdict.tracks
    assert_same(tuple(old_tracks), labels)
    assert (new_track.origins, verdict.edits) == ("h" * 10, 10)


@pytest.mark.parametrize("way", ["renames", "begins"])
def test_what_the_service_might_do_otherwise_makes_no_edits(
    ready: tuple[Desk, list[Offer]], way: str
) -> None:
    """Other hashes on a copy, or a row on main that is there before ours."""
    desk, offers = ready
    setattr(desk.world, way, True)
    send(desk, offers)
    for clip, _ in offers:
        assert list(desk.tracks(clip.id).values()) == [list(range(10))]
        desk.finish(clip.id)
    assert [(v.tracks, v.edits) for v in fetched(desk, offers).values()] == [(None, 0)] * 2


def empty(blob: Json, data: str) -> None:
    blob["data_units"][data]["labels"].clear()
    blob["object_answers"].clear()
    blob["object_actions"].clear()


def test_a_clip_that_a_person_emptied_comes_back_empty(ready: tuple[Desk, list[Offer]]) -> None:
    desk, offers = ready
    send(desk, offers)
    clip_id = offers[0][0].id
    desk.world.edit(desk.title(clip_id), ANNA, empty)
    desk.finish(clip_id)
    verdict = fetched(desk, offers)[clip_id]
    assert (verdict.decision, verdict.tracks, verdict.edits) == ("accept", (), 10)


def test_a_clip_taken_up_again_while_it_is_read_comes_another_time(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    send(desk, offers)
    clip_id = offers[0][0].id
    desk.finish(clip_id)

    def reopen(call: Call) -> None:
        if call.name == "labelrow GET":
            desk.world.move(desk.title(clip_id), REVIEW, BEN)

    desk.server.script = reopen
    assert fetched(desk, offers) == {}
    desk.server.script = lambda call: None
    desk.move_box(clip_id, 1, 3, 5.0, BEN)
    desk.world.person(desk.title(clip_id), "APPROVE", BEN)
    assert fetched(desk, offers)[clip_id].edits == 1


def test_a_key_box_that_a_person_set_comes_back_though_nothing_moved(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    send(desk, offers)
    clip_id = offers[0][0].id
    desk.move_box(clip_id, 1, 3, 0.0)
    desk.finish(clip_id)
    verdict = fetched(desk, offers)[clip_id]
    assert verdict.tracks is not None
    assert (verdict.edits, verdict.tracks[0].keyframes) == (0, (3,))
    np.testing.assert_array_equal(verdict.tracks[0].boxes, offers[0][1].tracks[0].boxes)


def test_a_clip_thrown_away_before_it_had_labels_is_rejected(
    ready: tuple[Desk, list[Offer]],
) -> None:
    desk, offers = ready
    send(desk, offers)
    clip_id = offers[0][0].id
    project, data = desk.world.find(desk.title(clip_id))
    del project.labels[data, "main"]
    desk.world.move(desk.title(clip_id), "Archive", BEN)
    verdict = fetched(desk, offers)[clip_id]
    assert (verdict.decision, verdict.by, verdict.reason) == ("reject", BEN, "at Archive on Encord")

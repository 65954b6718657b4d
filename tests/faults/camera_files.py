"""Files about cameras, and of second looks, that a workspace has besides those of a lap."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec

from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.edge_messages import EdgeFrame, SpanRequest
from oneclick.core.errors import UsageError
from oneclick.core.review import Verdict
from oneclick.feedback import video_counts
from oneclick.stages import intake, pick_span, second_looks
from oneclick.storage import (
    alert_log,
    control_outcomes,
    files,
    incidents,
    intake_counts,
    live_state,
    mutes,
    sealed_files,
    seeded_outcomes,
    span_requests,
)
from oneclick.storage.alert_log import Alert, AlertLog, AlertRecord
from oneclick.storage.control_outcomes import ControlOutcome
from oneclick.storage.intake_counts import CameraCounts
from oneclick.storage.intake_log import CameraLog, StoredBatch
from oneclick.storage.live_state import CameraState
from oneclick.storage.mutes import Mute
from oneclick.storage.seeded_outcomes import SeededOutcome
from oneclick.storage.span_requests import SpanPlace
from oneclick.storage.workspace import Workspace
from oneclick.web.intake.tokens import CameraTokens
from tests.edge import batches
from tests.faults import laps
from tests.web import live_camera

EDGE = "yard"
"""The edge camera."""
WINDOW = 60.0
PERIODS = ((0, 100), (600, 620), (1200, 1220))
"""Pictures that it sends: a Video, a complete segment, and one that may still grow."""


def furnish(home: Path, recording: Video, model: str) -> None:
    """Write a file of each kind."""
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        pick_free_span(catalog, recording)
        assert recording.started_at is not None
        incident, _ = pick_span.mark_incident(
            catalog,
            camera=recording.camera,
            since=recording.started_at,
            until=recording.started_at + timedelta(seconds=2),
            reason="a fall",
            by="lea",
            key="a test",
        )
    incidents.release(workspace, incident.id, laps.NOON, "lea")
    mute = Mute(
        id=mutes.mute_id("ward", "flicker", laps.NOON, "a test"),
        camera="ward",
        trigger="flicker",
        since=laps.NOON,
        until=laps.NOON + timedelta(hours=1),
        reason="the lamp is broken",
        by="lea",
        at=laps.NOON,
    )
    mutes.add(workspace, mute)
    alert = Alert(kind="dark", camera="ward", text="ward is dark", since=laps.NOON)
    records = (AlertRecord(alert=alert, opened_at=laps.NOON, told={"webhook": "open"}),)
    alert_log.save(workspace, AlertLog(records=records))
    video_counts.load(workspace, recording, model, ())
    sealed_files.write(workspace.review_trouble, {"platform": "encord", "text": "no answer"})
    watch(home, workspace.video_file(recording))
    send_from_edge(home)


def pick_free_span(catalog: Catalog, recording: Video) -> None:
    """Pick a span in which there is no clip yet."""
    assert recording.started_at is not None
    for tenth in range(60):
        since = recording.started_at + timedelta(seconds=tenth / 10)
        until = since + timedelta(seconds=0.3)
        with suppress(UsageError):
            pick_span.pick(catalog, recording.camera, since, until, pick_span.PickOptions())
            return
    raise AssertionError("no span is free")


def watch(home: Path, film: Path) -> None:
    """Leave what a live camera leaves: a state, a ring and a closed segment."""
    live_camera.fill(home, "ward", 20)
    state = CameraState(camera="ward", status="running", since=1.0, written_at=2.0)
    live_state.write(home, state)
    segment = live_state.recordings_folder(home, "ward") / "20260105T090000Z.mkv"
    segment.parent.mkdir(parents=True)
    shutil.copyfile(film, segment)


def pictures(first: int, stop: int) -> list[EdgeFrame]:
    return batches.frames(stop - first, first=first)


def send_from_edge(home: Path) -> None:
    """Take predictions and answers to requests for raw video in."""
    workspace = Workspace(home)
    CameraTokens(workspace, lambda: laps.NOON).make(EDGE, [batches.MODEL])
    intake_counts.save(workspace, {EDGE: CameraCounts(stored=140, seen_at=laps.NOON)})
    log = CameraLog(workspace.intake_dir / EDGE, WINDOW)
    source = msgspec.structs.replace(batches.SOURCE, camera=EDGE)
    for first, stop in PERIODS:
        log.append(StoredBatch(source=source, frames=tuple(pictures(first, stop))), stop)
        if not first:
            log.close_segment()
            laps.all_done(intake.intake(home))
    log.close()
    requests = [
        SpanRequest(id=f"{EDGE}-2026010{day}", camera=EDGE, start=1.0, stop=9.0, moment=5.0)
        for day in range(3)
    ]
    for request in requests:
        span_requests.open_request(workspace, request)
    asked, answered, refused = requests
    span_requests.finish(workspace, refused, state="refused", reason="the ring is too short")
    files.write_atomic(span_requests.part_file(workspace, asked), bytes(99))
    upload = span_requests.video_file(workspace, answered)
    files.write_atomic(upload, bytes(range(256)))
    place = SpanPlace(start=1.0, sha256=files.sha256(upload))
    sealed_files.write(span_requests.place_file(workspace, answered), place)
    span_requests.mark_uploaded(workspace, answered)


def look_twice(home: Path, done: str, waiting: str) -> None:
    """Offer second looks at two clips; one is done and settled. Measure the first looks."""
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        for clip_id in (done, waiting):
            verdict = Verdict(clip=clip_id, decision="accept", by=laps.PERSON, at=laps.NOON)
            assert second_looks.offer(workspace, catalog, verdict, share=1.0)
        queue = second_looks.queue_of(workspace)
        assert queue.submit(Verdict(clip=done, decision="reject", by="ben", at=laps.NOON))
        assert second_looks.take_in(workspace, catalog) == {}
    second_looks.settle(home, done, "first", "lea")
    root = workspace.review_dir()
    control = ControlOutcome(clip=done, by="ben", at=laps.NOON, frames=(0,), boxes=2, missed=0)
    control_outcomes.save(root, control)
    seeded = SeededOutcome(clip=done, kind="class", by="ben", at=laps.NOON, caught=True)
    seeded_outcomes.save(root, seeded)

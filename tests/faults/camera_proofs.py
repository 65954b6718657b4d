"""Damages to files about cameras, and of second looks, that are harmless by construction."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from oneclick.catalog import Catalog
from oneclick.core.edge_messages import FrameLimits
from oneclick.feedback import video_counts
from oneclick.report import action_items
from oneclick.services.intake_settings import IntakeSettings
from oneclick.stages import fetch
from oneclick.storage import alert_log, intake_counts, live_state, mutes, span_requests
from oneclick.storage.intake_counts import CameraCounts
from oneclick.storage.intake_log import CameraLog
from oneclick.storage.live_ring import RingReader
from oneclick.storage.second_looks import SecondLooks
from oneclick.storage.workspace import Workspace
from oneclick.web.intake.desk import CameraIntake
from oneclick.web.intake.spans import SpanUploads
from oneclick.web.intake.tokens import CameraToken, CameraTokens
from oneclick.web.refusals import Refused
from tests.edge import batches
from tests.faults import camera_files, laps
from tests.faults.camera_files import EDGE
from tests.faults.damages import DamageTrial
from tests.faults.reasons import Reason, catalog_is_whole, is_made_again


def is_muted_no_more(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that every trigger is heard."""
    return mutes.load(Workspace(copy / "home")).all == ()


def is_opened_again(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the next check finds no alert that it would take for told."""
    return alert_log.load(Workspace(copy / "home")).records == ()


def is_not_shown(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the trouble of a platform is not shown until it happens again."""
    return list(action_items.platform_action_items(copy / "home")) == []


def nobody_may_send(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that no device is let in."""
    return CameraTokens(Workspace(copy / "home")).all() == []


def is_counted_anew(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the intake opens, and counts from nothing."""
    return intake_counts.load_or_restart(Workspace(copy / "home")) == {}


def is_told_as_lost(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the next batch tells how many pictures are missing before it."""
    _, (_, stop), (first, newest) = camera_files.PERIODS
    log = CameraLog(Workspace(copy / "home").intake_dir / EDGE, camera_files.WINDOW)
    camera, before = CameraIntake(log, CameraCounts(), lambda: 0.0), log.next
    pictures = camera_files.pictures(newest, newest + 5)
    limits = FrameLimits(max_boxes=99, newest=pictures[-1].time, oldest=0.0)
    source = msgspec.structs.replace(batches.SOURCE, camera=EDGE)
    answer = camera.take(batches.batch(pictures, source=source), limits)
    log.close()
    is_behind = before in (stop, first) or first < before < newest
    return is_behind and camera.counts.lost == newest - before and answer.stored == 5


def is_sent_again(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that an upload whose parts are not what the device sent is refused, and begins anew."""
    workspace = Workspace(copy / "home")
    (request, *_) = span_requests.pending(workspace, EDGE)
    token = CameraToken(camera=EDGE, digest="", made_at=laps.NOON)
    uploads = SpanUploads(workspace, IntakeSettings(spans_from=(EDGE,)))
    digest = sha256(trial.target(root / "home").read_bytes()).hexdigest()
    body = msgspec.json.encode({"state": "uploaded", "start": 1.0, "sha256": digest})
    try:
        asyncio.run(uploads.finish(token, request.id, body))
    except Refused as refusal:
        return refusal.status_code == 409
    return False


def reads_as_stopped(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that a camera whose process is gone is not shown as running."""
    state = live_state.read(copy / "home", "ward")
    return state is None or state.status == "stopped"


def shows_no_other_picture(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that every picture that the ring still shows is one that was written."""
    after, before = (ring_pictures(place / "home") for place in (copy, root))
    return all(picture in before for picture in after)


def ring_pictures(home: Path) -> list[Any]:
    frames = RingReader(live_state.ring_folder(home, "ward")).after(-1, 999)
    return [(frame.seq, frame.time, frame.boxes, frame.jpeg) for frame in frames]


def is_taken_or_refused(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that the next pass takes the recording in or says why not, as those of any source."""
    home = copy / "home"
    result = fetch.fetch(home, live_state.recording_sources(home), camera="ward", codes="never")
    path = live_state.recordings_folder(home, "ward")
    outcomes = [*result.done, *result.skipped, *result.failed, *result.left_out]
    return bool(outcomes) or not list(path.glob("*.mkv"))


def compute_figures(root: Path) -> None:
    """Compute the figures of all predictions as `oneclick insight` does."""
    workspace = Workspace(root / "home")
    with Catalog.open(workspace.home) as catalog:
        videos = [video for video in catalog.videos() if video.camera == "ward"]
    for video in videos:
        for path in workspace.home.glob(f"predictions/{video.id}/*.parquet"):
            video_counts.load(workspace, video, path.stem, ())


def looks_are_there(root: Path, copy: Path, trial: DamageTrial) -> bool:
    """Check that what second reviewers found is as before."""
    looks, copied_looks = (SecondLooks(Workspace(place / "home")) for place in (root, copy))
    return copied_looks.results() == looks.results() != []


OF_CAMERAS = {
    ("mute", "remove"): Reason(
        "the trigger is heard again: more is looked at, nothing less", is_muted_no_more
    ),
    ("alerts", "remove"): Reason(
        "the next check opens what still holds, and tells it again", is_opened_again
    ),
    ("figures of predictions", "any"): Reason(
        "they are computed again from the predictions", is_made_again(compute_figures)
    ),
    ("trouble of a platform", "remove"): Reason(
        "the next connection error writes it again", is_not_shown
    ),
    ("tokens of edge cameras", "remove"): Reason(
        "no device may send until it has a token again: what it predicts waits on its own disk",
        nobody_may_send,
    ),
    ("counts of edge cameras", "remove"): Reason(
        "they are for screens, and begin anew: the pictures are in segments and Videos",
        is_counted_anew,
    ),
    ("newest segment of an edge camera", "truncate"): Reason(
        "so a kill leaves it; the next batch tells what is missing, which is noted as lost",
        is_told_as_lost,
    ),
    ("newest segment of an edge camera", "remove"): Reason(
        "the next batch tells what is missing, which is noted as lost", is_told_as_lost
    ),
    ("refused request", "remove"): Reason(
        "it is finished: what came of it is in the catalog", catalog_is_whole
    ),
    ("part of an upload", "any"): Reason(
        "the device tells the digest of the whole at the end, and sends it again", is_sent_again
    ),
    ("state of a live camera", "any"): Reason(
        "its process writes it anew each second, and an older one counts for nothing",
        reads_as_stopped,
    ),
    ("ring", "any"): Reason(
        "it holds the last minutes for eyes alone: broken pictures are left out",
        shows_no_other_picture,
    ),
    ("recording of a live camera", "any"): Reason(
        "it is a source that was not taken in yet: the next pass takes it in or says why not",
        is_taken_or_refused,
    ),
    ("clips by kind of work", "remove"): Reason(
        "the sample of second looks begins anew; those that were done are there", looks_are_there
    ),
    ("control pictures", "remove"): Reason(
        "a sample has one clip less; its share is of those that are there", catalog_is_whole
    ),
    ("seeded error", "remove"): Reason(
        "a sample has one clip less; its share is of those that are there", catalog_is_whole
    ),
}
"""Damages that no command names, by kind and damage."""

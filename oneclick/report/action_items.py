"""Things that need a person."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput
from oneclick.core.shadow_measures import WAITS_IN_SHADOW
from oneclick.report.alerts import INSIGHT_KINDS, open_alerts
from oneclick.report.snapshot import ActionItem, FlowRunRow, ModelStatus, StageRow
from oneclick.storage import alert_log, sealed_files
from oneclick.storage.workspace import Workspace

FAILED_STATES = ("Failed", "Crashed", "TimedOut")
LATE_CHECK = timedelta(minutes=20)
"""Four times the pause between two checks of the flow `watch`."""
MAX_DISK_USE = 0.95
"""Share of the disk in use above which somebody must free space."""


def catalog_action_items(
    catalog: Catalog,
    stages: Sequence[StageRow],
    serving: ModelStatus,
    runs: Sequence[FlowRunRow],
    videos: int,
) -> Iterator[ActionItem]:
    """Yield what needs a person according to the catalog, most urgent first."""
    clips = {row.stage: row.clips for row in stages}
    if catalog.is_behind:
        text = "the catalog is older than the files: the next pass takes in what it lacks"
        yield ActionItem("catalog", text, "system", ("catalog", "verify"))
    if not videos:
        text = "no video yet: begin with one of yours"
        yield ActionItem("start", text, "pipeline", ("run", "VIDEO"))
    if waiting := clips[ClipStage.IN_REVIEW]:
        text = f"{_clip_count(waiting, 'waits', 'wait')} for review"
        yield ActionItem("review", text, "review", ("review", "list"))
    if quarantined := clips[ClipStage.QUARANTINED]:
        reason = catalog.newest_error() or "see each for its reason"
        text = f"{_clip_count(quarantined, 'is', 'are')} set aside: {reason}"
        yield ActionItem("quarantined", text, "clips", ("clips", "retry", "--all"))
    newest: dict[str, FlowRunRow] = {}
    for run in runs:
        newest.setdefault(run.flow, run)
    for run in newest.values():
        if run.state in FAILED_STATES:
            text = f"{run.flow} {run.state.lower()}: {run.detail or 'see its log'}"
            yield ActionItem("flow", text, "flows", ("flows", "logs", run.id))
    if serving.candidate and serving.verdict and serving.verdict != "promote":
        waits = [reason for reason in serving.reasons if reason.startswith(WAITS_IN_SHADOW)]
        verdict = waits[0] if waits else serving.verdict
        text = f"{serving.candidate} was not promoted: {verdict}"
        yield ActionItem("gate", text, "train", ("models", "show", serving.candidate))


def platform_action_items(home: Path) -> Iterator[ActionItem]:
    """Yield an item if the review platform could not be reached the last time."""
    path = Workspace(home).review_trouble
    if not path.exists():
        return
    try:
        trouble: dict[str, str] = sealed_files.read(path, dict[str, str])
    except BadInput:
        return
    yield ActionItem("platform", trouble.get("text", ""), "review", ("doctor",))


def alert_action_items(home: Path, now: datetime) -> Iterator[ActionItem]:
    """Yield the alerts that hold, as the last check of the flow `watch` left them.

    Where that check was long ago nobody is told of anything, and this is what needs a person.
    """
    try:
        standing, log = open_alerts(home), alert_log.load(Workspace(home))
    except BadInput as error:
        yield ActionItem("broken", str(error), "system", ("doctor",))
        return
    if log.checked_at and (log.expected or standing) and now - log.checked_at > LATE_CHECK:
        text = f"no camera was checked since {log.checked_at:%Y-%m-%d %H:%M} UTC: is oneclick up?"
        yield ActionItem("camera", text, "flows", ("flows", "list"))
    for alert in standing:
        if alert.kind in INSIGHT_KINDS:
            command = ("insight", "--camera", alert.camera)
            yield ActionItem("insight", alert.text, "system", command)
        else:
            yield ActionItem("camera", alert.text, "system", ("cameras", "status"))
    for receiver, why in log.untold.items():
        yield ActionItem("camera", f"{receiver} gets no alerts: {why}", "system", ("doctor",))
    for why in log.unchecked.values():
        yield ActionItem("broken", f"not checked: {why}", "system", ("doctor",))


def disk_space_action_items(home: Path) -> Iterator[ActionItem]:
    """Yield an item if the disk of the workspace is almost full."""
    if not home.is_dir():
        return
    disk = shutil.disk_usage(home)
    if disk.used > MAX_DISK_USE * disk.total:
        text = f"the disk is {disk.used / disk.total:.0%} full: {disk.free / 1e9:.1f} GB left"
        yield ActionItem("space", text, "system", ("doctor",))


def _clip_count(clips: int, singular_verb: str, plural_verb: str) -> str:
    return f"1 clip {singular_verb}" if clips == 1 else f"{clips:,} clips {plural_verb}"

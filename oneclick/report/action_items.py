"""What only a person can do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput
from oneclick.report.snapshot import Need, RunNow, Serving, StageNow
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

BAD = ("Failed", "Crashed", "TimedOut")
FULL = 0.95
"""Share of the disk in use from which on somebody must make room."""


def needs(
    catalog: Catalog,
    stages: Sequence[StageNow],
    serving: Serving,
    runs: Sequence[RunNow],
    videos: int,
) -> Iterator[Need]:
    """What only a person can do, most urgent first."""
    clips = {row.stage: row.clips for row in stages}
    if not videos:
        yield Need("start", "no video yet: begin with one of yours", "pipeline", ("run", "VIDEO"))
    if waiting := clips[ClipStage.IN_REVIEW]:
        yield Need("review", f"{_n(waiting)} for review", "review", ("review", "list"))
    if aside := clips[ClipStage.QUARANTINED]:
        why = catalog.newest_error() or "see each for its reason"
        text = f"{_n(aside, 'is', 'are')} set aside: {why}"
        yield Need("quarantined", text, "clips", ("clips", "retry", "--all"))
    for run in _fallen(runs):
        text = f"{run.flow} {run.state.lower()}: {run.detail or 'see its log'}"
        yield Need("flow", text, "flows", ("flows", "logs", run.id))
    if serving.candidate and serving.verdict and serving.verdict != "promote":
        text = f"{serving.candidate} was not promoted: {serving.verdict}"
        yield Need("gate", text, "train", ("models", "show", serving.candidate))


def platform(home: Path) -> Iterator[Need]:
    """A review platform that could not be reached the last time."""
    path = Workspace(home).review_trouble
    if not path.exists():
        return
    try:
        told: dict[str, str] = files.read_json(path, dict[str, str])
    except BadInput:
        return
    yield Need("platform", told.get("text", ""), "review", ("doctor",))


def space(home: Path) -> Iterator[Need]:
    if not home.is_dir():
        return
    used = shutil.disk_usage(home)
    if used.used > FULL * used.total:
        text = f"the disk is {used.used / used.total:.0%} full: {used.free / 1e9:.1f} GB left"
        yield Need("space", text, "system", ("doctor",))


def _n(clips: int, one: str = "waits", many: str = "wait") -> str:
    return f"1 clip {one}" if clips == 1 else f"{clips:,} clips {many}"


def _fallen(runs: Sequence[RunNow]) -> Iterator[RunNow]:
    """The newest run of each flow, if it fell."""
    newest: dict[str, RunNow] = {}
    for run in runs:
        newest.setdefault(run.flow, run)
    return (run for run in newest.values() if run.state in BAD)

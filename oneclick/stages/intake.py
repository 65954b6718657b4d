"""Intake: what edge cameras sent becomes Videos without a recording, and is searched at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from oneclick import triggers
from oneclick.catalog import Catalog
from oneclick.core.edge_messages import SpanRequest
from oneclick.core.hits import Hit
from oneclick.core.results import BatchResult
from oneclick.feedback import arrivals, replay, trigger_calibration
from oneclick.feedback.arrivals import ArrivedVideo
from oneclick.stages import arrived_videos
from oneclick.storage import (
    cards,
    failure_log,
    files,
    intake_log,
    locks,
    predictions,
    span_requests,
)
from oneclick.storage.workspace import Workspace
from oneclick.triggers.selection import select
from oneclick.triggers.selection.expected_errors import ExpectedErrors

DAY_SECONDS = 86400.0


@dataclass(frozen=True, kw_only=True)
class IntakeOptions:
    """The triggers that search what arrives, and the raw video that is asked for."""

    enabled: tuple[str, ...] = ()
    """Names of triggers; empty means all."""
    params: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Parameters by trigger, in place of the defaults."""
    spans_from: tuple[str, ...] = ()
    """Cameras that are asked for raw video."""
    spans_per_day: int = 24
    span_seconds: float = 10.0

    @property
    def key(self) -> str:
        """Return a digest of what decides which Hits are found."""
        text = json.dumps([sorted(self.enabled), self.params], sort_keys=True, default=dict)
        return sha256(text.encode()).hexdigest()[:12]


def intake(home: Path, options: IntakeOptions | None = None) -> BatchResult:
    """Turn every complete segment into a Video, search it, and ask for the best of its moments.

    `done` has the ids of the Videos. A segment is removed once all that follows from it is on the
    disk, so a killed run is simply done again; one that cannot be read is put aside with its
    reason.

    Raises:
        UnknownName, UsageError: a trigger or parameter cannot be.
        NoSpace, Unavailable: the disk or the catalog refuses.
    """
    workspace, options, result = Workspace(home), options or IntakeOptions(), BatchResult()
    paths = intake_log.closed_segments(workspace.intake_dir)
    if not paths:
        return result
    rules = triggers.make(options.enabled, options.params)
    with locks.file_lock(workspace.locks_dir / "intake-work"), Catalog.open(home) as catalog:
        for path in paths:
            if not path.exists():  # another process was faster
                continue
            name = f"{path.parent.name}-{path.stem}"

            def put_aside(_: str, path: Path = path) -> None:
                intake_log.put_aside(path)

            with failure_log.isolate(result.failed, workspace, name, f"take in {name}", put_aside):
                if arrived := arrivals.read_segment(path):
                    hits = add_video(workspace, catalog, arrived, rules, options.key)
                    request_spans(workspace, arrived, hits, options)
                    result.done.append(arrived.video.id)
                with files.guard(path):
                    path.unlink()
    for name, line in rules.problems().items():
        result.failed[f"trigger {name}"] = line
    return result


def add_video(
    workspace: Workspace,
    catalog: Catalog,
    arrived: ArrivedVideo,
    rules: triggers.RuleSet,
    options_key: str,
) -> list[Hit]:
    """Write predictions, signals, card, rows and Hits of a Video; return the Hits.

    Files come before rows, so that a row is true.
    """
    video, model = arrived.video, arrived.models.predictor
    path = workspace.predictions(video.id, model.id)
    predictions.save(path, arrived.detections, model.id, model.threshold)
    for name, values in arrived.signals.items():
        predictions.save_signal(workspace.signals(video.id, name), values)
    arrived_videos.put_video(workspace, catalog, video)
    catalog.mark(video.id, cards.PREDICT_STEP, model.id)
    catalog.mark(video.id, cards.MEASURE_STEP, *arrived.signals)
    hits = [
        hit
        for block in replay.replay_blocks(workspace, video, arrived.models)
        for hit in block.find(rules)
    ]
    arrived_videos.put_hits(
        workspace, catalog, video.id, arrived.models, options_key=options_key, hits=hits
    )
    return hits


def request_spans(
    workspace: Workspace, arrived: ArrivedVideo, hits: list[Hit], options: IntakeOptions
) -> list[SpanRequest]:
    """Ask the device for the moments with most expected errors, as far as the day allows.

    The allowance grows with the day, so that its first hour does not use all of it up.
    """
    video = arrived.video
    if video.camera not in options.spans_from or not hits:
        return []
    end = datetime.fromtimestamp(arrived.times[-1], UTC)
    day_share = (arrived.times[-1] % DAY_SECONDS) / DAY_SECONDS
    count = span_requests.count_of_day(workspace, video.camera, f"{end:%Y%m%d}")
    allowance = int(np.ceil(options.spans_per_day * day_share)) - count
    calibration = trigger_calibration.load(workspace).calibration_of(arrived.models.key)
    errors = ExpectedErrors(hits, video.frames, calibration).errors
    moments = select.best_frames(errors, video.fps, 1.0, gap=options.span_seconds)
    requests = []
    for frame, _ in moments[: max(0, allowance)]:
        moment = float(arrived.times[frame])
        at = datetime.fromtimestamp(moment, UTC)
        request = SpanRequest(
            id=f"{video.camera}-{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}",
            camera=video.camera,
            start=moment - options.span_seconds / 2,
            stop=moment + options.span_seconds / 2,
            moment=moment,
            video=video.id,
            why=next((hit.why for hit in hits if frame in hit.span), ""),
        )
        if span_requests.open_request(workspace, request):
            requests.append(request)
    return requests

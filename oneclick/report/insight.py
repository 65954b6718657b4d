"""How each model does on each camera: what it sees, how steadily, and whether that has changed."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from oneclick.catalog import Catalog
from oneclick.core import drift, statistics
from oneclick.core.clips import Video
from oneclick.core.drift import DriftEstimate
from oneclick.core.errors import BadInput
from oneclick.core.review import POLICY_PREFIX
from oneclick.core.statistics import RatioEstimate
from oneclick.core.turned_mode import is_turned_id
from oneclick.feedback import reviewed_clips
from oneclick.feedback.reviewed_clips import ReviewedClip
from oneclick.feedback.video_counts import Agreement, CountedDay, VideoCounts
from oneclick.storage import cards
from oneclick.storage.workspace import Workspace
from oneclick.triggers import calibrate

WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class ModelAgreement:
    """How far two models agree."""

    rival: str
    share: float
    """Boxes that both have, twice, over the boxes of both (F1 at IoU 0.5)."""
    boxes: int


@dataclass(frozen=True, kw_only=True)
class InsightRow:
    """One model on one camera in a period."""

    camera: str
    model: str
    hours: float
    """Time that the model has looked at."""
    uptime: float
    """Share of the period, from the camera's first video in it on, that the model looked at."""
    people_in_view: float
    """Mean number of boxes at the operating point."""
    appearances_per_hour: float
    """How often one box more came into view and stayed."""
    detections_per_minute: float
    flickers_per_minute: float
    """How often a box came or went for less than a second."""
    unseen_share: float | None
    """Share of the frames with signs of somebody, by other models, motion or hindsight, and
    without a box; None where triggers have not searched the predictions of this model."""
    histogram: tuple[int, ...]
    """Boxes by confidence, in equal bins from 0 to 1."""
    agreements: tuple[ModelAgreement, ...]
    drift: DriftEstimate | None
    """Of the confidences against the period before; None where one of the two is too short."""
    precision: RatioEstimate | None
    """Of boxes at the operating point, estimated from reviewed clips that were drawn at random."""
    recall: RatioEstimate | None

    @property
    def unseen_text(self) -> str:
        """Return the share as every table shows it; empty where it is not known."""
        return "" if self.unseen_share is None else f"{self.unseen_share:.1%}"


@dataclass(frozen=True, kw_only=True)
class Insight:
    """All models on all cameras."""

    start: datetime
    stop: datetime
    rows: list[InsightRow]
    failed: dict[str, str]
    """Videos that were left out, with the reason."""


def measure_insight(
    home: Path, now: datetime | None = None, period: timedelta = WEEK, camera: str | None = None
) -> Insight:
    """Compute how each model does on each camera in the last period, and against the one before.

    Videos are counted once; later calls read what was counted (feedback.video_counts). Memory is
    that of one video, and of all counts.

    Raises:
        NoSpace, Unavailable: what was counted cannot be stored.
    """
    workspace, stop = Workspace(home), now or datetime.now(UTC)
    start = stop - period
    failed: dict[str, str] = {}
    current: dict[tuple[str, str], list[VideoCounts]] = defaultdict(list)
    earlier: dict[tuple[str, str], list[VideoCounts]] = defaultdict(list)
    with Catalog.open(home) as catalog:
        models = defaultdict(list)
        for video_id, model in catalog.marks_between(
            cards.PREDICT_STEP, start - period, stop, camera
        ):
            if not is_turned_id(model):
                models[video_id].append(model)
        videos = catalog.videos_between(start - period, stop, camera)
        for (name, date), videos_of_day in itertools.groupby(videos, _camera_and_day):
            day = CountedDay(workspace, name, date)
            for video in videos_of_day:
                at = video.started_at
                if at is None or not start - period <= at < stop:
                    continue
                for model in models[video.id]:
                    try:
                        counts = day.load(video, model, models[video.id])
                    except BadInput as error:
                        failed[video.id] = str(error)
                        continue
                    side = current if at >= start else earlier
                    side[video.camera, model].append(counts)
            day.save()
        quality = control_quality(workspace, catalog)
    rows = [
        _row(
            key,
            _once(counts),
            _once(earlier[key]),
            quality.get(key),
            (start.timestamp(), stop.timestamp()),
        )
        for key, counts in sorted(current.items())
    ]
    return Insight(start=start, stop=stop, rows=rows, failed=failed)


def insight_columns(insight: Insight) -> list[dict[str, object]]:
    """Return the rows by heading, as every table shows them; None where nothing is known."""
    return [
        {
            "camera": row.camera,
            "model": row.model,
            "hours": row.hours,
            "up": f"{row.uptime:.0%}",
            "in view": row.people_in_view,
            "new per h": row.appearances_per_hour,
            "boxes per min": row.detections_per_minute,
            "flicker per min": row.flickers_per_minute,
            "unseen": row.unseen_text or None,
            "agreement": ", ".join(f"{part.rival} {part.share:.0%}" for part in row.agreements)
            or None,
            "drift": row.drift.text if row.drift else None,
            "precision": row.precision.text if row.precision else None,
            "recall": row.recall.text if row.recall else None,
        }
        for row in insight.rows
    ]


@dataclass(frozen=True, kw_only=True)
class ControlQuality:
    """Precision and recall of one model on one camera."""

    precision: RatioEstimate | None
    recall: RatioEstimate | None


def control_quality(
    workspace: Workspace, catalog: Catalog
) -> Mapping[tuple[str, str], ControlQuality]:
    """Estimate precision and recall by camera and predictor from reviewed control clips.

    A clip counts with the video that it was drawn from.
    """
    clips: dict[tuple[str, str], list[ReviewedClip]] = defaultdict(list)
    accepted = {
        verdict.clip
        for verdict in catalog.verdicts()
        if verdict.decision == "accept" and not verdict.by.startswith(POLICY_PREFIX)
    }
    for record in catalog.clips():
        if record.clip.stands_for <= 0 or record.clip.id not in accepted:
            continue
        try:
            reviewed = reviewed_clips.load(workspace, record.clip)
        except BadInput:
            continue
        if reviewed is not None:
            clips[record.clip.camera, reviewed.models.predictor.id].append(reviewed)
    return {key: _quality(own_clips) for key, own_clips in clips.items()}


def _quality(clips: Sequence[ReviewedClip]) -> ControlQuality:
    hits, boxes, truths, weights = [], [], [], []
    for clip in clips:
        alarms, _ = calibrate.find_model_errors(clip.predictions, clip.truth)
        hits.append(len(clip.predictions) - len(alarms))
        boxes.append(len(clip.predictions))
        truths.append(len(clip.truth))
        weights.append(clip.clip.stands_for * clip.clip.fps / len(clip.clip.span))
    return ControlQuality(
        precision=statistics.ratio(hits, boxes, weights),
        recall=statistics.ratio(hits, truths, weights),
    )


def _once(counts: Sequence[VideoCounts]) -> list[VideoCounts]:
    """Leave out recordings that an edge camera sent of a time whose predictions it had sent before.

    They carry the same predictions, which must not count twice.
    """
    sent = [c for c in counts if not c.is_recorded]
    if not sent:
        return list(counts)
    starts = np.array([c.start or 0.0 for c in sent])
    stops = starts + np.array([c.seconds for c in sent])

    def covered(start: float, stop: float) -> float:
        return float(np.maximum(0, np.minimum(stop, stops) - np.maximum(start, starts)).sum())

    return [
        c
        for c in counts
        if not c.is_recorded
        or covered(c.start or 0.0, (c.start or 0.0) + c.seconds) < c.seconds / 2
    ]


def _camera_and_day(video: Video) -> tuple[str, date | None]:
    return video.camera, video.started_at.date() if video.started_at else None


def _row(
    key: tuple[str, str],
    counts: Sequence[VideoCounts],
    earlier: Sequence[VideoCounts],
    quality: ControlQuality | None,
    period: tuple[float, float],
) -> InsightRow:
    seconds = sum(c.seconds for c in counts)
    searched = [(c.unseen_frames, c.frames) for c in counts if c.unseen_frames is not None]
    frames = sum(number for _, number in searched)
    first = max(period[0], min(c.start or 0.0 for c in counts))
    before, after = ([c.histogram for c in side] for side in (earlier, counts))
    return InsightRow(
        camera=key[0],
        model=key[1],
        hours=seconds / 3600,
        uptime=min(1.0, seconds / max(period[1] - first, seconds)),
        people_in_view=sum(c.person_seconds for c in counts) / seconds,
        appearances_per_hour=3600 * sum(c.appearances for c in counts) / seconds,
        detections_per_minute=60 * sum(c.boxes for c in counts) / seconds,
        flickers_per_minute=60 * sum(c.flickers for c in counts) / seconds,
        unseen_share=sum(unseen for unseen, _ in searched) / max(frames, 1) if searched else None,
        histogram=tuple(np.sum(after, axis=0).tolist()),
        agreements=_agreements([a for c in counts for a in c.agreements]),
        drift=drift.estimate_drift(before, after),
        precision=quality.precision if quality else None,
        recall=quality.recall if quality else None,
    )


def _agreements(parts: Sequence[Agreement]) -> tuple[ModelAgreement, ...]:
    agreements = []
    for rival in sorted({part.rival for part in parts}):
        own = [part for part in parts if part.rival == rival]
        boxes = sum(part.boxes + part.rival_boxes for part in own)
        share = 2 * sum(part.matched for part in own) / boxes if boxes else 1.0
        agreements.append(ModelAgreement(rival=rival, share=share, boxes=boxes))
    return tuple(agreements)

"""What a trigger would find with other parameters: a replay on stored predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from pathlib import Path

import numpy as np

from oneclick import detectors, triggers
from oneclick.catalog import Catalog
from oneclick.core import boxes, progress
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput
from oneclick.core.hits import Hit
from oneclick.core.plugins import PluginFailure
from oneclick.feedback import replay
from oneclick.report import windows
from oneclick.report.hit_list import HitRow, hit_row
from oneclick.report.windows import TimeWindow
from oneclick.storage import cards
from oneclick.storage.cards import ModelPair, ModelRef
from oneclick.storage.workspace import Workspace
from oneclick.triggers import Trigger


@dataclass(frozen=True, kw_only=True)
class TriggerReplay:
    """Hits of one trigger with its current and with changed parameters; nothing is stored."""

    trigger: str
    set: dict[str, float]
    """All parameters of the workspace."""
    tried: dict[str, float]
    """All parameters with the changes."""
    videos: int
    """Videos replayed."""
    seconds: float
    """Length of these videos."""
    before: int
    """Hits with the current parameters."""
    after: int
    """Hits with the changed parameters."""
    new: tuple[HitRow, ...]
    """Hits that only the changed parameters find, oldest first."""
    gone: tuple[HitRow, ...]
    """Hits that only the current parameters find, oldest first."""
    waiting: int
    """Videos left out because a model has not run on them yet."""
    failed: dict[str, str]
    """Videos left out because of an error, with its message in one line."""


@dataclass(frozen=True)
class _VideoReplay:
    video: Video
    before: list[Hit]
    after: list[Hit]


def replay_trigger(
    home: Path,
    trigger: str,
    changes: Mapping[str, float],
    predictor: str | ModelRef,
    rival: str | ModelRef | None = None,
    params: Mapping[str, float] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    camera: str | None = None,
) -> TriggerReplay:
    """Replay a trigger with `params`, and with `changes` over them, on Videos of `[since, until)`.

    A Video is replayed with the models that its stored Hits come from, otherwise with `predictor`
    and `rival`, given by detector name or as models.

    Raises:
        UnknownName, DetectorUnavailable, UsageError: there is no such model, trigger, parameter or
            camera, or the window is empty.
        Unavailable: there is no catalog yet.
    """
    window, params = TimeWindow(since, until), params or {}
    rules = [triggers.create(trigger, values) for values in (params, {**params, **changes})]
    workspace = Workspace(home)
    default_models = ModelPair(
        _model_ref(workspace, predictor), _model_ref(workspace, rival) if rival else None
    )
    with Catalog.open(home, readonly=True) as catalog:
        videos = windows.videos_in_window(catalog, window, camera, None)
    replays, failed, pairs = [], {}, []
    for video in videos:
        try:
            pairs.append((video, models_of_hits(workspace, video) or default_models))
        except BadInput as error:
            failed[video.id] = str(error)
    predicted = [pair for pair in pairs if has_predictions(workspace, *pair)]
    for video, models in progress.track("replay", predicted, len(predicted)):
        try:
            before, after = replay_video(workspace, video, models, rules, window)
        except (BadInput, PluginFailure) as error:
            failed[video.id] = str(error)
        else:
            replays.append(_VideoReplay(video, before, after))
    return TriggerReplay(
        trigger=trigger,
        set=triggers.parameters(rules[0]),
        tried=triggers.parameters(rules[1]),
        videos=len(replays),
        seconds=sum(replay.video.frames / replay.video.fps for replay in replays),
        before=sum(len(replay.before) for replay in replays),
        after=sum(len(replay.after) for replay in replays),
        new=_oldest_first((r.video, hits_without_counterpart(r.after, r.before)) for r in replays),
        gone=_oldest_first((r.video, hits_without_counterpart(r.before, r.after)) for r in replays),
        waiting=len(pairs) - len(predicted),
        failed=failed,
    )


def models_of_hits(workspace: Workspace, video: Video) -> ModelPair | None:
    """Return the models whose predictions the stored Hits of a Video come from."""
    path = workspace.hits(video.id)
    if not path.exists():
        return None
    video_hits = cards.load_hits(path)
    return video_hits.looked.get(video_hits.key)


def has_predictions(workspace: Workspace, video: Video, models: ModelPair) -> bool:
    """Check whether all predictions of the models for a Video are stored."""
    return all(workspace.predictions(video.id, name).exists() for name in models.files)


def replay_video(
    workspace: Workspace,
    video: Video,
    models: ModelPair,
    rules: Sequence[Trigger],
    window: TimeWindow,
) -> list[list[Hit]]:
    """Return the Hits of each rule on one Video, without those that begin outside the window.

    Raises:
        BadInput: predictions are missing or broken. PluginFailure: a rule cannot be run.
    """
    rule_sets = [triggers.RuleSet([rule]) for rule in rules]
    hits: list[list[Hit]] = [[] for _ in rules]
    for block in replay.replay_blocks(workspace, video, models):
        for rule_set, rule_hits in zip(rule_sets, hits, strict=True):
            rule_hits += block.find(rule_set)
            for failure in rule_set.failures.values():
                raise failure
    if video.started_at is None:
        return hits
    return [
        [
            hit
            for hit in rule_hits
            if window.low <= windows.recorded_timestamp(video, hit.span.start) < window.high
        ]
        for rule_hits in hits
    ]


def hits_without_counterpart(hits: Sequence[Hit], others: Sequence[Hit]) -> list[Hit]:
    """Return the Hits that are the same as none of the others.

    All are of one trigger and one Video. Two Hits are the same if their spans overlap, unless they
    have boxes in the same frames and none of these touch.
    """
    starts = np.array([other.span.start for other in others])
    stops = np.array([other.span.stop for other in others])
    unmatched = []
    for hit in hits:
        overlapping = np.flatnonzero((starts < hit.span.stop) & (stops > hit.span.start))
        if not any(share_object(hit, others[k]) for k in overlapping.tolist()):
            unmatched.append(hit)
    return unmatched


def share_object(a: Hit, b: Hit) -> bool:
    """Check whether boxes of two Hits touch in some frame, or the two have no frame in common.

    Two people may fall at the same time: their Hits are not the same.
    """
    pairs = [(p[1:], q[1:]) for p in a.boxes for q in b.boxes if p[0] == q[0]]
    if not pairs:
        return True
    boxes_a, boxes_b = (np.array(side, np.float64) for side in zip(*pairs, strict=True))
    return bool((boxes.iou_pairs(boxes_a, boxes_b) > 0).any())


def _oldest_first(hits: Iterable[tuple[Video, list[Hit]]]) -> tuple[HitRow, ...]:
    rows = [hit_row(video, hit) for video, video_hits in hits for hit in video_hits]
    rows.sort(key=lambda row: (row.at.timestamp() if row.at else inf, row.video, row.start))
    return tuple(rows)


def _model_ref(workspace: Workspace, model: str | ModelRef) -> ModelRef:
    if isinstance(model, ModelRef):
        return model
    detector = detectors.create(model, workspace)
    return ModelRef(detector.model_id, detector.threshold)

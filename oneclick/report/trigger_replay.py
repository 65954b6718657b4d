"""What a trigger would find with other parameters: a replay over stored predictions."""

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
from oneclick.feedback import replay
from oneclick.report import windows
from oneclick.report.hit_list import Moment, moment
from oneclick.report.windows import Window
from oneclick.storage import cards
from oneclick.storage.cards import Look, Model
from oneclick.storage.workspace import Workspace
from oneclick.triggers import Trigger


@dataclass(frozen=True)
class Rehearsal:
    """Hits of one trigger as set and as tried; nothing was changed."""

    trigger: str
    set: dict[str, float]
    """All its parameters as the workspace has them."""
    tried: dict[str, float]
    videos: int
    """Replayed."""
    seconds: float
    """Video in them."""
    before: int
    """Hits as set."""
    after: int
    """Hits as tried."""
    new: tuple[Moment, ...]
    """Hits that only the tried parameters find, oldest first."""
    gone: tuple[Moment, ...]
    """Hits that only the set parameters find, oldest first."""
    waiting: int
    """Videos left out: a model has not seen them yet."""
    failed: dict[str, str]
    """Video to the one-line reason why it was left out."""


def rehearse(
    home: Path,
    trigger: str,
    changes: Mapping[str, float],
    predictor: str | Model,
    rival: str | Model | None = None,
    params: Mapping[str, float] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    camera: str | None = None,
) -> Rehearsal:
    """Replay a trigger with `params`, and with `changes` over them, on Videos of `[since, until)`.

    A Video is replayed with the models that its stored Hits come from, else with those given, by
    their detector names or as they are. Two Hits are the same if their spans
    overlap, unless they have boxes in the same frames and none of these touch.

    Raises:
        UnknownName, DetectorUnavailable, UsageError: a model, trigger, parameter or camera is not
            there, or the window is empty.
        Unavailable: there is no catalog yet.
    """
    window, params = Window(since, until), params or {}
    rules = [_rule(trigger, values) for values in (params, {**params, **changes})]
    workspace = Workspace(home)
    usual = Look(_model(workspace, predictor), _model(workspace, rival) if rival else None)
    with Catalog.open(home, readonly=True) as catalog:
        videos = windows.videos(catalog, window, camera, None)
    looks = [(video, _look(workspace, video) or usual) for video in videos]
    ready = [(video, look) for video, look in looks if _predicted(workspace, video, look)]
    replays, failed = _replayed(workspace, ready, rules, window)
    return Rehearsal(
        trigger,
        triggers.parameters(rules[0]),
        triggers.parameters(rules[1]),
        len(replays),
        sum(replay.video.frames / replay.video.fps for replay in replays),
        sum(len(replay.before) for replay in replays),
        sum(len(replay.after) for replay in replays),
        _moments((replay.video, only(replay.after, replay.before)) for replay in replays),
        _moments((replay.video, only(replay.before, replay.after)) for replay in replays),
        len(videos) - len(ready),
        failed,
    )


def only(hits: Sequence[Hit], others: Sequence[Hit]) -> list[Hit]:
    """The Hits that none of the others is about; all of one trigger and one Video."""
    starts = np.array([other.span.start for other in others])
    stops = np.array([other.span.stop for other in others])
    left = []
    for hit in hits:
        near = np.flatnonzero((starts < hit.span.stop) & (stops > hit.span.start))
        if not any(_same(hit, others[k]) for k in near.tolist()):
            left.append(hit)
    return left


@dataclass(frozen=True)
class _Replay:
    video: Video
    before: list[Hit]
    after: list[Hit]


def _rule(trigger: str, params: Mapping[str, float]) -> Trigger:
    (made,) = triggers.make([trigger], {trigger: params})
    return made


def _replayed(
    workspace: Workspace, ready: list[tuple[Video, Look]], rules: list[Trigger], window: Window
) -> tuple[list[_Replay], dict[str, str]]:
    """Every Video under both rules; those with broken predictions with their reason."""
    replays, failed = [], {}
    for video, look in progress.track("replay", ready, len(ready)):
        try:
            found = _found(workspace, video, look, rules)
        except BadInput as error:
            failed[video.id] = str(error)
        else:
            before, after = (_inside(hits, video, window) for hits in found)
            replays.append(_Replay(video, before, after))
    return replays, failed


def _found(
    workspace: Workspace, video: Video, look: Look, rules: Sequence[Trigger]
) -> list[list[Hit]]:
    """Hits of each rule."""
    hits: list[list[Hit]] = [[] for _ in rules]
    for block in replay.replay(workspace, video, look):
        for rule, found in zip(rules, hits, strict=True):
            found += block.find([rule])
    return hits


def _same(a: Hit, b: Hit) -> bool:
    """Whether Hits whose spans overlap are about one object: two people may trip at once."""
    pairs = [(p[1:], q[1:]) for p in a.boxes for q in b.boxes if p[0] == q[0]]
    if not pairs:
        return True
    left, right = (np.array(side, np.float64) for side in zip(*pairs, strict=True))
    return bool((boxes.iou_pairs(left, right) > 0).any())


def _inside(hits: list[Hit], video: Video, window: Window) -> list[Hit]:
    if video.started_at is None:
        return hits
    return [h for h in hits if window.low <= windows.stamp(video, h.span.start) < window.high]


def _moments(found: Iterable[tuple[Video, list[Hit]]]) -> tuple[Moment, ...]:
    made = [moment(video, hit) for video, hits in found for hit in hits]
    return tuple(sorted(made, key=lambda m: (m.at.timestamp() if m.at else inf, m.video, m.start)))


def _model(workspace: Workspace, model: str | Model) -> Model:
    if isinstance(model, Model):
        return model
    detector = detectors.create(model, workspace)
    return Model(detector.model_id, detector.threshold)


def _look(workspace: Workspace, video: Video) -> Look | None:
    """Whose predictions the stored Hits of a Video come from."""
    path = workspace.hits(video.id)
    if not path.exists():
        return None
    found = cards.load_hits(path)
    return found.looked.get(found.key)


def _predicted(workspace: Workspace, video: Video, look: Look) -> bool:
    models = filter(None, (look.predictor, look.rival))
    return all(workspace.predictions(video.id, model.id).exists() for model in models)

"""Trigger: predictions to Hits, and the Spans of all videos that are worth a human's time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick import detectors, triggers
from oneclick.catalog import Catalog
from oneclick.core import ids, progress, splits
from oneclick.core.clips import Clip, Video
from oneclick.core.errors import OneclickError, Unavailable
from oneclick.core.hits import Hit
from oneclick.feedback import replay, trigger_calibration
from oneclick.feedback.trigger_calibration import Learned
from oneclick.storage import cards
from oneclick.storage.cards import Look, Model
from oneclick.storage.workspace import Workspace
from oneclick.triggers.selection import budget_shares, select


@dataclass(frozen=True)
class Options(select.Options):
    """What counts as trouble, and how much of it to select."""

    enabled: Sequence[str] = ()
    """Names of triggers; empty means all."""
    params: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Parameters by trigger, in place of the defaults."""


@dataclass
class Outcome:
    """What one pass over the workspace found."""

    videos: list[str] = field(default_factory=list)
    """Videos looked at now."""
    hits: dict[str, int] = field(default_factory=dict)
    """Hits of these videos by trigger."""
    selected: int = 0
    """Spans selected, to be cut."""
    skipped: list[str] = field(default_factory=list)
    """Videos that this predictor, rival and these options have seen before."""
    failed: dict[str, str] = field(default_factory=dict)
    """Video to the one-line reason why it was left out."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found in one video."""

    hits: list[Hit]
    boxes: NDArray[np.int32]
    """Boxes of the predictor per frame."""


def trigger(
    home: Path,
    predictor: str | Model,
    rival: str | Model | None = None,
    options: Options | None = None,
) -> Outcome:
    """Look at every video that the predictor, and the rival if there is one, have predicted.

    A model is given by its detector name or as a Model. Hits are written first; the selection
    and the marks of all videos are one transaction, so a killed run is simply done again.

    Raises:
        UnknownName, DetectorUnavailable, UsageError: if a model, trigger or parameter cannot be.
        NoSpace, Unavailable: if the disk or the catalog refuses.
    """
    workspace, options = Workspace(home), options or Options()
    look = Look(_model(workspace, predictor), _model(workspace, rival) if rival else None)
    rules = triggers.make(options.enabled, options.params)
    key, learned = _key(look, options), trigger_calibration.load(workspace)
    with Catalog.open(home) as catalog:
        outcome, fresh = Outcome(), set(catalog.unmarked(cards.LOOKED, key))
        found: dict[str, Seen] = {}
        ready = [v for v in _by_time(catalog) if _predicted(workspace, v, look)]
        outcome.skipped = [video.id for video in ready if video.id not in fresh]
        todo = [video for video in ready if video.id in fresh]
        for video in progress.track("trigger", todo, len(todo)):
            try:
                found[video.id] = _look(workspace, video, look, rules)
            except Unavailable:
                raise
            except OneclickError as error:
                outcome.failed[video.id] = str(error)
        outcome.selected = _commit(catalog, workspace, found, look, key, learned, options)
    outcome.videos = list(found)
    counts = Counter(hit.trigger for seen in found.values() for hit in seen.hits)
    outcome.hits = dict(sorted(counts.items()))
    return outcome


def _model(workspace: Workspace, model: str | Model) -> Model:
    if isinstance(model, Model):
        return model
    detector = detectors.create(model, workspace)
    return Model(detector.model_id, detector.threshold)


def _key(look: Look, options: Options) -> str:
    """Digest of all that decides what is found: a change of any of it is a new look."""
    text = json.dumps([msgspec.to_builtins(look), asdict(options)], sort_keys=True, default=dict)
    return f"{look.predictor.id}-{sha256(text.encode()).hexdigest()[:12]}"


def _by_time(catalog: Catalog) -> list[Video]:
    """All videos by start, those without one last: an order that a rebuilt catalog keeps."""
    return sorted(
        catalog.videos(),
        key=lambda v: (v.started_at is None, v.started_at.timestamp() if v.started_at else 0, v.id),
    )


def _predicted(workspace: Workspace, video: Video, look: Look) -> bool:
    models = filter(None, (look.predictor, look.rival))
    return all(workspace.predictions(video.id, model.id).exists() for model in models)


def _look(
    workspace: Workspace, video: Video, look: Look, rules: Sequence[triggers.Trigger]
) -> Seen:
    hits: list[Hit] = []
    boxes = []
    for block in replay.replay(workspace, video, look):
        hits += block.find(rules)
        boxes.append(block.visible.astype(np.int32))
    return Seen(hits, np.concatenate(boxes) if boxes else np.zeros(0, np.int32))


def _commit(
    catalog: Catalog,
    workspace: Workspace,
    found: Mapping[str, Seen],
    look: Look,
    key: str,
    learned: Learned,
    options: Options,
) -> int:
    """Write Hits and selection of the videos looked at; how many Spans were selected."""
    if not found:
        return 0
    videos = _by_time(catalog)
    clips = [row.clip for row in catalog.clips()] + catalog.selections(uncut_only=True)
    known = _known(videos, clips, learned, look)
    chosen = select.select(_candidates(videos, clips, found, options), options, known)
    by_id = {video.id: video for video in videos}
    selection = [_clip(by_id[choice.video], choice) for choice in chosen]
    for video, seen in found.items():
        mine = [clip for clip in selection if clip.video == video]
        cards.save_hits(workspace, video, key, look, seen.hits, mine)
        catalog.put_hits(video, seen.hits, key)
    catalog.put_selection(selection, [(video, cards.LOOKED, key) for video in found])
    return len(selection)


def _known(
    videos: Sequence[Video], clips: Sequence[Clip], learned: Learned, look: Look
) -> select.Known:
    """What reviews have taught, and what was spent so far."""
    days = {video.id: splits.camera_day(video).rpartition("/")[2] for video in videos}
    return select.Known(
        learned.of(look.pair),
        learned.shares,
        budget_shares.FLOOR,
        Counter(clip.led_by for clip in clips),
        Counter(days[clip.video] for clip in clips if clip.video in days),
        frozenset(name for name, kind in triggers.registry().items() if triggers.novel(kind)),
    )


def _candidates(
    videos: Sequence[Video],
    clips: Sequence[Clip],
    found: Mapping[str, Seen],
    options: Options,
) -> list[select.Candidate]:
    known = splits.settled(videos, clips)
    parts = splits.parts(videos, known, options.test_share, options.clip_seconds)
    days = {video.id: splits.camera_day(video) for video in videos}
    return [
        select.Candidate(
            video.id,
            video.frames,
            video.fps,
            found[video.id].hits,
            parts[video.id],
            tuple(clip.span for clip in clips if clip.video == video.id),
            found[video.id].boxes,
            video.camera,
            days[video.id].rpartition("/")[2],
            _earlier([c for c in clips if days.get(c.video) == days[video.id]]),
        )
        for video in videos
        if video.id in found
    ]


def _earlier(clips: Sequence[Clip]) -> tuple[select.Earlier, ...]:
    """What triggers have shown of a camera on this day."""
    return tuple(
        select.Earlier(
            clip.split,
            clip.led_by,
            np.array(
                [box[1:] for hit in clip.hits for box in hit.boxes if box[0] in clip.span],
                np.float32,
            ).reshape(-1, 4),
        )
        for clip in clips
        if clip.led_by
    )


def _clip(video: Video, choice: select.Choice) -> Clip:
    return Clip(
        ids.clip_id(video.id, choice.span.start, video.fps),
        video.camera,
        video.id,
        choice.span,
        video.fps,
        video.width,
        video.height,
        choice.chosen_by,
        choice.hits,
        choice.split,
        led_by=choice.led_by,
        stands_for=choice.stands_for,
    )

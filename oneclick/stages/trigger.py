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
from oneclick.core.hits import Hit
from oneclick.core.turned_mode import TurnedMode, turned_id
from oneclick.feedback import clip_evidence, replay, trigger_calibration
from oneclick.feedback.trigger_calibration import TriggerCalibration
from oneclick.storage import cards, failure_log, locks, mutes
from oneclick.storage.cards import ModelPair, ModelRef
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace
from oneclick.triggers.selection import budget_shares, select


@dataclass(frozen=True, kw_only=True)
class TriggerOptions(select.SelectionOptions):
    """The triggers to run, and how much of what they find to select."""

    enabled: Sequence[str] = ()
    """Names of triggers; empty means all."""
    params: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Parameters by trigger, in place of the defaults."""

    def scan_key(self, models: ModelPair, packages: Sequence[str] = ()) -> str:
        """Return a digest of all that decides what a scan finds: a change is a new scan.

        Args:
            models: whose predictions are scanned.
            packages: of other people's triggers, with their versions.
        """
        pair = msgspec.to_builtins(models)
        if not models.turned:  # scans from before there were turned looks keep their keys
            pair.pop("turned")
        parts = [pair, asdict(self), *packages]
        text = json.dumps(parts, sort_keys=True, default=dict)
        return f"{models.predictor.id}-{sha256(text.encode()).hexdigest()[:12]}"


@dataclass(kw_only=True)
class TriggerResult:
    """Videos, Hits and selected Spans of one scan of the workspace."""

    videos: list[str] = field(default_factory=list)
    """Videos scanned now."""
    hits: dict[str, int] = field(default_factory=dict)
    """Hits of these videos by trigger."""
    selected: int = 0
    """Spans selected, to be cut."""
    skipped: list[str] = field(default_factory=list)
    """Videos that were scanned before with this predictor, rival and these options."""
    failed: dict[str, str] = field(default_factory=dict)
    """Video, or `trigger NAME`, to the one-line reason why it was left out."""


@dataclass(frozen=True, eq=False)
class VideoHits:
    """The Hits of one video."""

    hits: list[Hit]
    boxes: NDArray[np.int32]
    """Boxes of the predictor per frame."""


def trigger(
    home: Path,
    predictor: str | ModelRef,
    rival: str | ModelRef | None = None,
    options: TriggerOptions | None = None,
    turned: TurnedMode = "off",
) -> TriggerResult:
    """Scan every video that the predictor, and the rival if there is one, have predicted.

    Where the predictor has looked at turned pictures by the mode `turned`, that is scanned too.

    A model is given by its detector name or as a ModelRef. Hits are written first; the selection
    and the marks of all videos are one transaction, so a killed run is simply done again.

    Raises:
        UnknownName, DetectorUnavailable, UsageError: if a model, trigger or parameter cannot be.
        NoSpace, Unavailable: if the disk or the catalog refuses.
    """
    workspace, options = Workspace(home), options or TriggerOptions()
    rival_ref = model_ref(workspace, rival) if rival else None
    models = ModelPair(model_ref(workspace, predictor), rival_ref)
    rules = triggers.make(options.enabled, options.params)
    # Alone: two selections at once would each spend the budget.
    with locks.hold(workspace, WriteLock.SELECTION), Catalog.open(home) as catalog:
        result = TriggerResult()
        calibration = TriggerCalibration()
        with failure_log.isolate(result.failed, workspace, "calibration", "read the calibration"):
            calibration = trigger_calibration.load(workspace)
        videos = splits.sort_by_start(catalog.videos())
        # Of edge cameras there is no recording to cut from: `stages.intake` has searched them.
        recorded = [video for video in videos if video.suffix]
        predicted = [video for video in recorded if is_predicted(workspace, video, models)]
        scans = plan_scans(workspace, catalog, predicted, models, turned, options, rules)
        result.skipped = [video.id for video in predicted if video.id not in scans]
        to_scan = [video for video in predicted if video.id in scans]
        video_hits: dict[str, VideoHits] = {}
        for video in progress.track("trigger", to_scan, len(to_scan)):
            with failure_log.isolate(result.failed, workspace, video.id, f"scan {video.id}"):
                # Hits that cannot be read would be lost if others took their place.
                if (path := workspace.hits(video.id)).exists():
                    cards.load_hits(path)
                video_hits[video.id] = scan_video(workspace, video, scans[video.id].models, rules)
        if video_hits:
            heard = without_muted(workspace, catalog, video_hits)
            clips = select_clips(catalog, heard, calibration, models, options)
            for video_id, scanned in video_hits.items():
                own_clips = [clip for clip in clips if clip.video == video_id]
                scan = scans[video_id]
                cards.save_hits(workspace, video_id, scan.key, scan.models, scanned.hits, own_clips)
                catalog.replace_hits(video_id, scanned.hits, scan.key)
            marks = [(video_id, cards.SCAN_STEP, scans[video_id].key) for video_id in video_hits]
            catalog.add_selections(clips, marks)
            result.selected = len(clips)
    result.videos = list(video_hits)
    counts = Counter(hit.trigger for scanned in video_hits.values() for hit in scanned.hits)
    result.hits = dict(sorted(counts.items()))
    for name, line in rules.problems().items():
        failure = rules.failures[name]
        reason = failure_log.record(workspace, f"trigger-{name}", f"run trigger {name}", failure)
        # The line counts scenes, the reason names the log.
        result.failed[f"trigger {name}"] = line + reason.removeprefix(str(failure))
    return result


def model_ref(workspace: Workspace, model: str | ModelRef) -> ModelRef:
    """Return id and operating point of a model, which is loaded if it is a detector name."""
    if isinstance(model, ModelRef):
        return model
    detector = detectors.create(model, workspace)
    return ModelRef(detector.model_id, detector.threshold)


def is_predicted(workspace: Workspace, video: Video, models: ModelPair) -> bool:
    """Check whether the predictions of all models exist."""
    return all(workspace.predictions(video.id, name).exists() for name in models.files)


@dataclass(frozen=True)
class PlannedScan:
    """A scan of one video that has not been done."""

    key: str
    models: ModelPair


def plan_scans(
    workspace: Workspace,
    catalog: Catalog,
    videos: Sequence[Video],
    models: ModelPair,
    mode: TurnedMode,
    options: TriggerOptions,
    rules: triggers.RuleSet,
) -> dict[str, PlannedScan]:
    """Return the scan of each predicted video that was not scanned so.

    Turned looks are scanned where they exist: recordings from before lack them.
    """
    name = turned_id(models.predictor.id, mode) or ""
    pairs = {False: models, True: msgspec.structs.replace(models, turned=name)}
    keys = {
        has_looks: options.scan_key(pair, rules.packages()) for has_looks, pair in pairs.items()
    }
    unscanned = {key: set(catalog.unmarked(cards.SCAN_STEP, key)) for key in set(keys.values())}
    scans = {}
    for video in videos:
        has_looks = bool(name) and workspace.predictions(video.id, name).exists()
        key = keys[has_looks]
        if video.id in unscanned[key]:
            scans[video.id] = PlannedScan(key, pairs[has_looks])
    return scans


def scan_video(
    workspace: Workspace, video: Video, models: ModelPair, rules: triggers.RuleSet
) -> VideoHits:
    """Run triggers over the stored predictions of one video.

    Raises:
        BadInput: predictions are missing, damaged or not of these frames.
    """
    hits: list[Hit] = []
    boxes = []
    for block in replay.replay_blocks(workspace, video, models):
        hits += block.find(rules)
        boxes.append(block.visible.astype(np.int32))
    return VideoHits(hits, np.concatenate(boxes) if boxes else np.zeros(0, np.int32))


def without_muted(
    workspace: Workspace, catalog: Catalog, video_hits: Mapping[str, VideoHits]
) -> dict[str, VideoHits]:
    """Return the Hits of each video without those of muted triggers, which are not selected.

    A Hit is muted by when it was recorded; where nobody knows that, by the time now.
    """
    muted = mutes.load(workspace)
    heard = {}
    for video_id, scanned in video_hits.items():
        video = catalog.video(video_id)
        of_camera = muted.of_camera(video.camera)
        hits = scanned.hits
        if of_camera.all:
            hits = [
                hit
                for hit in hits
                if not of_camera.covers(
                    video.camera,
                    hit.trigger,
                    video.taken_at(hit.span.start) or catalog.now(),
                )
            ]
        heard[video_id] = VideoHits(hits, scanned.boxes)
    return heard


def select_clips(
    catalog: Catalog,
    video_hits: Mapping[str, VideoHits],
    calibration: TriggerCalibration,
    models: ModelPair,
    options: TriggerOptions,
) -> list[Clip]:
    """Select the Clips to cut from the videos scanned now.

    Args:
        catalog: of the videos, clips and selections so far.
        video_hits: by video.
        calibration: learned from reviews.
        models: whose predictions were scanned.
        options: budget and distances.
    """
    videos = splits.sort_by_start([video for video in catalog.videos() if video.suffix])
    existing = [row.clip for row in catalog.clips()] + catalog.selections(uncut_only=True)
    candidates = candidate_videos(videos, existing, video_hits, options)
    days = {video.id: splits.camera_day(video).rpartition("/")[2] for video in videos}
    rules = triggers.registry()
    history = select.SelectionHistory(
        calibration=calibration.calibration_of(models.key),
        shares=calibration.shares,
        min_share=budget_shares.MIN_SHARE,
        clips_by_trigger=Counter(clip.led_by for clip in existing),
        clips_by_day=Counter(days[clip.video] for clip in existing if clip.video in days),
        novelty_triggers=frozenset(name for name, rule in rules.items() if triggers.novel(rule)),
        has_learned=any(name != clip_evidence.MOTION_MODEL for name in models.files),
    )
    by_id = {video.id: video for video in videos}
    selected_spans = select.select(candidates, options, history)
    return [build_clip(by_id[selected.video], selected) for selected in selected_spans]


def candidate_videos(
    videos: Sequence[Video],
    existing: Sequence[Clip],
    video_hits: Mapping[str, VideoHits],
    options: TriggerOptions,
) -> list[select.CandidateVideo]:
    """Return the scanned videos with all that the selection considers.

    Args:
        videos: all, in order of their start.
        existing: clips and selections so far.
        video_hits: by scanned video.
        options: of the split.
    """
    parts = splits.split_videos(videos, existing, options.test_share, options.clip_seconds)
    days = {video.id: splits.camera_day(video) for video in videos}
    return [
        select.CandidateVideo(
            video=video.id,
            length=video.frames,
            fps=video.fps,
            hits=video_hits[video.id].hits,
            parts=parts[video.id],
            existing_clips=tuple(clip.span for clip in existing if clip.video == video.id),
            boxes=video_hits[video.id].boxes,
            camera=video.camera,
            day=days[video.id].rpartition("/")[2],
            earlier_clips=tuple(
                earlier_clip(clip)
                for clip in existing
                if clip.led_by and days.get(clip.video) == days[video.id]
            ),
        )
        for video in videos
        if video.id in video_hits
    ]


def earlier_clip(clip: Clip) -> select.EarlierClip:
    """Return what the trigger of an existing clip has shown, as boxes of its Hits."""
    hit_boxes = [box[1:] for hit in clip.hits for box in hit.boxes if box[0] in clip.span]
    boxes = np.array(hit_boxes, np.float32).reshape(-1, 4)
    return select.EarlierClip(clip.split, clip.led_by, boxes)


def build_clip(video: Video, selected: select.SelectedSpan) -> Clip:
    """Return the Clip, not yet cut, of a Span of a video."""
    return Clip(
        id=ids.clip_id(video.id, video.seconds_at(selected.span.start)),
        camera=video.camera,
        video=video.id,
        span=selected.span,
        fps=video.timing.rate_of(selected.span, video.fps),
        width=video.width,
        height=video.height,
        chosen_by=selected.chosen_by,
        hits=selected.hits,
        split=selected.split,
        led_by=selected.led_by,
        stands_for=selected.stands_for,
    )

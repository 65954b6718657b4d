"""Collect: sources → videos → predictions → hits → clips with extracted frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.task_engine import TaskRunTimeoutError

from oneclick import report, settings
from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.core.source_options import SourceOptions
from oneclick.core.turned_mode import TurnedMode
from oneclick.flows import models, policy
from oneclick.stages import cut, extract, fetch, predict, trigger
from oneclick.storage import cameras, cards, live_state
from oneclick.storage.cameras import CodePolicy
from oneclick.storage.workspace import Workspace

FETCH_HOURS = 6


@task(name="fetch", tags=["io"], timeout_seconds=FETCH_HOURS * policy.HOUR, **policy.TASK)
def fetch_videos(
    home: Path, sources: list[str], codes: CodePolicy, max_gb: float, options: SourceOptions
) -> BatchResult:
    """Copy the recordings of the sources."""
    return fetch.fetch(home, sources, codes=codes, max_gb=max_gb, options=options)


@task(name="predict", tags=["compute"], timeout_seconds=12 * policy.HOUR, **policy.TASK)
def predict_videos(
    home: Path,
    videos: list[str],
    detectors: list[str],
    classes: tuple[str, ...],
    device: str,
    turned: TurnedMode,
) -> BatchResult:
    """Run models on one batch of recordings, and compute their signals, in one pass."""
    return predict.predict(home, videos, detectors, classes, device, measure=True, turned=turned)


@task(name="trigger", tags=["compute"], timeout_seconds=policy.HOUR, **policy.TASK)
def find_trouble(
    home: Path,
    predictor: str,
    rival: str | None,
    options: trigger.TriggerOptions,
    turned: TurnedMode,
) -> trigger.TriggerResult:
    """Run the triggers on all recordings, and select spans to annotate."""
    return trigger.trigger(home, predictor, rival, options, turned)


@task(name="cut", tags=["io"], timeout_seconds=6 * policy.HOUR, **policy.TASK)
def cut_clips(home: Path) -> BatchResult:
    """Cut clips of the selected spans."""
    return cut.cut(home, "cut")


@task(name="extract", tags=["io"], timeout_seconds=6 * policy.HOUR, **policy.TASK)
def extract_frames(home: Path, clips: list[str]) -> BatchResult:
    """Extract the frames of one batch of clips."""
    return extract.extract(home, clips)


@flow(name="collect", **policy.FLOW)
def collect(
    sources: list[str] | None = None, home: Path | None = None, predictor: str | None = None
) -> dict[str, Any]:
    """Fetch new recordings, search them for likely errors of the model, and cut clips."""
    conf = settings.load(home=home, detect=predictor and {"predictor": predictor})
    model, rival = models.predictor(conf), models.rival(conf)
    batch = fetch_all(conf, sources)
    unusable = models.unusable([model, rival], conf)
    batch.failed |= unusable
    rival = None if rival in unusable else rival
    names = [name for name in (model, rival) if name and model not in unusable]
    calls = [
        (conf.home, videos, names, conf.classes, conf.detect.device, conf.detect.turned)
        for videos in policy.split_batches(videos_to_search(conf) if names else [], conf.batch)
    ]
    for prediction_batch in policy.run_tasks(predict_videos, conf, calls):
        batch.add(prediction_batch)
    search = trigger.TriggerResult()
    if model not in unusable:
        options = trigger.TriggerOptions(**conf.triggers.model_dump())
        search = find_trouble(conf.home, model, rival, options, conf.detect.turned)
    batch.add(BatchResult(done=search.videos, failed=search.failed))
    batch.add(cut_clips(conf.home))
    batch.add(policy.run_in_batches(extract_frames, ClipStage.CUT, conf))
    video = report.kept_video(conf.home)
    text = f"{video.share:.2%} of {video.seconds / 60:.1f} min of video kept in {video.clips} clips"
    policy.add_table("hits", report.trigger_hits(conf.home), text)
    return policy.flow_result(
        batch,
        videos=len(search.videos),
        selected=search.selected,
        unsettled=batch.waiting,
        left_out=batch.left_out,
        notes=batch.notes,
    )


def fetch_all(conf: settings.Settings, sources: list[str] | None) -> BatchResult:
    """Fetch sources; where none are given the segments of live cameras, then those of the settings.

    The segments come first: what another machine does must not keep them back.
    """
    limits, batch = (conf.cameras.codes, conf.max_source_gb), BatchResult()
    # Paths with names of people stand under codes in the parameters, which Prefect keeps.
    paths = cameras.reveal_sources(Workspace(conf.home), sources or conf.sources.paths)
    if not sources and (segments := live_state.recording_sources(conf.home)):
        # Named and closed by us: no pattern of the settings reads them, and none still grows.
        batch.add(fetch_videos(conf.home, segments, *limits, SourceOptions()))
    try:
        batch.add(fetch_videos(conf.home, paths, *limits, conf.sources.options()))
    except TaskRunTimeoutError:
        batch.failed["sources"] = (
            f"the sources were not read to their end in {FETCH_HOURS} hours: check which of them "
            "hangs; the next run goes on"
        )
    return batch


def videos_to_search(conf: settings.Settings) -> list[str]:
    """Return the ids of recordings that no model has searched yet, or whose signals are lost.

    A new champion does not search again what the old one has searched. With a predictor named in
    the settings, all recordings are searched.
    """
    workspace, search_all = Workspace(conf.home), conf.detect.predictor != "auto"
    with Catalog.open(conf.home) as catalog:
        videos = [video for video in catalog.videos() if workspace.video_file(video).exists()]
        signals = catalog.marks(cards.MEASURE_STEP)
    lost = {
        video_id for video_id, name in signals if not workspace.signals(video_id, name).exists()
    }
    return [
        video.id
        for video in videos
        if search_all or video.id in lost or not workspace.hits(video.id).exists()
    ]

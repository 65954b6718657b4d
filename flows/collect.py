"""Collect: sources → videos → predictions → hits → clips with extracted frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task

from flows import models, policy
from oneclick import report, settings
from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.results import BatchResult
from oneclick.stages import cut, extract, fetch, predict, trigger
from oneclick.storage.workspace import Workspace


@task(name="fetch", tags=["io"], timeout_seconds=6 * policy.HOUR, **policy.TASK)
def fetch_videos(home: Path, sources: list[str]) -> BatchResult:
    """Copies of the sources' recordings."""
    return fetch.fetch(home, sources)


@task(name="predict", tags=["compute"], timeout_seconds=12 * policy.HOUR, **policy.TASK)
def predict_videos(
    home: Path,
    videos: list[str],
    detector: str,
    classes: tuple[str, ...],
    device: str,
    measure: bool,
) -> BatchResult:
    """What one model says about one batch of recordings, and numbers about their pictures."""
    return predict.predict(home, videos, detector, classes, device, measure)


@task(name="trigger", tags=["compute"], timeout_seconds=policy.HOUR, **policy.TASK)
def find_trouble(
    home: Path, predictor: str, rival: str | None, options: trigger.Options
) -> trigger.Outcome:
    """Hits in all recordings, and the spans worth a human's time."""
    return trigger.trigger(home, predictor, rival, options)


@task(name="cut", tags=["io"], timeout_seconds=6 * policy.HOUR, **policy.TASK)
def cut_clips(home: Path) -> BatchResult:
    """Clips of the chosen spans."""
    return cut.cut(home, "cut")


@task(name="extract", tags=["io"], timeout_seconds=6 * policy.HOUR, **policy.TASK)
def extract_frames(home: Path, clips: list[str]) -> BatchResult:
    """Frames of one batch of clips."""
    return extract.extract(home, clips)


@flow(name="collect", **policy.FLOW)
def collect(
    sources: list[str] | None = None, home: Path | None = None, predictor: str | None = None
) -> dict[str, Any]:
    """Find the moments worth a human's time in what the sources hold now."""
    conf = settings.load(home=home, detect=predictor and {"predictor": predictor})
    leader, rival = models.predictor(conf), models.rival(conf)
    result = fetch_videos(conf.home, list(sources or conf.sources))
    for model in filter(None, [leader, rival]):
        calls = [
            (conf.home, videos, model, conf.classes, conf.detect.device, model == leader)
            for videos in policy.parts(_unseen(conf), conf.batch)
        ]
        for said in policy.run(predict_videos, conf, calls):
            result.add(said)
    found = find_trouble(conf.home, leader, rival, _options(conf))
    result.add(BatchResult(done=found.videos, failed=found.failed))
    result.add(cut_clips(conf.home))
    result.add(policy.each_batch(extract_frames, ClipStage.CUT, conf))
    kept = report.kept(conf.home)
    text = f"{kept.share:.2%} of {kept.seconds / 60:.1f} min of video kept in {kept.clips} clips"
    policy.table("hits", report.hits(conf.home), text)
    return policy.outcome(result, videos=len(found.videos), selected=found.selected)


def _unseen(conf: settings.Settings) -> list[str]:
    """Recordings that no model has searched yet, or all of them for a model named on purpose.

    A new champion watches what comes after it: what the old one watched is not searched again.
    """
    workspace, named = Workspace(conf.home), conf.detect.predictor != "auto"
    with Catalog.open(conf.home) as catalog:
        kept = [video for video in catalog.videos() if workspace.video_file(video).exists()]
    return [video.id for video in kept if named or not workspace.hits(video.id).exists()]


def _options(conf: settings.Settings) -> trigger.Options:
    return trigger.Options(**conf.triggers.model_dump())

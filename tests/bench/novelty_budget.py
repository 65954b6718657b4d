"""Novelty beside the box triggers at equal budget: who finds what was never there before?

    uv run python -m tests.bench.novelty_budget [--cameras 0 2] [--budget 0.15] [--cache FOLDER]

Ten planted novelties of four seconds lie in 200 s of each ward camera. opencv:hog predicts,
opencv:motion disagrees with it; models of novelty were trained on other days (tests/bench/
novelty.py). The same number of clips is chosen by the expected errors of the box triggers, by the
picture triggers (covered, dark, …), and by each model of novelty; printed is how many novelties lie
in them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick import detectors, triggers, ward
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.splits import SplitPart
from oneclick.detectors import novelty as models
from oneclick.detectors import signals
from oneclick.detectors.base import Frame
from oneclick.feedback import replay
from oneclick.training import novelty
from oneclick.triggers.scene import Scene
from oneclick.triggers.selection import select
from oneclick.triggers.selection.select import CandidateVideo, SelectionHistory, SelectionOptions
from oneclick.triggers.streaming import PredictionChunk
from oneclick.ward import novelties
from oneclick.ward.novelties import PlantedNovelty
from tests.bench import novelty as bench

FPS, SECONDS, SHOWN = 5.0, 200, 4
PERSON = ("person",)
NOVEL = frozenset(n for n, kind in triggers.registry().items() if triggers.novel(kind))


def plan() -> list[PlantedNovelty]:
    """One novelty every 20 seconds, the kinds in turn."""
    kinds, size = novelties.KINDS, round(SHOWN * FPS)
    starts = [round((20 * k + 8) * FPS) for k in range(SECONDS // 20)]
    return [PlantedNovelty(kinds[k % 3], Span(at, at + size)) for k, at in enumerate(starts)]


def film(camera: int) -> tuple[list[Frame], list[PlantedNovelty]]:
    """Frames of a day that no model has seen, and the novelties that its truth shows."""
    shift = ward.Shift(camera=camera, seed=4000, seconds=SECONDS, fps=FPS)
    ward_frames = list(novelties.frames(shift, plan()))
    novelties_seen = [
        novelty
        for novelty in plan()
        if any(ward_frames[k].mask.any() for k in range(novelty.span.start, novelty.span.stop))
    ]
    return [novelty.picture for novelty in ward_frames], novelties_seen


def look(frames: Sequence[Frame]) -> Scene:
    """What two detectors and the meter say."""
    names = ("opencv:hog", "opencv:motion")
    models = [detectors.create(name) for name in names]
    parts = [detectors.run(model, frames, len(frames), FPS, PERSON) for model in models]
    height, width = frames[0].shape[:2]
    limits = [model.threshold for model in models]
    scene = replay.build_scene(PredictionChunk(tuple(parts)), limits, width, height)
    meter = signals.SignalMeter(FPS)
    for frame in frames:
        meter.add_frame(frame)
    return replace(scene, signals=meter.signals(scene.confident))


def scored(
    camera: int, frames: Sequence[Frame], cache: Path
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The Signal of each kind of model."""
    train = bench.frames(camera, cache).train
    for kind in models.KINDS:
        yield kind, novelty.fit(kind, train).score(frames)


def chosen(hits: Sequence[Hit], length: int, options: SelectionOptions) -> list[Span]:
    """Spans of clips."""
    parts = (SplitPart(Span(0, length), "train"),)
    candidate = CandidateVideo(video="film", length=length, fps=FPS, hits=hits, parts=parts)
    history = SelectionHistory(novelty_triggers=NOVEL)
    return [choice.span for choice in select.select([candidate], options, history)]


def ways(
    camera: int, frames: Sequence[Frame], budget: float, cache: Path
) -> Mapping[str, list[Span]]:
    """Clips by who chose them, equally many."""
    scene, length = look(frames), len(frames)
    options = SelectionOptions(budget=budget, min_clips=0, control=0, novelty=0)
    new = replace(options, novelty=1.0)
    hits = triggers.scan(scene, triggers.make())
    spans_by_way = {
        "box triggers": chosen([h for h in hits if h.trigger not in NOVEL], length, options),
        "picture triggers": chosen([h for h in hits if h.trigger in NOVEL], length, new),
    }
    for kind, signal in scored(camera, frames, cache):
        other = replace(scene, signals={kind: signal})
        spans_by_way[kind] = chosen(triggers.scan(other, triggers.make(["novelty"])), length, new)
    return spans_by_way


def main() -> int:
    """Print how many novelties each way finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--budget", type=float, default=0.15)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    args = parser.parse_args()
    for camera in args.cameras:
        frames, planted = film(camera)
        print(
            f"{ward.Shift(camera=camera).name}: "
            f"{len(planted)} novelties in {len(frames) / FPS:.0f} s"
        )
        for name, spans in ways(camera, frames, args.budget, args.cache).items():
            hit = [
                novelty for novelty in planted if any(novelty.span.overlaps(span) for span in spans)
            ]
            kinds = ", ".join(
                f"{kind} {sum(novelty.kind == kind for novelty in hit)}"
                f" of {sum(novelty.kind == kind for novelty in planted)}"
                for kind in novelties.KINDS
            )
            print(f"  {name:<20}{len(spans):>3} clips find {len(hit):>2}: {kinds}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

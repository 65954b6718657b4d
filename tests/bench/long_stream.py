"""Planted faults in hours of easy frames: what a budget of 0.1% finds, and what control says of it.

    uv run python tests/bench/long_stream.py [--hours 6] [--seeds 6] [--faults 3] [--weeks 4]

One rendered minute of a ward camera is played forward and backward for hours; two models see it
with a little noise, and one of them has planted faults (oneclick/ward/faults.py), one kind after
the other. Recall is the share of faults that lie in a selected clip: with the priors that ship, and
with what the reviews of `--weeks` earlier streams (other faults, same budget) have taught.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from oneclick import triggers, ward
from oneclick.core.clips import ChosenBy
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.splits import SplitPart
from oneclick.core.tracks import Tracks
from oneclick.feedback import replay
from oneclick.triggers import calibrate, priors
from oneclick.triggers.calibrate import Calibration, TriggerSet, TriggerTally
from oneclick.triggers.scene import Scene
from oneclick.triggers.selection import select
from oneclick.triggers.selection.select import SelectedSpan, SelectionHistory
from oneclick.triggers.streaming import PredictionChunk
from oneclick.ward import faults
from oneclick.ward.faults import Fault, FaultyDetections

KINDS = list(faults.SECONDS)
JITTER = 0.01
"""Standard deviation of a box side, in box heights."""


def film(seconds: float = 60) -> tuple[Tracks, int, int]:
    """Truth of one rendered shift, and the size of its picture."""
    shift = ward.Shift(camera=0, seed=3, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder:
        path = shift.path(Path(folder))
        path.parent.mkdir(parents=True)
        return ward.record(shift, path).tracks, shift.width, shift.height


def for_hours(truth: Tracks, hours: float) -> Tracks:
    """The same minute forward, backward, forward …: nobody ever jumps."""
    times = max(1, round(hours * 3600 * truth.fps / truth.length))
    parts = [
        (truth.frames if k % 2 == 0 else truth.length - 1 - truth.frames) + k * truth.length
        for k in range(times)
    ]
    frames = np.concatenate(parts).astype(np.int32)
    order = np.argsort(frames, kind="stable")
    rows = np.tile(np.arange(len(truth)), times)[order]
    return Tracks(
        frames=frames[order],
        tracks=truth.tracks[rows],
        boxes=truth.boxes[rows],
        scores=truth.scores[rows],
        classes=truth.classes[rows],
        origins=truth.origins[rows],
        length=truth.length * times,
        fps=truth.fps,
        names=truth.names,
    )


def seen(clean: Detections, rng: np.random.Generator) -> Detections:
    """A little noise on every box and score."""
    tall = (clean.boxes[:, 3] - clean.boxes[:, 1])[:, None]
    noise = rng.normal(0, JITTER, clean.boxes.shape) * tall
    sides = np.sort((clean.boxes + noise).reshape(-1, 2, 2), 1).reshape(-1, 4)
    scores = np.clip(clean.scores + rng.normal(0, 0.02, len(clean)), 0.05, 1)
    return replace(clean, boxes=sides.astype(np.float32), scores=scores.astype(np.float32))


@dataclass(frozen=True, eq=False)
class Stream:
    """Hours of predictions with planted faults."""

    planted: FaultyDetections
    scene: Scene
    hits: list[Hit]

    def chosen(self, beliefs: Calibration) -> list[SelectedSpan]:
        """Clips for a budget of 0.1%."""
        length, fps = self.scene.length, self.scene.fps
        lane = (SplitPart(Span(0, length), "train"),)
        candidate = select.CandidateVideo(
            video="ward", length=length, fps=fps, hits=self.hits, parts=lane
        )
        options = select.SelectionOptions(budget=0.001, min_clips=0)
        return select.select([candidate], options, SelectionHistory(calibration=beliefs))

    def review(self, choice: SelectedSpan, truth: Tracks) -> dict[TriggerSet, TriggerTally]:
        """What a reviewer of one clip teaches."""
        span = choice.span
        hits = [part for hit in self.hits if (part := hit.cut(span))]
        wrong = calibrate.find_model_errors(
            self.scene.confident.cut(span), truth.cut(span).detections
        )
        return calibrate.count_events(
            calibrate.judge_objects(calibrate.group_hits(hits, len(span)), wrong)
        )

    def found(self, choices: list[SelectedSpan]) -> list[Fault]:
        """Faults that lie in a clip that the triggers chose."""
        spans = [c.span for c in choices if c.chosen_by is not ChosenBy.CONTROL]
        return [f for f in self.planted.faults if any(f.span.overlaps(span) for span in spans)]


def stream(
    truth: Tracks, size: tuple[int, int], count: int, seed: int, rival: bool = True
) -> Stream:
    """A stream with `count` faults; the next seed goes on with the next kinds.

    The rival, if there is one, sees all that is there.
    """
    rng = np.random.default_rng(seed)
    kinds = [KINDS[(seed * count + k) % len(KINDS)] for k in range(count)]
    planted = faults.plant(truth, kinds, *size, seed=seed)
    parts = [seen(planted.detections, rng)]
    if rival:
        parts.append(seen(faults.perfect_detections(truth), rng))
    scene = replay.build_scene(PredictionChunk(tuple(parts)), [0.5] * len(parts), *size)
    return Stream(planted, scene, triggers.scan(scene, triggers.make()))


def beliefs(
    truth: Tracks, size: tuple[int, int], args: argparse.Namespace, seed: int
) -> Calibration:
    """Priors, and the reviews of some weeks, each chosen by what the weeks before taught."""
    tallies: dict[TriggerSet, TriggerTally] = {}
    for week in range(args.weeks):
        before = stream(truth, size, args.faults, 1000 * (week + 1) + seed)
        choices = before.chosen(Calibration(tallies, priors.BELIEFS))
        reviews = [before.review(choice, truth) for choice in choices]
        tallies = calibrate.merge_tallies([tallies, *reviews])
    return Calibration(tallies, priors.BELIEFS)


def main() -> int:
    """Print recall by kind; exit 1 below 0.9."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--faults", type=int, default=3)
    parser.add_argument("--weeks", type=int, default=4)
    args = parser.parse_args()
    short, width, height = film()
    truth, size = for_hours(short, args.hours), (width, height)
    planted: list[Fault] = []
    faults_by_name: dict[str, list[Fault]] = {"priors": [], "learned": []}
    for seed in range(args.seeds):
        this_week = stream(truth, size, args.faults, seed)
        planted += this_week.planted.faults
        for name, belief in (
            ("priors", priors.BELIEFS),
            ("learned", beliefs(truth, size, args, seed)),
        ):
            choices = this_week.chosen(belief)
            faults_by_name[name] += this_week.found(choices)
        share = sum(len(choice.span) for choice in choices) / truth.length
        print(f"seed {seed}: {len(choices)} clips, {share:.3%} of {args.hours} h")
    print(f"{'':<15}{'planted':>8}{'priors':>8}{'learned':>8}")
    for kind in [*KINDS, ""]:
        cells = [
            len([f for f in some if kind in ("", f.kind)])
            for some in (planted, *faults_by_name.values())
        ]
        print(f"{kind or 'all':<15}" + "".join(f"{count:>8}" for count in cells))
    recall = len(faults_by_name["learned"]) / len(planted)
    print(f"recall after {args.weeks} weeks of reviews: {recall:.3f}; target: 0.9")
    return int(recall < 0.9)


if __name__ == "__main__":
    raise SystemExit(main())

"""How often the gate refuses, promotes or waits, over simulated pairs of models.

    python -m tests.bench.gate [--pairs 200] [--sizes 12 30 60 120 200]

A simulated test set has five cameras, each half by night, four triggers, thirty images a clip, up
to four people an image, some of them lying. Whether a model finds a box, with what score and how
well placed, follows from how hard the clip, the person and the frame are, which both models share,
and from a part of its own in each of the three: two such models agree on 88 boxes in 100. False
boxes come in clips that invite them. A model is shifted on a slice by an amount calibrated on
2,000 clips, so that its *true* mAP there is lower by the points named. The slices, matches and
statistics are those of the product; only the images are left out.

    equal         the same skill: any named regression is a false one
    drop          lower by 3 points on a slice, equal elsewhere
    trade         lower by 3 points on a slice, higher by 3 elsewhere
    better        higher by 3 points everywhere; `demo`: by 14 points
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.datasets import DatasetClip
from oneclick.core.evaluation import DetectionMetrics
from oneclick.training import gate
from oneclick.training.evaluation import average_precision, error_analysis, slices
from oneclick.training.evaluation.average_precision import Matches, TrueBoxes
from oneclick.training.evaluation.evaluate import Evaluation
from oneclick.training.evaluation.matching import IOUS
from oneclick.training.evaluation.slices import ImageMetadata

IMAGES = 30
"""Images a clip."""
CAMERAS, TRIGGERS = 5, ("control", "flicker", "blip", "jump")
HEIGHT = 200.0
WIDTH_AND_HEIGHT = np.array([0.45, 1.0])
"""Of a person, in heights."""
LYING = "posture=lying"
CALIBRATION = 2000
"""Clips."""
Numbers = NDArray[np.float64]

SHARED = (0.8, 1.2, 0.7)
"""Spread of how hard clips, people and frames are for both models."""
OWN = (0.12, 0.25, 0.45)
"""Spread of what is hard for one model only."""
SKILL = 1.2
FALSE = 0.5
"""False boxes an image."""
THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class World:
    """A test set: what is true, and how hard it is."""

    clips: tuple[DatasetClip, ...]
    facts: ImageMetadata
    true: TrueBoxes
    truths: NDArray[np.int64]
    people: NDArray[np.int64]
    """(t,) which person each true box shows."""
    hard: Numbers
    """(t,) shared by all models."""
    invites: Numbers
    """(images,) false boxes expected."""

    @classmethod
    def draw(cls, count: int, rng: np.random.Generator) -> World:
        """A test set of so many clips."""
        camera, night = rng.integers(0, CAMERAS, count), rng.random(count) < 0.5
        people = np.minimum(rng.poisson(1.6, count), 4)
        owner = np.repeat(np.arange(count), people)
        n = len(owner)
        size, lying = np.exp(rng.normal(np.log(0.33), 0.4, n)), rng.random(n) < 0.15
        clip_hard = SHARED[0] * rng.normal(size=count) - 0.5 * night
        hard = clip_hard[owner] + SHARED[1] * rng.normal(size=n) + 1.2 * np.log(size / 0.33)
        clip, frame = np.repeat(np.arange(n), IMAGES), np.tile(np.arange(IMAGES), n)
        visible = rng.random(n * IMAGES) < 0.85
        clip, frame = clip[visible], frame[visible]
        images = owner[clip] * IMAGES + frame
        order = np.argsort(images, kind="stable")
        clip, images = clip[order], images[order]
        sizes = np.outer(size[clip] * HEIGHT, WIDTH_AND_HEIGHT)
        true = TrueBoxes(images, owner[clip], np.zeros(len(clip), np.int64), sizes)
        names = [f"clip-{k:04d}" for k in range(count)]
        lines = tuple(
            _line(names[k], f"camera-{camera[k]}", TRIGGERS[rng.integers(len(TRIGGERS))])
            for k in range(count)
        )
        facts = ImageMetadata(
            tuple(np.repeat(names, IMAGES).tolist()),
            np.repeat(night, IMAGES),
            np.full(count * IMAGES, HEIGHT),
            tuple((LYING,) if lying[k] else ("posture=upright",) for k in clip.tolist()),
        )
        frames = SHARED[2] * rng.normal(size=len(clip))
        counts = np.bincount(true.groups, minlength=count)[:, None]
        invites = np.repeat(FALSE * rng.gamma(1.0, 1.0, count), IMAGES)
        return cls(lines, facts, true, counts, clip, hard[clip] + frames, invites)

    def mask(self, name: str) -> NDArray[np.bool_]:
        """(t,) true boxes of a slice."""
        family, _, value = name.partition("=")
        if family == "light":
            return np.equal(self.facts.night[self.true.images], value == "night")
        if family == "camera":
            return np.array([line.camera == value for line in self.clips])[self.true.groups]
        return np.array([name in traits for traits in self.facts.traits], bool)


def _line(name: str, camera: str, trigger: str) -> DatasetClip:
    reason, led = ("control", "") if trigger == "control" else ("trigger", trigger)
    return DatasetClip(
        clip=name,
        camera=camera,
        revision=1,
        label_digest="",
        clip_digest=name,
        split="test",
        frames=IMAGES,
        width=320,
        height=int(HEIGHT),
        fps=10.0,
        origins={},
        chosen_by=reason,
        led_by=led,
    )


def model(world: World, shift: Numbers, rng: np.random.Generator) -> Matches:
    """What a model makes of a test set; `shift` (t,) is what it is better at."""
    t = world.true
    clips, people = len(world.clips), int(world.people.max(initial=-1)) + 1
    effects = (
        OWN[0] * rng.normal(size=clips)[t.groups] + OWN[1] * rng.normal(size=people)[world.people]
    )
    skill = SKILL + shift + world.hard + effects + OWN[2] * rng.normal(size=len(t.images))
    detected = np.flatnonzero(skill > -1.0)
    overlap = _placed(t.sizes[detected, 1], skill[detected], rng)
    hit = overlap[:, None] >= IOUS
    false = np.repeat(np.arange(len(world.invites)), rng.poisson(world.invites))
    scores = np.concatenate([skill[detected], rng.normal(-0.6, 1.0, len(false))])
    order = np.argsort(-scores, kind="stable")
    matched_rows = np.where(hit, detected[:, None], -1)
    matched_rows = np.concatenate([matched_rows, np.full((len(false), len(IOUS)), -1)])[order]
    images = np.concatenate([t.images[detected], false])[order]
    heights = HEIGHT * np.exp(rng.normal(np.log(0.33), 0.4, len(false)))
    return Matches(
        scores=(1 / (1 + np.exp(-scores)))[order],
        classes=np.zeros(len(order), np.int64),
        groups=images // IMAGES,
        images=images,
        sizes=np.concatenate([t.sizes[detected], np.outer(heights, WIDTH_AND_HEIGHT)])[order],
        truth_rows=matched_rows,
        hits=matched_rows >= 0,
        considered=np.ones(matched_rows.shape, bool),
        truth_counts=world.truths,
        truths=t,
    )


def _placed(heights: Numbers, skill: Numbers, rng: np.random.Generator) -> Numbers:
    """IoU of jittered boxes with their true ones; what is hard is placed badly."""
    n = len(heights)
    true = np.stack([np.zeros(n), np.zeros(n), *np.outer(WIDTH_AND_HEIGHT, heights)], 1)
    spread = 0.07 * np.exp(-0.25 * skill)[:, None] * heights[:, None] * np.array([0.45, 1, 0.45, 1])
    return boxes.iou_pairs(true + spread * rng.normal(size=(n, 4)), true).astype(np.float64)


def evaluation(world: World, matches: Matches) -> Evaluation:
    """As `evaluate.evaluate` makes it."""
    precision = average_precision.average(matches)[0, 0]
    count = int(world.truths.sum())
    hits, false = error_analysis.count_matches(matches, THRESHOLD)
    metrics = DetectionMetrics(
        map=float(precision.mean()),
        ap50=float(precision[0]),
        recall=hits / max(count, 1),
        precision=hits / max(hits + false, 1),
        images=len(world.invites),
        boxes=count,
    )
    names = tuple(line.clip for line in world.clips)
    parts = slices.cut(matches, world.facts, THRESHOLD, world.clips)
    return Evaluation(metrics=metrics, matches=matches, clips=names, slices=parts)


@cache
def calibrated(name: str, points: float) -> float:
    """Shift of skill that moves the true mAP of a slice ("" is the whole) by so much."""
    low, high = (-3.0, 0.0) if points < 0 else (0.0, 3.0)
    base = _true_map(name, 0.0)
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if _true_map(name, middle) - base < points else (low, middle)
    return (low + high) / 2


def _true_map(name: str, shift: float) -> float:
    world = _large()
    affected = world.mask(name) if name else np.ones(len(world.true.images), bool)
    matches = model(world, np.where(affected, shift, 0.0), np.random.default_rng(1))
    images = np.zeros(len(world.invites), bool)
    images[world.true.images[affected]] = True
    part = average_precision.subset(matches, affected, images[matches.images])
    return float(np.nanmean(average_precision.average(part)))


@cache
def _large() -> World:
    return World.draw(CALIBRATION, np.random.default_rng(0))


def pair(scenario: str, clips: int, seed: int) -> tuple[Evaluation, Evaluation]:
    """Candidate and champion of a scenario such as "drop light=night" on a test set."""
    rng = np.random.default_rng([seed, clips])
    world = World.draw(clips, rng)
    kind, _, name = scenario.partition(" ")
    n = len(world.true.images)
    shift = np.zeros(n)
    if kind in ("better", "demo"):
        shift[:] = calibrated("", 0.03 if kind == "better" else 0.14)
    elif kind != "equal":
        affected = world.mask(name)
        other = calibrated("", 0.03) if kind == "trade" else 0.0
        shift = np.where(affected, calibrated(name, -0.03), other)
    return compared(world, shift, rng)


def compared(
    world: World, shift: Numbers, rng: np.random.Generator
) -> tuple[Evaluation, Evaluation]:
    """Candidate, better by `shift` (t,) in skill, and champion."""
    champion = model(world, np.zeros(len(shift)), rng)
    return evaluation(world, model(world, shift, rng)), evaluation(world, champion)


SCENARIOS = (
    "equal",
    "drop light=night",
    "trade light=night",
    "trade camera=camera-1",
    "trade posture=lying",
    "better",
    "demo",
)


def measure(scenario: str, clips: int, pairs: int, options: gate.GateOptions) -> Counter[str]:
    """How often each verdict falls; "named": a regression is named, "judged": slices judged."""
    counts: Counter[str] = Counter()
    slice_name = scenario.partition(" ")[2]
    for seed in range(pairs):
        decision = gate.decide(*pair(scenario, clips, seed), options=options)
        words = {row.name: row.word for row in decision.slices}
        counts[decision.verdict] += 1
        counts["named"] += "worse" in words.values()
        counts["right"] += words.get(slice_name) == "worse"
        counts["shown"] += words.get(slice_name) not in ("too small", None)
        counts["judged"] += (
            sum(verdict not in ("too small", "not judged") for verdict in words.values()) - 1
        )
    return counts


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="+", default=[12, 30, 60, 120, 200])
    parser.add_argument("--scenarios", nargs="+", default=list(SCENARIOS))
    parser.add_argument("--draws", type=int, default=gate.GateOptions().draws)
    args = parser.parse_args()
    options = gate.GateOptions(draws=args.draws)
    print(f"{'scenario':<24}{'clips':>6}{'judged':>8}{'promote':>9}{'wait':>7}{'refuse':>8}"
          f"{'worse named':>13}{'… there':>9}{'s a pair':>10}")  # fmt: skip
    for scenario in args.scenarios:
        for clips in args.sizes:
            start = time.perf_counter()
            counts = measure(scenario, clips, args.pairs, options)
            seconds = (time.perf_counter() - start) / args.pairs
            share = {name: count / args.pairs for name, count in counts.items()}
            columns = ("promote", "not enough evidence", "refuse", "named", "right")
            p, w, r, n, t = (share.get(name, 0.0) for name in columns)
            print(f"{scenario:<24}{clips:>6}{share['judged']:>8.1f}{p:>9.3f}{w:>7.3f}{r:>8.3f}"
                  f"{n:>13.3f}{t:>9.3f}{seconds:>10.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

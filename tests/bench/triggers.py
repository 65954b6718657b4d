"""What the triggers are worth on real detections, and how fast they are.

    uv run python -m tests.bench.triggers [DATA] [--priors]

Prints the precision of every trigger's events against ground truth, the lift of the error rate in
frames chosen by expected errors over random frames, how often events are right that two or more
triggers agree on, and their speed (tests/bench/trigger_speed.py).
Nothing is judged by beliefs learned on its own footage: those of a sequence come from the reviews
(here: the truth) of the others, of the same pair of models first. DATA is the folder `mot/` of the
shared evaluation data. `--priors` prints the table of oneclick/triggers/priors.py instead.
"""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick import triggers
from oneclick.core import association, boxes
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.feedback import replay
from oneclick.formats import mot_text
from oneclick.triggers import calibrate
from oneclick.triggers.calibrate import Calibration, TriggerSet, TriggerTally
from oneclick.triggers.scene import Scene
from oneclick.triggers.selection import expected_errors
from oneclick.triggers.streaming import PredictionChunk
from tests.bench import trigger_speed
from tests.fakes import arrays

DATA = Path(__file__).resolve().parents[2].parent / "shared/data/mot"
THRESHOLDS = {"yoloxnano": 0.6, "nanodet": 0.45, "frcnn": 0.3, "dpm": 0.3, "sdp_clean": 0.5}
SIZES = {
    "PETS09-S2L1": (768, 576),
    "TUD-Campus": (640, 480),
    "MOT17-09": (1920, 1080),
    "MOT17-05": (640, 480),
}
RATES = {"PETS09-S2L1": 7.0, "TUD-Campus": 25.0, "MOT17-09": 30.0, "MOT17-05": 14.0}
LENGTHS = {"PETS09-S2L1": 795, "TUD-Campus": 71, "MOT17-09": 525, "MOT17-05": 837}
MODELS = {
    "PETS09-S2L1": ("yoloxnano", "nanodet"),
    "TUD-Campus": ("yoloxnano", "nanodet"),
    "MOT17-09": ("sdp_clean", "frcnn", "dpm"),
    "MOT17-05": ("sdp_clean", "frcnn", "dpm"),
}
"""Detectors by footage; no other sequence of the data shows the same scenes."""
VIDEOS = ("PETS09-S2L1", "TUD-Campus")
PAIRS: list[tuple[str, str, tuple[str, ...]]] = [
    ("yoloxnano", "nanodet", VIDEOS),
    ("nanodet", "yoloxnano", VIDEOS),
    ("sdp_clean", "frcnn", ("MOT17-09",)),
    ("frcnn", "sdp_clean", ("MOT17-09",)),
    ("frcnn", "dpm", ("MOT17-09",)),
]
TARGET = ("yoloxnano vs nanodet", "nanodet vs yoloxnano", "sdp_clean vs frcnn")
EXTRA = ("blip", "conflict_extra", "hindsight_extra", "multibox", "still")
"""Triggers that say a box is too much."""
EITHER = ("jump", "area", "class_switch", "confidence_drop")
"""Triggers that say a box is wrong, whichever way; the others say that one is missing."""
AGREED = 0.8
"""Belief from which an event on which several triggers agree is counted as sure."""
MOST_EVENTS, FEWEST_EVENTS = 100, 20
"""For the priors: of one pair on one video, and of a set in all."""


@dataclass
class Case:
    """One sequence, one pair of models, and where the first of them is really wrong."""

    sequence: str
    pair: tuple[str, str]
    scene: Scene
    false: NDArray[np.bool_]
    """Per row of `scene.confident`: a false alarm."""
    ignored: NDArray[np.bool_]
    """Per row of `scene.confident`: no truth, but in a region that does not count."""
    missed: Detections
    """Truth without a box."""
    hits: list[Hit]
    beliefs: Calibration = Calibration()  # noqa: RUF009
    """Learned on other footage."""

    def errors(self) -> NDArray[np.int64]:
        """False alarms and misses per frame."""
        return self._count(self.false) + np.bincount(self.missed.frames, None, self.scene.length)

    def judged(self) -> NDArray[np.int64]:
        """True boxes, false alarms and misses per frame."""
        return self._count(~self.ignored & ~self.false) + self.errors()

    def _count(self, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(self.scene.confident.frames[rows], None, self.scene.length)


def case(data: Path, sequence: str, model: str, rival: str) -> Case:
    """Load one sequence and find the model's real errors."""
    fps, length = RATES[sequence], LENGTHS[sequence]
    lead, other = (
        mot_text.load(data / sequence / f"det/{m}.txt", fps, length) for m in (model, rival)
    )
    limits = [THRESHOLDS[model], THRESHOLDS[rival]]
    scene = replay.build_scene(PredictionChunk((lead, other)), limits, *SIZES[sequence])
    truth, ignore = ground_truth(data / sequence, fps, length)
    i, j = association.match_frames(scene.confident, truth, 0.5)
    false, missed = np.ones(len(scene.confident), bool), np.ones(len(truth), bool)
    false[i], missed[j] = False, False
    inside = np.zeros(len(false), bool)
    inside[association.overlaps(scene.confident, ignore, 0.5)[0]] = True
    hits = triggers.scan(scene, triggers.make())
    false_alarms, ignored = false & ~inside, false & inside
    return Case(sequence, (model, rival), scene, false_alarms, ignored, truth.where(missed), hits)


def seen(bench_case: Case) -> list[tuple[TriggerSet, bool]]:
    """What fired on each object, and whether the model was wrong there."""
    grouped_hits = calibrate.group_hits(bench_case.hits, bench_case.scene.length)
    return calibrate.judge_objects(
        grouped_hits, [bench_case.scene.confident.where(bench_case.false), bench_case.missed]
    )


def all_cases(data: Path) -> list[Case]:
    """Every pair of models in both directions, each with beliefs from other footage."""
    cases = [
        case(data, sequence, *pair)
        for sequence, models in MODELS.items()
        for pair in itertools.permutations(models, 2)
    ]
    tallies = [calibrate.count_events(seen(bench_case)) for bench_case in cases]
    for bench_case in cases:
        other = [
            (c, t) for c, t in zip(cases, tallies, strict=True) if c.sequence != bench_case.sequence
        ]
        same = calibrate.merge_tallies(t for c, t in other if c.pair == bench_case.pair)
        rest = calibrate.merge_tallies(t for c, t in other if c.pair != bench_case.pair)
        bench_case.beliefs = Calibration(same, Calibration(rest))
    return cases


def priors(cases: list[Case]) -> None:
    """The table of triggers/priors.py, which is learned from all footage."""
    total: dict[TriggerSet, TriggerTally] = {}
    for bench_case in cases:
        for trigger_names, tally in calibrate.count_events(seen(bench_case)).items():
            events = min(tally.events, MOST_EVENTS)
            part = TriggerTally(events, round(tally.wrong * events / tally.events))
            total[trigger_names] = total.get(trigger_names, TriggerTally()) + part
    for trigger_names, tally in sorted(total.items(), key=lambda item: -item[1].events):
        if tally.events >= FEWEST_EVENTS:
            print(f'    "{"+".join(sorted(trigger_names))}": ({tally.events}, {tally.wrong}),')


def ground_truth(folder: Path, fps: float, length: int) -> tuple[Detections, Detections]:
    """Truth that counts, and regions that do not: in MOT17 also people hidden or very small."""
    rows = np.loadtxt(folder / "gt/gt.txt", delimiter=",", ndmin=2)
    counts = np.ones(len(rows), bool)
    ignore = ~counts
    if folder.name.startswith("MOT17"):
        person = (rows[:, 7] == 1) & (rows[:, 6] == 1)
        clear = (rows[:, 8] >= 0.3) & (rows[:, 5] >= 0.08 * SIZES[folder.name][1])
        counts = person & clear
        ignore = ~counts & np.isin(rows[:, 7], [1, 2, 7, 8, 12])
    return tuple(_detections(rows[mask], fps, length) for mask in (counts, ignore))  # type: ignore[return-value]


def _detections(rows: NDArray[np.float64], fps: float, length: int) -> Detections:
    corners = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], 1)
    n = len(rows)
    return arrays.detections(
        frames=rows[:, 0] - 1,
        boxes=corners,
        scores=np.ones(n),
        classes=np.zeros(n),
        length=length,
        fps=fps,
    )


def events(bench_case: Case) -> Iterator[tuple[str, bool]]:
    """(trigger, was the model really wrong there) for every box of every hit."""
    extra, miss = bench_case.scene.confident.where(bench_case.false), bench_case.missed
    for hit in bench_case.hits:
        sides = [extra] if hit.trigger in EXTRA else [miss]
        sides = [extra, miss] if hit.trigger in EITHER else sides
        for frame, *box in hit.boxes:
            near = np.concatenate([side.boxes[side.rows(frame)] for side in sides])
            yield hit.trigger, bool((boxes.iou(np.array([box]), near) >= 0.4).any())


def precision_table(cases: list[Case]) -> dict[str, tuple[float, int]]:
    """Precision and number of events per trigger."""
    outcomes: dict[str, list[bool]] = defaultdict(list)
    for bench_case in cases:
        for name, right in events(bench_case):
            outcomes[name].append(right)
    return {name: (float(np.mean(right)), len(right)) for name, right in outcomes.items()}


def lift(cases: list[Case], budget: float, score: Callable[[Case], NDArray[np.float64]]) -> float:
    """Error rate in the chosen frames over that of all frames, sequences pooled."""
    picked, everything = np.zeros(2), np.zeros(2)
    for bench_case in cases:
        both = np.stack([bench_case.errors(), bench_case.judged()]).astype(float)
        frames = greedy(score(bench_case), bench_case.scene.fps, budget)
        picked += both[:, frames].sum(1)
        everything += both.sum(1)
    return float(picked[0] / max(picked[1], 1) / (everything[0] / everything[1]))


def greedy(score: NDArray[np.float64], fps: float, budget: float) -> list[int]:
    """Best frames at least a second apart; also frames without any score, unlike `select`."""
    free = np.ones(len(score), bool)
    selected_frames: list[int] = []
    for k in np.argsort(-score, kind="stable"):
        if free[k] and len(selected_frames) < max(1, round(budget * len(score))):
            selected_frames.append(int(k))
            free[max(0, k - round(fps) + 1) : k + round(fps)] = False
    return selected_frames


def expected(bench_case: Case) -> NDArray[np.float64]:
    """What the product uses."""
    return expected_errors.per_frame(bench_case.hits, bench_case.scene.length, bench_case.beliefs)


def expected_per_box(bench_case: Case) -> NDArray[np.float64]:
    """The same by visible box."""
    return expected_errors.per_box(expected(bench_case), bench_case.scene.visible)


def flicker(bench_case: Case) -> NDArray[np.float64]:
    """One trigger alone: the boxes that flicker misses."""
    hit_frames = [
        box[0] for hit in bench_case.hits if hit.trigger == "flicker" for box in hit.boxes
    ]
    return np.bincount(np.array(hit_frames, int), minlength=bench_case.scene.length).astype(float)


def agreed(cases: list[Case]) -> tuple[float, int]:
    """How often events were right that several triggers agree on and that are believed."""
    right = [
        wrong
        for bench_case in cases
        for trigger_names, wrong in seen(bench_case)
        if len(trigger_names) > 1 and bench_case.beliefs.error_probability(trigger_names) >= AGREED
    ]
    return float(np.mean(right)) if right else np.nan, len(right)


def oracle(bench_case: Case) -> NDArray[np.float64]:
    """Knows the truth."""
    return bench_case.errors() / np.maximum(bench_case.judged(), 1)


def at_random(cases: list[Case], budget: float, draws: int = 100) -> str:
    """Mean and spread of random choices."""
    r = np.random.default_rng(0)
    lifts = [
        lift(cases, budget, lambda bench_case: r.random(bench_case.scene.length))
        for _ in range(draws)
    ]
    return f"{np.mean(lifts):.2f} ± {np.std(lifts):.2f}"


def quality(all_cases: list[Case]) -> None:
    """All tables of quality."""
    pairs = {
        f"{a} vs {b}": [c for c in all_cases if c.pair == (a, b) and c.sequence in sequences]
        for a, b, sequences in PAIRS
    }
    precision(pairs)
    lifts(pairs)
    target = [bench_case for cases in list(pairs.values())[:4] for bench_case in cases]
    print("\nEvents that several triggers agree on, believed at", AGREED, "or more\n")
    for name, cases in {**pairs, "the first four together": target}.items():
        share, count = agreed(cases)
        print(f"| {name} | {share:.2f} | n = {count} |")


def precision(pairs: dict[str, list[Case]]) -> None:
    """Precision of events by trigger and pair."""
    print("Precision of events (boxes of hits), number in brackets\n")
    print("| trigger | " + " | ".join(pairs) + " |")
    base = [
        sum(c.errors().sum() for c in p) / sum(c.judged().sum() for c in p) for p in pairs.values()
    ]
    print("| base error | " + " | ".join(f"{share:.3f}" for share in base) + " |")
    tables = [precision_table(cases) for cases in pairs.values()]
    for name in triggers.registry():
        cells = [t.get(name, (np.nan, 0)) for t in tables]
        print(f"| {name} | " + " | ".join(f"{p:.2f} ({n})" for p, n in cells) + " |")


def lifts(pairs: dict[str, list[Case]]) -> None:
    """Lift of the error rate by pair and budget, and the mean over the target pairs."""
    print("\nLift of the error rate; picks at least 1 s apart; beliefs from other footage\n")
    print("| pair | budget | random | flicker | per frame | per box | oracle | per box / oracle |")
    kinds = (flicker, expected, expected_per_box, oracle)
    total: dict[float, list[list[float]]] = defaultdict(list)
    for pair, cases in pairs.items():
        for budget in (0.01, 0.05):
            row = [lift(cases, budget, kind) for kind in kinds]
            if pair in TARGET:
                total[budget].append(row)
            cells = " | ".join(f"{value:.2f}" for value in row)
            chance = at_random(cases, budget)
            print(f"| {pair} | {budget:.0%} | {chance} | {cells} | {row[2] / row[3]:.0%} |")
    for budget, rows in total.items():
        cells = " | ".join(f"{value:.2f}" for value in np.mean(rows, 0))
        print(f"| mean of the target pairs | {budget:.0%} | | {cells} |")


def main() -> None:
    """Quality where the data is, then speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=DATA)
    parser.add_argument("--priors", action="store_true")
    args = parser.parse_args()
    if not args.data.exists():
        print(f"{args.data} is not there: no quality is measured")
    elif args.priors:
        priors(all_cases(args.data))
        return
    else:
        quality(all_cases(args.data))
    trigger_speed.speed()


if __name__ == "__main__":
    main()

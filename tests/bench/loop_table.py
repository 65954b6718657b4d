"""Tables of the loop's benchmark, from the files that it wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import stats

BASELINE = "random, manual"


def print_tables(folder: Path, arms: Sequence[str]) -> None:
    """Print mAP, hours to the baseline's mAP and edits by arm, over the seeds that are complete."""
    curves = {arm: _load(folder, arm) for arm in arms}
    seeds = sorted(set.intersection(*(set(runs) for runs in curves.values())))
    weeks = min((len(run) for runs in curves.values() for run in _of(runs, seeds)), default=0)
    if not weeks or not seeds:
        print("nothing is complete yet")
        return
    print(f"{len(seeds)} seeds, {weeks} weeks; mean mAP and half of the 95% interval")
    print(f"{'':22}" + "".join(f"{f'week {week}':>15}" for week in range(1, weeks + 1)))
    for arm, runs in curves.items():
        maps = np.array([[run[week]["map"] for week in range(weeks)] for run in _of(runs, seeds)])
        cells = [f"{m:.3f} ± {h:.3f}" for m, h in zip(maps.mean(0), _half(maps), strict=True)]
        print(f"{arm:22}" + "".join(f"{cell:>15}" for cell in cells))
    for heading, key, scale in (
        ("hours of an annotator", "spent", 1 / 3600),
        ("images in the dataset", "images", 1.0),
    ):
        print(heading)
        for arm, runs in curves.items():
            values = [
                np.mean([run[week][key] for run in _of(runs, seeds)]) for week in range(weeks)
            ]
            print(f"{arm:22}" + "".join(f"{scale * value:15.2f}" for value in values))
    print("edits per 100 boxes")
    for arm, runs in curves.items():
        rates = [
            100
            * sum(run[week]["edits"] for run in _of(runs, seeds))
            / max(sum(run[week]["boxes"] for run in _of(runs, seeds)), 1)
            for week in range(weeks)
        ]
        print(f"{arm:22}" + "".join(f"{rate:15.1f}" for rate in rates))
    print(f"hours of {BASELINE!r} for its best mAP, divided by the hours of the arm for the same")
    for arm, runs in curves.items():
        if BASELINE not in curves:
            continue
        ratios = [speed_up(curves[BASELINE][seed], runs[seed]) for seed in seeds]
        text = ", ".join("never" if ratio is None else f"{ratio:.1f}" for ratio in ratios)
        reached = np.array([ratio or 0.0 for ratio in ratios])
        mean, half = reached.mean(), float(_half(reached[:, None])[0])
        print(
            f"{arm:22} mean {mean:.2f} ± {half:.2f}, median {np.median(reached):.2f}"
            f"   by seed: {text}"
        )


def speed_up(baseline: Sequence[dict[str, float]], run: Sequence[dict[str, float]]) -> float | None:
    """Return how many times fewer hours a run needs for the best mAP of the baseline.

    Between two weeks mAP rises linearly with the hours, from 0 at none. None where it never does.
    Runs may be of different length.
    """
    best = max(range(len(baseline)), key=lambda week: baseline[week]["map"])
    target, seconds, level = baseline[best]["map"], 0.0, 0.0
    for numbers in run:
        if numbers["map"] >= target:
            share = (target - level) / max(numbers["map"] - level, 1e-9)
            return baseline[best]["spent"] / (seconds + share * (numbers["spent"] - seconds))
        seconds, level = numbers["spent"], numbers["map"]
    return None


def _load(folder: Path, arm: str) -> dict[int, list[dict[str, float]]]:
    runs = {}
    for seed_folder in folder.glob("seed*"):
        weeks: list[dict[str, float]] = []
        home = seed_folder / arm.replace(", ", "-").replace(" ", "-")
        while (path := home / f"week{len(weeks) + 1}.json").exists():
            weeks.append(json.loads(path.read_text()))
        if weeks:
            runs[int(seed_folder.name.removeprefix("seed"))] = weeks
    return runs


def _of(
    runs: dict[int, list[dict[str, float]]], seeds: Sequence[int]
) -> list[list[dict[str, float]]]:
    return [runs[seed] for seed in seeds]


def _half(maps: np.ndarray) -> np.ndarray:
    """Return half of the 95% interval of the mean over the seeds, `(weeks,)`; NaN of one seed."""
    count = len(maps)
    if count < 2:
        return np.full(maps.shape[1], np.nan)
    half: np.ndarray = stats.t.ppf(0.975, count - 1) * maps.std(0, ddof=1) / np.sqrt(count)
    return half

"""Planted novelties against ordinary frames of other days: autoencoder, GAN and a plain background.

    uv run python tests/bench/novelty.py [--cameras 0 1 2] [--cache FOLDER]

Each model is trained on 8 ordinary days of one ward camera (2 minutes each, one frame a second).
Scored are 4 other days without novelties, and for each kind 20 novelties of 4 frames on 2 more
days. AUROC: the probability that a frame with a novelty scores higher than one without. The
baseline is the mean and spread of each pixel over the same training frames. Exit 1 below 0.9, or
below 200 frames/s on one core, the shrinking of the frames included. Frames are rendered once into
the cache.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from oneclick import video, ward
from oneclick.core.spans import Span
from oneclick.detectors import novelty as detector
from oneclick.detectors.base import Frame
from oneclick.detectors.novelty_nets import BATCH
from oneclick.training import novelty
from oneclick.ward import novelties
from oneclick.ward.novelties import PlantedNovelty

TRAIN, OTHER, PLANTED = range(1000, 1008), range(2000, 2004), range(3000, 3002)
"""Seeds: each is a day."""
SECONDS, SHOWN = 40, 4
TARGET, SPEED = 0.9, 200.0
Score = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Frames:
    """Shrunk frames of one camera."""

    train: NDArray[np.uint8]
    ordinary: NDArray[np.uint8]
    strange: dict[str, NDArray[np.uint8]]


def frames(camera: int, cache: Path) -> Frames:
    """Rendered, or read from the cache."""
    path = cache / f"novelty-{camera}.npz"
    if not path.exists():
        np.savez(path, allow_pickle=False, **render(camera))
    with np.load(path) as file:
        strange = {kind: file[kind] for kind in novelties.KINDS}
        return Frames(file["train"], file["ordinary"], strange)


def render(camera: int) -> dict[str, NDArray[np.uint8]]:
    """All frames of one camera by name."""
    days = {"train": (TRAIN, 120), "ordinary": (OTHER, 50)}
    frames_by_kind = {
        name: np.concatenate([ordinary(camera, day, seconds) for day in seeds])
        for name, (seeds, seconds) in days.items()
    }
    for number, kind in enumerate(novelties.KINDS):
        seeds = [day + 10 * number for day in PLANTED]
        frames_by_kind[kind] = np.concatenate([strange(camera, day, kind) for day in seeds])
    return frames_by_kind


def ordinary(camera: int, day: int, seconds: int) -> NDArray[np.uint8]:
    shift = ward.Shift(camera=camera, seed=day, seconds=seconds, fps=1)
    return novelty.sample(picture for picture, _ in novelties.ordinary(shift))


def strange(camera: int, day: int, kind: str) -> NDArray[np.uint8]:
    """Frames in which the truth shows a novelty."""
    shift = ward.Shift(camera=camera, seed=day, seconds=SECONDS, fps=1)
    spans = [Span(start, start + SHOWN) for start in range(0, SECONDS, SHOWN)]
    planted = novelties.frames(shift, [PlantedNovelty(kind, span) for span in spans])
    return novelty.sample(frame.picture for frame in planted if frame.mask.any())


def background(train: NDArray[np.uint8]) -> Score:
    """How far pixels lie from their mean in spreads, at the worst place of 7 x 7 pixels."""
    usual = np.median(train, 0).transpose(2, 0, 1).astype(np.float32) / 255
    even = detector.equalize_brightness(train, usual)
    mean, spread = even.mean(0), even.std(0) + np.float32(0.03)

    def score(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        away = np.abs((detector.equalize_brightness(pictures, usual) - mean) / spread).mean(1)
        return np.array([cv2.blur(frame, (7, 7)).max() for frame in away], np.float32)

    return score


def auroc(strange: NDArray[np.float32], ordinary: NDArray[np.float32]) -> float:
    """The probability that a strange frame scores higher; a tie counts half."""
    ranks = rankdata(np.concatenate([strange, ordinary]))[: len(strange)]
    pairs = len(strange) * len(ordinary)
    return float((ranks.sum() - len(strange) * (len(strange) + 1) / 2) / pairs)


def curves(score: Score, samples: Frames) -> dict[str, float]:
    """AUROC by kind and of all kinds together."""
    plain = score(samples.ordinary)
    by_kind = {kind: score(some) for kind, some in samples.strange.items()}
    by_kind["all"] = np.concatenate(list(by_kind.values()))
    return {kind: auroc(some, plain) for kind, some in by_kind.items()}


def speed(model: detector.NoveltyModel, frame: Frame, seconds: float = 2.0) -> float:
    """Frames a second in batches, the shrinking included; the best of three goes."""
    batch = [frame.copy() for _ in range(BATCH)]
    best = 0.0
    for _ in range(3):
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds / 3:
            model.score(batch)
            count += len(batch)
        best = max(best, count / (time.perf_counter() - start))
    return best


def decoding(shift: ward.Shift) -> float:
    """Frames a second that a video of the shift is decoded at."""
    with tempfile.TemporaryDirectory() as folder:
        path = shift.path(Path(folder))
        path.parent.mkdir(parents=True)
        ward.record(shift, path)
        start = time.perf_counter()
        count = sum(1 for _ in video.frames(path))
        return count / (time.perf_counter() - start)


def main() -> int:
    """Print the tables; exit 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    small, large = (np.full((*size, 3), 90, np.uint8) for size in ((288, 480), (1080, 1920)))
    missed = 0
    print(
        f"{'camera':<8}{'model':<22}" + "".join(f"{k:>9}" for k in (*novelties.KINDS, "all")),
        end="",
    )
    print(f"{'alarms':>9}{'train s':>9}{'480p f/s':>10}{'1080p f/s':>10}", flush=True)
    for camera in args.cameras:
        samples = frames(camera, args.cache)
        row(camera, "background", curves(background(samples.train), samples))
        print()
        for kind in detector.KINDS:
            start = time.perf_counter()
            model = novelty.fit(kind, samples.train)
            took = time.perf_counter() - start
            reached = curves(model.score_small, samples)
            alarms = float((model.score_small(samples.ordinary) >= 1).mean())
            rates = speed(model, small), speed(model, large)
            row(camera, kind, reached)
            print(f"{alarms:>9.1%}{took:>9.0f}{rates[0]:>10.0f}{rates[1]:>10.0f}", flush=True)
            missed += sum(value < TARGET for value in reached.values()) + (rates[0] < SPEED)
    shift = ward.Shift(camera=0, seed=1, seconds=20)
    print(f"decoding alone, 480x288: {decoding(shift):.0f} frames/s")
    print(f"targets missed: {missed} (AUROC {TARGET}, {SPEED:.0f} frames/s)")
    return int(missed > 0)


def row(camera: int, name: str, reached: dict[str, float]) -> None:
    shift = ward.Shift(camera=camera)
    print(f"{shift.name:<8}{name:<22}" + "".join(f"{v:>9.3f}" for v in reached.values()), end="")


if __name__ == "__main__":
    raise SystemExit(main())

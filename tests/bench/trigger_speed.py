"""How fast all triggers together are, beside a version that goes frame by frame in Python.

    uv run python -m tests.bench.trigger_speed

Frames per second of processor time on one core with 3 boxes a frame, and the memory in use while
videos of different length are looked at.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from oneclick import triggers
from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.feedback import replay
from oneclick.triggers.scene import Scene
from oneclick.triggers.streaming import BlockBuffer, PredictionChunk
from tests.fakes import arrays


def walkers(frames: int, people: int = 3, seed: int = 0) -> tuple[Detections, Detections]:
    """Two imperfect models' boxes of people who pace up and down in lanes of their own."""
    r = np.random.default_rng(seed)
    at = np.arange(frames)[:, None] * r.uniform(1, 4, people) + r.uniform(0, 3000, people)
    x = np.abs(at % 3200 - 1600) + r.normal(0, 1, at.shape)
    y = np.broadcast_to(200 + 200 * np.arange(people), x.shape) + r.normal(0, 1, at.shape)
    clean = np.stack([x, y, x + 70, y + 180], 2).reshape(-1, 4)
    index = np.repeat(np.arange(frames), people)
    models = []
    for _ in range(2):
        score = r.beta(9, 1.5, len(clean))
        jitter = clean + r.normal(0, 1.5, clean.shape)
        models.append(
            arrays.detections(
                frames=index, boxes=jitter, scores=score, classes=index * 0, length=frames, fps=10.0
            )
        )
    return models[0], models[1]


def frame_by_frame(scene: Scene) -> int:
    """All five triggers as one would write them first: a loop over frames; the number of events."""
    hole, hit_count = scene.frames(0.5), 0
    live: list[tuple[NDArray[np.float32], int, int]] = []  # last box, last frame, boxes so far
    assert scene.rival is not None
    for frame in range(scene.length):
        current = scene.confident.boxes[scene.confident.rows(frame)]
        other = scene.rival.boxes[scene.rival.rows(frame)]
        weak = scene.detections.scores[scene.detections.rows(frame)]
        hit_count += int(((weak >= 0.6 * scene.threshold) & (weak < scene.threshold)).sum())
        i, _ = association.match(current, other, 0.45)
        hit_count += len(current) + len(other) - 2 * len(i)
        before = np.array([box for box, _, _ in live], np.float32).reshape(-1, 4)
        i, j = association.match(before, current, 0.2)
        for k, row in zip(i, j, strict=True):
            hit_count += frame - live[k][1] - 1
            live[k] = (current[row], frame, live[k][2] + 1)
        live += [(current[row], frame, 1) for row in set(range(len(current))) - set(j.tolist())]
        hit_count += sum(1 for _, last, size in live if frame - last > hole and size <= 3)
        live = [track for track in live if frame - track[1] <= hole]
    return hit_count


def speed(frames: int = 100_000) -> None:
    """Frames per second of processor time on one core, 3 boxes a frame, best of three."""
    first, other = walkers(frames)
    labels = replay.build_scene(PredictionChunk((first, other)), [0.6, 0.6], 1920, 1080).labels
    assert labels is not None
    best = {"link": np.inf, "all": np.inf}
    for _ in range(3):
        start = time.process_time()
        association.link(first)
        best["link"] = min(best["link"], time.process_time() - start)
        start = time.process_time()
        hits = sum(1 for _ in found((first, other, labels), 1))
        best["all"] = min(best["all"], time.process_time() - start)
    part = frames // 20
    few = scene_of(first.cut(Span(0, part)), other.cut(Span(0, part)))
    start = time.process_time()
    frame_by_frame(few)
    peer = part / (time.process_time() - start)
    rate = frames / best["all"]
    print(f"\nSpeed by processor time, 3 boxes a frame, {frames} frames, {hits} hits\n")
    print(f"link           {frames / best['link']:>10,.0f} frames/s")
    print(f"all triggers   {rate:>10,.0f} frames/s")
    print(f"frame by frame {peer:>10,.0f} frames/s   ratio {rate / peer:.0f}")
    memory((first, other, labels))


def found(parts: tuple[Detections, ...], times: int) -> Iterator[Hit]:
    """Hits of a video that shows the same again and again, in chunks of a minute."""
    blocks = BlockBuffer(lambda chunk: scene_of(*chunk.parts))
    rules, size = triggers.make(), round(60 * parts[0].fps)
    for _ in range(times):
        for start in range(0, parts[0].length, size):
            span = Span(start, min(start + size, parts[0].length))
            for block in blocks.feed(PredictionChunk(tuple(part.cut(span) for part in parts))):
                yield from block.find(rules)
    for block in blocks.close():
        yield from block.find(rules)


def memory(parts: tuple[Detections, ...]) -> None:
    """Most memory in use while videos of different length are looked at, in MB."""
    part = tuple(part.cut(Span(0, 20_000)) for part in parts)
    print("\nMost memory in use besides the input\n")
    for times in (1, 4, 16):
        tracemalloc.start()
        count = sum(1 for _ in found(part, times))
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(f"{times * 20_000:>10,} frames {peak:>8.1f} MB   {count:,} hits")


def scene_of(first: Detections, rival: Detections, labels: Detections | None = None) -> Scene:
    """Full-HD scene of two models with operating point 0.6."""
    return Scene(
        detections=first,
        threshold=0.6,
        width=1920,
        height=1080,
        rival_detections=rival,
        rival_threshold=0.6,
        labels=labels,
    )


if __name__ == "__main__":
    speed()

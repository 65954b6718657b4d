"""Live equals replay: how predictions arrive makes no difference to what is found."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick import triggers
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.feedback import replay
from oneclick.triggers import streaming
from oneclick.triggers.streaming import PredictionChunk, SceneBlock
from tests.fakes import arrays

FPS = 1.0
LENGTH = 2700
"""A little more than two blocks."""


@cache
def week() -> PredictionChunk:
    """Two models that look at two people pacing up and down, each with errors of its own."""
    r = np.random.default_rng(5)
    frames = np.repeat(np.arange(LENGTH, dtype=np.int32), 2)
    x = np.abs((frames * 7 + 300 * (np.arange(len(frames)) % 2)) % 1000 - 500) + 20
    y = 100 + 150 * (np.arange(len(frames)) % 2)
    clean = np.stack([x, y, x + 40, y + 100], 1)
    parts = []
    for _ in range(2):
        retained = r.random(len(frames)) > 0.05
        jitter = clean + r.normal(0, 1.5, (len(clean), 1))
        scores = r.beta(8, 2, len(clean))
        classes = np.zeros(len(clean))
        parts.append(
            arrays.detections(
                frames=frames, boxes=jitter, scores=scores, classes=classes, length=LENGTH, fps=FPS
            ).where(retained)
        )
    # The turned looks of the first model, a second apart, see somebody who lies by the wall.
    looks = np.arange(0, LENGTH, 3, dtype=np.int32)
    turned = arrays.detections(
        frames=looks,
        boxes=np.tile([560, 400, 630, 430], (len(looks), 1)) + r.normal(0, 1, (len(looks), 1)),
        scores=r.beta(8, 2, len(looks)),
        classes=np.zeros(len(looks)),
        length=LENGTH,
        fps=FPS,
    ).where(looks % 400 < 200)
    signal = np.cumsum(r.normal(0, 1, LENGTH)).astype(np.float32)
    return PredictionChunk(tuple(parts), {"drift": signal}, turned)


def looked(cuts: Iterable[int]) -> list[SceneBlock]:
    """The blocks of the week when it arrives in pieces."""
    buffer = replay.block_buffer([0.6, 0.6], 640, 480)
    blocks: list[SceneBlock] = []
    for start, stop in pairwise([0, *sorted(cuts), LENGTH]):
        blocks += buffer.feed(week().cut(Span(start, stop)))
    return blocks + list(buffer.close())


def hits(blocks: Iterable[SceneBlock]) -> list[Hit]:
    rules = triggers.make()
    return [hit for block in blocks for hit in block.find(rules)]


@cache
def at_once() -> tuple[Hit, ...]:
    return tuple(hits(looked([])))


@settings(max_examples=6, deadline=None)
@given(st.sets(st.integers(1, LENGTH - 1), max_size=12))
def test_any_chunking_finds_the_same_hits(cuts: set[int]) -> None:
    assert tuple(hits(looked(cuts))) == at_once()


def test_frame_by_frame_finds_the_same_hits() -> None:
    assert tuple(hits(looked(range(1, LENGTH)))) == at_once()


def test_turned_looks_come_with_the_predictions() -> None:
    turned = [hit for hit in at_once() if hit.trigger == "turned_conflict"]
    assert len(turned) >= LENGTH // 400
    alone = PredictionChunk(week().parts, week().signals)
    scene = replay.build_scene(alone, [0.6, 0.6], 640, 480)
    assert not [
        hit for hit in triggers.scan(scene, triggers.make()) if hit.trigger == turned[0].trigger
    ]


def test_blocks_answer_for_every_frame_once() -> None:
    blocks = looked(range(100, LENGTH, 100))
    assert [block.core for block in blocks] == [Span(0, 1200), Span(1200, 2400), Span(2400, LENGTH)]
    for block in blocks:
        assert len(block.visible) == len(block.core)
        low, high = block.start, block.start + block.scene.length
        assert block.scene.signals["drift"].tolist() == week().signals["drift"][low:high].tolist()
    assert all(hit.span.stop <= LENGTH for hit in at_once())
    assert sorted(at_once(), key=lambda hit: hit.order) == list(at_once())


def test_a_block_comes_as_soon_as_it_and_its_surroundings_are_there() -> None:
    buffer = replay.block_buffer([0.6, 0.6], 640, 480)
    needed = round((streaming.BLOCK_SECONDS + streaming.SECONDS_AFTER) * FPS)
    assert list(buffer.feed(week().cut(Span(0, needed - 1)))) == []
    assert len(list(buffer.feed(week().cut(Span(needed - 1, needed))))) == 1


def test_a_video_of_one_block_is_looked_at_whole() -> None:
    short = week().cut(Span(0, 900))
    buffer = replay.block_buffer([0.6, 0.6], 640, 480)
    (block,) = [*buffer.feed(short), *buffer.close()]
    all_hits = triggers.scan(replay.build_scene(short, [0.6, 0.6], 640, 480), triggers.make())
    assert block.find(triggers.make()) == all_hits


def test_borders_of_blocks_hide_nothing_and_invent_little() -> None:
    all_hits = triggers.scan(replay.build_scene(week(), [0.6, 0.6], 640, 480), triggers.make())

    def places(some: Iterable[Hit]) -> set[tuple[str, int]]:
        return {(hit.trigger, box[0]) for hit in some for box in hit.boxes}

    at_borders, other = places(all_hits), places(at_once())
    assert len(at_borders & other) > 0.99 * len(at_borders | other)


def test_models_of_different_frames_are_refused() -> None:
    lead, rival = week().parts
    buffer = replay.block_buffer([0.6, 0.6], 640, 480)
    with pytest.raises(ValueError, match="of the same frames"):
        list(buffer.feed(PredictionChunk((lead, rival.cut(Span(0, 10))))))
    with pytest.raises(ValueError, match="of the same frames"):
        list(buffer.feed(PredictionChunk((lead,), {"dark": np.zeros(3, np.float32)})))
    with pytest.raises(ValueError, match="of the same frames"):
        list(buffer.feed(PredictionChunk((lead,), turned=rival.cut(Span(0, 10)))))

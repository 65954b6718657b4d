"""Hits are those of a replay for predictions in any chunks, with reconnects at any frame."""

from __future__ import annotations

import itertools
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick import triggers
from oneclick.core.clips import Video
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.timing import Timing
from oneclick.feedback import replay
from oneclick.feedback.replay import StretchBlocks
from oneclick.storage import predictions
from oneclick.storage.workspace import Workspace
from oneclick.triggers import streaming
from oneclick.triggers.streaming import SceneBlock
from tests.feedback.films import FILMS, PAIR, THRESHOLD, Filmed, ward


def replayed(home: Path, film: Filmed, breaks: tuple[int, ...]) -> list[Hit]:
    """The hits of stored predictions of a video with breaks in time."""
    chunk, width, height = film
    workspace, lead = Workspace(home), chunk.parts[0]
    for model, part in zip(PAIR.files, chunk.parts, strict=True):
        predictions.save(workspace.predictions("v", model), part, model, THRESHOLD)
    for name, values in chunk.signals.items():
        predictions.save_signal(workspace.signals("v", name), values)
    recording = Video(
        id="v",
        camera="v",
        started_at=None,
        fps=lead.fps,
        frames=lead.length,
        width=int(width),
        height=int(height),
        digest="0",
        suffix=".mkv",
        timing=Timing(breaks=breaks),
    )
    rules = triggers.make()
    blocks = replay.replay_blocks(workspace, recording, PAIR)
    return [hit for block in blocks for hit in block.find(rules)]


def live(film: Filmed, cuts: set[int], breaks: tuple[int, ...]) -> list[Hit]:
    """The hits of the same predictions as they arrive, in chunks, with reconnects."""
    chunk, width, height = film
    stretches = StretchBlocks([THRESHOLD] * 2, width, height)
    blocks: list[SceneBlock] = []
    for start, stop in pairwise(sorted({0, *cuts, *breaks, chunk.length})):
        blocks += stretches.feed(chunk.cut(Span(start, stop)))
        if stop in breaks:
            blocks += stretches.end_stretch()
    rules = triggers.make()
    return [hit for block in [*blocks, *stretches.end_stretch()] for hit in block.find(rules)]


@pytest.mark.parametrize("seconds_per_block", [1200, 10], ids=["one block", "many blocks"])
@pytest.mark.parametrize("name", FILMS)
def test_hits_are_those_of_a_replay(
    name: str, seconds_per_block: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "BLOCK_SECONDS", seconds_per_block)
    film = FILMS[name]()
    frames = st.integers(1, film[0].length - 1)
    numbers = itertools.count()

    @settings(max_examples=3)
    @given(st.sets(frames, max_size=12), st.sets(frames, max_size=3))
    def check(cuts: set[int], breaks: set[int]) -> None:
        ordered = tuple(sorted(breaks))
        hits = live(film, cuts, ordered)
        assert hits == replayed(tmp_path / str(next(numbers)), film, ordered)
        assert hits

    check()


def test_a_block_is_complete_before_its_stretch_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BLOCK_SECONDS", 5.0)
    monkeypatch.setattr(streaming, "SECONDS_AFTER", 2.0)
    chunk, width, height = ward()
    blocks = StretchBlocks([THRESHOLD] * 2, width, height).feed(
        chunk.cut(Span(0, chunk.length - 1))
    )
    early = [hit for block in blocks for hit in block.find(triggers.make())]
    assert early
    assert max(hit.span.stop for hit in early) <= chunk.length - 1
    assert early == live(ward(), set(), ())[: len(early)]

"""Hits of a stretch that goes on are those of a replay up to now, at a constant cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick import triggers
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.feedback import early_hits, replay
from oneclick.feedback.early_hits import EarlyScanner
from oneclick.triggers import RuleSet, streaming
from oneclick.triggers.scene import Scene
from oneclick.triggers.streaming import PredictionChunk, SceneBlock
from tests.feedback.films import FILMS, THRESHOLD, ward


def replayed(chunk: PredictionChunk, width: float, height: float, stop: int) -> list[Hit]:
    scene = replay.build_scene(chunk.cut(Span(0, stop)), [THRESHOLD] * 2, width, height)
    return SceneBlock(scene, 0, Span(0, stop)).find(triggers.make())


def places(hits: Iterable[Hit]) -> set[tuple[str, int]]:
    """Trigger and frame of everything that was latest."""
    return {(hit.trigger, frame) for hit in hits for frame in range(hit.span.start, hit.span.stop)}


@settings(max_examples=4, deadline=None)
@given(st.sets(st.integers(10, 299), min_size=1, max_size=6))
def test_what_is_not_settled_is_found_as_if_the_stretch_ended_now(stops: set[int]) -> None:
    chunk, width, height = ward()
    scanner = EarlyScanner(triggers.make(), [THRESHOLD] * 2, width, height)
    for start, stop in pairwise([0, *sorted(stops)]):
        scanner.feed(chunk.cut(Span(start, stop)))
        latest = scanner.find()
        assert latest.settled == []
        assert latest.open == replayed(chunk, width, height, stop)


@pytest.mark.parametrize("name", FILMS)
def test_settled_hits_are_those_of_a_replay_within_seconds(name: str) -> None:
    chunk, width, height = FILMS[name]()
    scanner = EarlyScanner(triggers.make(), [THRESHOLD] * 2, width, height, seconds_after=10)
    settled: list[Hit] = []
    known: dict[tuple[str, int], int] = {}
    for stop in [*range(20, chunk.length, 20), chunk.length]:
        scanner.feed(chunk.cut(Span(max(0, (stop - 1) // 20 * 20), stop)))
        latest = scanner.find()
        settled += latest.settled
        for place in places(latest.open):
            known.setdefault(place, stop)
    assert settled
    expected = places(replayed(chunk, width, height, chunk.length))
    early = places([*settled, *latest.open])
    assert len(early & expected) > 0.95 * len(early | expected)
    delays = sorted(known[place] - place[1] for place in expected & known.keys())
    assert delays[len(delays) * 9 // 10] <= 3.5 * chunk.parts[0].fps


@dataclass(frozen=True)
class Ruler:
    """Notes how long the scenes are, and finds something in every second of them."""

    name: ClassVar[str] = "ruler"
    summary: ClassVar[str] = "notes lengths"
    lengths: ClassVar[list[int]] = []

    def find(self, scene: Scene) -> list[Hit]:
        self.lengths.append(scene.length)
        spans = [Span(k, min(k + 15, scene.length)) for k in range(0, scene.length, 10)]
        return [Hit(trigger="ruler", span=span, score=1, boxes=(), why="") for span in spans]


def test_the_cost_does_not_grow_with_the_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"SECONDS_BEFORE": 3.0, "SECONDS_AFTER": 5.0}.items():
        monkeypatch.setattr(streaming, name, seconds)
    monkeypatch.setattr(early_hits, "SLACK_SECONDS", 1.0)
    chunk, width, height = ward()
    scanner = EarlyScanner(RuleSet([Ruler()]), [THRESHOLD] * 2, width, height, seconds_after=5)
    settled: list[Hit] = []
    for start in range(0, 300, 10):
        scanner.feed(chunk.cut(Span(start, start + 10)))
        settled += scanner.find().settled
    assert max(Ruler.lengths) <= (3 + 5 + 1 + 1) * 10
    stops = [hit.span.stop for hit in settled]
    assert {frame for _, frame in places(settled)} == set(range(max(stops)))


def test_the_rate_may_become_known_later() -> None:
    chunk, width, height = ward()
    scanner = EarlyScanner(triggers.make(), [THRESHOLD] * 2, width, height, seconds_after=5)
    for start in range(0, 300, 50):
        scanner.feed(chunk.cut(Span(start, start + 50)))
        latest = scanner.find(fps=5.0 + start / 100)
    assert latest.open
    assert {hit.span.stop for hit in latest.open} <= set(range(301))

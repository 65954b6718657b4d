"""Whatever happens, in whatever order: the totals are what a recount finds, now and then."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.catalog import Catalog, counters, recount
from oneclick.core.clips import MOVES, ClipStage
from oneclick.core.errors import IllegalMove, OneclickError, UnknownName
from oneclick.core.review import Verdict
from oneclick.storage import cards
from tests.catalog import samples as samples

VIDEOS = [
    samples.video(0),
    samples.video(1),
    samples.video(0, "hall"),
    samples.video(9, "x", False),
]
CLIPS = [samples.clip(number, recording) for recording in VIDEOS for number in range(2)]
clips, videos = st.sampled_from(CLIPS), st.sampled_from(VIDEOS)
stages = st.sampled_from(ClipStage)
legal = st.sampled_from([(old, new) for old in ClipStage for new in MOVES[old]])
triggers = st.lists(st.sampled_from(["flicker", "jump", "area"]), max_size=4)
acts = st.one_of(
    st.tuples(st.just("add"), clips),
    st.tuples(st.just("add"), clips),
    st.tuples(st.just("move"), clips, legal),
    st.tuples(st.just("move"), clips, legal),
    st.tuples(st.just("quarantine"), clips),
    st.tuples(st.just("retry"), clips),
    st.tuples(st.just("claim"), stages),
    st.tuples(st.just("hits"), videos, triggers),
    st.tuples(st.just("scan"), videos),
    st.tuples(st.just("whole"), videos, st.sampled_from([1000, 40_000, 90_000])),
    st.tuples(st.just("labels"), clips, st.integers(1, 3)),
    st.tuples(
        st.just("verdict"),
        clips,
        st.sampled_from(["accept", "reject"]),
        st.sampled_from(["anna", "bo", "policy:accept-auto"]),
    ),
    st.tuples(st.just("wait"), st.sampled_from([60, 840, 3600, 30_000])),
)


def act(catalog: Catalog, clock: samples.Clock, step: tuple) -> None:  # type: ignore[type-arg]
    match step:
        case ("add", clip):
            catalog.add_clip(clip, "cut")
        case ("move", clip, (old, new)):
            catalog.move(clip.id, old, new, "x")
        case ("quarantine", clip):
            catalog.quarantine(clip.id, "why", "x")
        case ("retry", clip):
            catalog.retry(clip.id, "x")
        case ("claim", stage):
            catalog.claim(stage, "far:1:2", 2, 60)
        case ("hits", video, names):
            catalog.replace_hits(video.id, [samples.hit(name) for name in names], "k")
        case ("scan", video):
            catalog.mark(video.id, cards.SCAN_STEP, "k")
        case ("whole", video, frames):
            whole = replace(catalog.video(video.id), frames=frames, digest=f"{frames}")
            catalog.replace_part(catalog.video(video.id), whole)
        case ("labels", clip, revision):
            label_set = samples.label_set(clip, revision, "auto" if revision == 1 else "human")
            catalog.add_revision(label_set, f"{revision}")
        case ("verdict", clip, decision, by):
            verdict = Verdict(
                clip=clip.id,
                decision=decision,
                by=by,
                at=clock(),
                tracks=None,
                seconds=12.5,
                edits=3,
                reason="",
            )
            catalog.add_verdict(verdict, len(clip.span))
        case ("wait", seconds):
            clock.on(seconds)


@settings(max_examples=40, deadline=None)
@given(st.lists(acts, max_size=30))
def test_totals_equal_a_recount(history: list) -> None:  # type: ignore[type-arg]
    clock, snapshots = samples.Clock(), []
    with tempfile.TemporaryDirectory() as home, samples.fresh(Path(home), clock) as catalog:
        for video in VIDEOS:
            catalog.add_video(video)
        catalog.add_selections(CLIPS)
        for step in history:
            try:
                act(catalog, clock, step)
            except (IllegalMove, UnknownName, OneclickError):
                continue
            if step[0] == "wait":
                snapshots.append((clock(), catalog.counts(), catalog.totals(counters.REVIEWED)))
        recount = Counter(row.stage for row in catalog.clips())
        assert catalog.counts() == {stage: recount[stage] for stage in ClipStage}
        assert catalog.hit_counts() == Counter(hit.trigger for _, hit in catalog.hits())
        assert samples.drift(catalog) == []
        assert len(catalog.clips()) + len(catalog.selections()) == len(CLIPS)
        for at, stages_then, reviews_then in snapshots:
            assert catalog.counts(at) == stages_then
            totals = catalog.totals(counters.REVIEWED, at=at)
            assert {key: value for key, value in totals.items() if value} == reviews_then


minutes = st.integers(0, 3000).map(lambda n: n * 60)


@given(minutes, st.one_of(minutes, st.just(inf)))
def test_pieces_cover_a_stretch_once_with_as_few_parts_as_needed(low: int, high: float) -> None:
    pieces = sorted(counters.split_range(low, high), key=lambda piece: piece[1])
    at: float = low
    for size, start, stop in pieces:
        assert start == at
        assert start % size == 0
        assert stop == inf or stop % size == 0
        at = stop
    assert at == max(low, high) if pieces else low >= high
    assert len(pieces) <= 5


def test_a_catalog_of_an_earlier_version_gets_its_counters(tmp_path: Path) -> None:
    clips = samples.furnish(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        before = {kind: catalog.totals(kind) for kinds in recount.KINDS.values() for kind in kinds}
        with catalog.transaction() as connection:
            recount.refill(connection)
        after = {kind: catalog.totals(kind) for kinds in recount.KINDS.values() for kind in kinds}
        assert after == before
        assert sum(catalog.counts().values()) == len(clips)


def test_a_grid_through_time_puts_each_hit_where_it_was_recorded(tmp_path: Path) -> None:
    with samples.fresh(tmp_path) as catalog:
        for video in VIDEOS:
            catalog.add_video(video)
            catalog.replace_hits(video.id, [samples.hit("jump", 5), samples.hit("jump", 900)], "k")
        noon, hour = samples.NOON, timedelta(hours=1)
        stop = noon + 2 * hour
        cells = catalog.series(counters.HIT_CAMERA, "", noon, stop, 3600, counters.MINUTE)
        first, second = (int((noon + k * hour).timestamp()) for k in range(2))
        assert cells == {"hall": {first: 2}, "ward": {first: 2, second: 2}}
        fine = catalog.series(counters.HIT_CAMERA, "", noon, stop, 60, counters.MINUTE)
        assert fine == {"hall": {first: 2}, "ward": {first: 2, second: 2}}
        extents = catalog.extents(counters.RECORDED, noon, stop, counters.QUARTER)
        assert extents == {"hall": (first, first, 1), "ward": (first, second, 2)}
        assert catalog.totals(counters.HIT_TRIGGER) == {("", "undated"): 2}
        assert catalog.last_activity(counters.RECORDED, noon + 9 * hour) == datetime.fromtimestamp(
            second + 900, noon.tzinfo
        )

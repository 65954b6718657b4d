"""Whatever happens, in whatever order: the totals are what a recount finds."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core.clips import MOVES, ClipStage
from oneclick.core.errors import IllegalMove, UnknownName
from oneclick.io.catalog import Catalog
from tests.io import catalog_samples as samples

VIDEOS = [samples.video(0), samples.video(1), samples.video(0, "hall")]
CLIPS = [samples.clip(number, of) for of in VIDEOS for number in range(2)]
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
)


def act(catalog: Catalog, what: tuple) -> None:  # type: ignore[type-arg]
    match what:
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
            catalog.put_hits(video.id, [samples.hit(name) for name in names], "k")


@settings(max_examples=30, deadline=None)
@given(st.lists(acts, max_size=25))
def test_totals_equal_a_recount(history: list) -> None:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory() as home, samples.fresh(Path(home)) as catalog:
        for video in VIDEOS:
            catalog.add_video(video)
        catalog.put_selection(CLIPS)
        for what in history:
            try:
                act(catalog, what)
            except (IllegalMove, UnknownName):
                continue
        counted = Counter(row.stage for row in catalog.clips())
        assert catalog.counts() == {stage: counted[stage] for stage in ClipStage}
        assert catalog.hit_counts() == Counter(hit.trigger for _, hit in catalog.hits())
        assert samples.drift(catalog) == []
        assert len(catalog.clips()) + len(catalog.selections()) == len(CLIPS)

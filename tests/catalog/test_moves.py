"""What a clip may do, what it leaves behind, and that doing it again changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from oneclick.catalog import Catalog
from oneclick.core.clips import MOVES, ClipStage
from oneclick.core.errors import BadInput, IllegalMove, OneclickError, UnknownName
from tests.catalog import samples as samples

PAIRS = list(itertools.product(ClipStage, ClipStage))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """One catalog with a clip for each pair of stages."""
    with samples.filled(tmp_path_factory.mktemp("pairs"), len(PAIRS)) as catalog:
        yield catalog


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=lambda stage: stage.value)
def test_a_clip_moves_where_the_table_says_and_nowhere_else(
    pairs: Catalog, old: ClipStage, new: ClipStage
) -> None:
    name = samples.clip(PAIRS.index((old, new))).id
    samples.place(pairs, name, old)
    if new not in MOVES[old]:
        with pytest.raises(IllegalMove, match=f"from {old} to {new}"):
            pairs.move(name, old, new, "test")
        assert pairs.clip(name).stage is old
        return
    assert pairs.move(name, old, new, "test", "why")
    assert pairs.clip(name).stage is new
    last = pairs.events(name)[-1]
    assert (last.old, last.new, last.by, last.detail) == (old, new, "test", "why")
    assert samples.drift(pairs) == []


def test_a_clip_that_stands_elsewhere_is_not_moved(tmp_path: Path) -> None:
    with samples.filled(tmp_path, 1) as catalog:
        name = samples.clip().id
        assert catalog.move(name, ClipStage.CUT, ClipStage.EXTRACTED, "a")
        assert not catalog.move(name, ClipStage.CUT, ClipStage.EXTRACTED, "a")
        assert len(catalog.events(name)) == 2
        with pytest.raises(UnknownName, match="no clip is called 'x'"):
            catalog.move("x", ClipStage.CUT, ClipStage.EXTRACTED, "a")


def test_a_quarantined_clip_keeps_its_reason_and_goes_back_where_it_fell(tmp_path: Path) -> None:
    with samples.filled(tmp_path, 1) as catalog:
        name = samples.clip().id
        samples.place(catalog, name, ClipStage.LABELLED)
        assert catalog.quarantine(name, "black frames", "review")
        assert not catalog.quarantine(name, "another reason", "review")
        row = catalog.clip(name)
        assert (row.error, row.failed_from) == ("black frames", ClipStage.LABELLED)
        assert catalog.retry(name, "me") is ClipStage.LABELLED
        assert catalog.retry(name, "me") is ClipStage.LABELLED
        assert catalog.clip(name).error == ""
        assert [event.new for event in catalog.events(name)][-2:] == ["QUARANTINED", "LABELLED"]


@pytest.mark.parametrize("stage", [ClipStage.PUBLISHED, ClipStage.REJECTED])
def test_what_is_finished_cannot_be_quarantined(tmp_path: Path, stage: ClipStage) -> None:
    with samples.filled(tmp_path, 1) as catalog:
        samples.place(catalog, samples.clip().id, stage)
        with pytest.raises(IllegalMove):
            catalog.quarantine(samples.clip().id, "late", "x")


def test_a_selection_that_cannot_be_cut_is_quarantined_and_can_be_tried_again(
    tmp_path: Path,
) -> None:
    with samples.filled(tmp_path, 0) as catalog:
        selection = [samples.clip(0), samples.clip(1)]
        catalog.add_selections(selection)
        assert catalog.quarantine(selection[0].id, "ends early", "cut")
        assert not catalog.quarantine(selection[0].id, "ends early", "cut")
        assert catalog.clip(selection[0].id).error == "ends early"
        assert catalog.selections() == selection[1:]
        assert catalog.retry(selection[0].id, "me") is ClipStage.CUT
        assert catalog.selections() == selection
        assert sum(catalog.counts().values()) == 0
        assert catalog.add_clip(selection[0], "cut")
        assert samples.drift(catalog) == []


def test_every_mutation_may_be_repeated(tmp_path: Path) -> None:
    clip, labels = samples.clip(), samples.label_set(samples.clip())
    with samples.filled(tmp_path, 0) as catalog:
        for repeat in range(2):
            assert catalog.add_video(samples.video()) is False
            catalog.mark("ward-0", "predict", "hog")
            catalog.replace_hits("ward-0", clip.hits, "k")
            catalog.add_selections([clip], [("ward-0", "trigger", "k")])
            assert catalog.add_clip(clip, "cut") is (repeat == 0)
            catalog.add_revision(labels, "d1")
            catalog.add_verdict(samples.verdict(clip), 10)
            catalog.add_model("m", None, {"a": repeat})
            catalog.add_run("r", "collect", "Running", samples.NOON, None)
        assert len(catalog.hits()) == len(catalog.revision_rows()) == len(catalog.verdicts()) == 1
        assert catalog.hit_counts() == {"flicker": 1}
        assert catalog.clip(clip.id).revision == 1
        assert [model.card for model in catalog.models()] == [{"a": 1}]
        assert len(catalog.runs()) == len(catalog.events()) == 1


def test_another_recording_under_a_known_id_is_refused(tmp_path: Path) -> None:
    with samples.filled(tmp_path, 0) as catalog, pytest.raises(BadInput, match="other content"):
        catalog.add_video(replace(samples.video(), digest="f" * 64))


def test_a_label_revision_never_changes(tmp_path: Path) -> None:
    labels = samples.label_set(samples.clip())
    with samples.filled(tmp_path, 1) as catalog:
        catalog.add_revision(labels, "d1")
        with pytest.raises(OneclickError, match="revision 1 is known with other content"):
            catalog.add_revision(labels, "d2")


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    with samples.fresh(tmp_path) as catalog:
        for video in (samples.video(1), samples.video(0, started=False), samples.video(0, "hall")):
            assert catalog.add_video(video)
            assert catalog.video(video.id) == video
        assert [video.id for video in catalog.videos()] == ["hall-0", "ward-0", "ward-1"]
        assert catalog.unmarked("predict", "hog") == ["hall-0", "ward-0", "ward-1"]
        catalog.mark("ward-0", "predict", "hog")
        assert catalog.unmarked("predict", "hog") == ["hall-0", "ward-1"]
        assert catalog.is_marked("ward-0", "predict", "hog")
        assert not catalog.is_marked("ward-0", "predict", "motion")
        hits = [samples.hit(), samples.hit("jump", 9)]
        catalog.replace_hits("ward-0", hits, "k")
        catalog.replace_hits("ward-1", hits[1:], "k")
        assert catalog.hits("ward-0") == [("ward-0", hit) for hit in hits]
        assert catalog.hits(trigger="jump") == [("ward-0", hits[1]), ("ward-1", hits[1])]
        catalog.replace_hits("ward-0", hits[:1], "k2")
        assert catalog.hit_counts() == {"flicker": 1, "jump": 1}
        clips = [samples.clip(k, samples.video(k % 2)) for k in range(4)]
        for clip in clips:
            catalog.add_clip(clip, "cut")
        assert [row.clip for row in catalog.clips()] == clips
        assert [row.clip for row in catalog.clips(video="ward-1")] == clips[1::2]
        assert [row.clip for row in catalog.clips(camera="ward", limit=2, offset=1)] == clips[1:3]
        assert catalog.clips(camera="hall") == catalog.clips(stage=ClipStage.LABELLED) == []


def test_labels_verdicts_and_history_come_out_as_rows(tmp_path: Path) -> None:
    clip = samples.clip()
    with samples.filled(tmp_path, 1) as catalog:
        catalog.add_revision(samples.label_set(clip, 1), "d1")
        catalog.add_revision(samples.label_set(clip, 2, "human"), "d2")
        catalog.add_verdict(samples.verdict(clip), 10)
        first, second = catalog.revision_rows(clip.id)
        assert (first.boxes, first.origins, second.kind, second.parent) == (1, {"d": 1}, "human", 1)
        assert first.made_at == samples.NOON
        row = catalog.verdicts()[0]
        assert (row.decision, row.by, row.images, row.seconds) == ("accept", "anna", 10, 12.5)
        catalog.add_run("r1", "collect", "Running", samples.NOON, None)
        catalog.add_run("r2", "train", "Running", samples.NOON + timedelta(hours=1), None)
        catalog.add_run("r1", "collect", "Completed", samples.NOON, samples.NOON, "all well")
        assert [run.state for run in catalog.runs()] == ["Running", "Completed"]
        assert [run.id for run in catalog.runs(limit=1)] == ["r2"]


def test_a_thing_of_an_unknown_video_is_refused_in_one_line(tmp_path: Path) -> None:
    with samples.fresh(tmp_path) as catalog:
        with pytest.raises(OneclickError, match="lacks a video or clip") as excinfo:
            catalog.add_clip(samples.clip(), "cut")
        assert "\n" not in str(excinfo.value)
        assert not catalog.clips()
        assert not catalog.events()

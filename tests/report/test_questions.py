"""What waits for review is asked about in the order of what it brings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from oneclick import report
from oneclick.catalog import Catalog
from oneclick.cli.main import app
from oneclick.core.clips import ClipStage
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace
from tests.fakes import clips


def waiting(home: Path, scores: dict[int, float]) -> None:
    """Clips in review; all boxes of a clip get one score."""
    items = clips.labelled(home, len(scores))
    with Catalog.open(home) as catalog:
        for clip in items:
            catalog.move(clip.id, ClipStage.LABELLED, ClipStage.IN_REVIEW, "test")
    for number, clip in enumerate(items):
        (path,) = labels.revisions(Workspace(home), clip.id)
        label_set = labels.load(path)
        tracks = tuple(
            replace(t, scores=np.full(len(t.frames), scores[number], np.float32))
            for t in label_set.tracks
        )
        path.write_bytes(labels.encode(replace(label_set, tracks=tracks)))


def test_the_clip_where_most_is_wrong_comes_first(tmp_path: Path) -> None:
    waiting(tmp_path, {0: 0.95, 1: 0.7, 2: 0.2})
    review_list = report.review_questions(tmp_path)
    assert [row.clip for row in review_list.rows] == [clips.clip(2).id, clips.clip(1).id]
    assert [round(row.expected, 1) for row in review_list.rows] == [8.0, 3.0]
    assert (review_list.clips, review_list.boxes, review_list.asked) == (3, 30, 20)
    only = report.review_questions(tmp_path, [clips.clip(1).id])
    assert (only.clips, len(only.rows)) == (1, 1)


def test_the_command_shows_them_and_what_is_accepted(tmp_path: Path) -> None:
    run = CliRunner().invoke
    empty = run(app, ["review", "questions", "--home", str(tmp_path)])
    assert "no clip waits for review" in empty.stderr
    waiting(tmp_path, {0: 0.95, 1: 0.2})
    result = run(app, ["review", "questions", "--home", str(tmp_path)])
    assert "check this person" in result.stdout
    assert "10 of their 20 boxes" in result.stderr
    listed = json.loads(run(app, ["review", "questions", "--home", str(tmp_path), "--json"]).stdout)
    assert listed["rows"][0]["clip"] == clips.clip(1).id


def test_a_clip_whose_labels_are_broken_does_not_stop_the_others(tmp_path: Path) -> None:
    waiting(tmp_path, {0: 0.2, 1: 0.2})
    (path,) = labels.revisions(Workspace(tmp_path), clips.clip(0).id)
    path.write_bytes(b"{")
    review_list = report.review_questions(tmp_path)
    assert {row.clip for row in review_list.rows} == {clips.clip(1).id}
    assert list(review_list.unreadable) == [clips.clip(0).id]

"""Clips that nobody looked at: where somebody may be without a label, nothing is taught."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from oneclick import report
from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.labels import IGNORE, LabelSet
from oneclick.core.spans import Span
from oneclick.feedback import clip_evidence, stored_predictions, unlabelled
from oneclick.stages import publish, review
from oneclick.storage import datasets, labels, predictions
from oneclick.storage.workspace import Workspace
from oneclick.training import data
from tests.fakes import clips

PERSON = np.array([40.0, 6.0, 52.0, 40.0])
"""Somebody whom no label shows; the labels' own person is further to the left."""


def predict(home: Path, clip: str, boxes: np.ndarray, score: float, model: str = "rival") -> None:
    """Store what a model detected in each frame of a clip: one person, or several."""
    n, people = 10, np.atleast_2d(boxes)
    frames = np.repeat(np.arange(n, dtype=np.int32), len(people))
    detections = Detections(
        frames=frames,
        boxes=np.tile(people, (n, 1)).astype(np.float32) + frames[:, None] * 0.8,
        scores=np.full(len(frames), score, np.float32),
        classes=np.zeros(len(frames), np.int16),
        length=n,
        fps=10.0,
    )
    path = Workspace(home).clip_predictions(clip, model)
    predictions.save(path, detections, model, 0.5)


@pytest.fixture
def waiting(tmp_path: Path) -> str:
    """Send one clip to review, with pictures of which nothing moves."""
    (item,) = clips.labelled(tmp_path, filmed=True)
    workspace = Workspace(tmp_path)
    workspace.frames_dir(item.id).mkdir(parents=True)
    for frame in range(10):
        picture = np.full((48, 64, 3), 90, np.uint8)
        cv2.imwrite(str(workspace.frame_file(item.id, frame)), picture)
    review.send(tmp_path, [item.id])
    return item.id


def accepted(home: Path, clip: str) -> LabelSet:
    """Accept a clip unseen; return its newest labels."""
    assert review.accept_auto(home, [clip]).failed == {}
    assert review.collect(home).done == [clip]
    label_set = labels.latest(Workspace(home), clip)
    assert label_set is not None
    return label_set


@pytest.mark.parametrize(("score", "regions"), [(0.9, 1), (0.05, 0)], ids=["sure", "noise"])
def test_whom_a_model_saw_and_no_label_shows_is_left_out(
    tmp_path: Path, waiting: str, score: float, regions: int
) -> None:
    predict(tmp_path, waiting, PERSON, score)
    label_set = accepted(tmp_path, waiting)
    ignored = [track for track in label_set.tracks if track.cls == IGNORE]
    assert len(ignored) == regions
    assert (label_set.kind, label_set.revision) == ("auto", 1 + regions)
    assert [t.cls for t in label_set.tracks].count("person") == 1
    for track in ignored:
        assert (track.boxes[0, :2] <= PERSON[:2]).all()
        assert (track.boxes[0, 2:] >= PERSON[2:]).all()


def test_whom_a_close_up_did_not_look_at_is_left_out(tmp_path: Path, waiting: str) -> None:
    """A close-up looks at windows around first labels; nobody had one here."""
    predict(tmp_path, waiting, PERSON, 0.9)
    workspace, name = Workspace(tmp_path), "rival" + stored_predictions.CLOSE_UP_SUFFIX
    predictions.save(
        workspace.clip_predictions(waiting, name), Detections.empty(10, 10.0), name, 0.5
    )
    assert accepted(tmp_path, waiting).ignored_boxes() == 10


def test_whom_both_looks_show_is_one_box_of_the_surer_one(tmp_path: Path, waiting: str) -> None:
    away = PERSON - np.array([30, 0, 30, 0])
    predict(tmp_path, waiting, np.stack([PERSON, away]), 0.7)
    predict(tmp_path, waiting, PERSON + 1, 0.9, "rival" + stored_predictions.CLOSE_UP_SUFFIX)
    with Catalog.open(tmp_path) as catalog:
        clip = catalog.clip(waiting).clip
    (model,) = clip_evidence.load_models(Workspace(tmp_path), clip, ("person",))
    assert model.model == "rival"
    first = model.detections.where(model.detections.frames == 0)
    order = np.argsort(first.boxes[:, 0])
    assert first.boxes[order] == pytest.approx(np.stack([away, PERSON + 1]))
    assert first.scores[order] == pytest.approx([0.7, 0.9])
    assert len(model.detections) == 20


def test_whom_a_model_saw_for_a_moment_only_is_left_out_there(tmp_path: Path, waiting: str) -> None:
    predict(tmp_path, waiting, PERSON, 0.9)
    path = Workspace(tmp_path).clip_predictions(waiting, "rival")
    moment = predictions.load(path).where(np.array([4]))
    predictions.save(path, moment, "rival", 0.5)
    (region,) = [t for t in accepted(tmp_path, waiting).tracks if t.cls == IGNORE]
    assert region.frames.tolist() == [4]


def test_who_is_labelled_is_not_left_out(tmp_path: Path, waiting: str) -> None:
    predict(tmp_path, waiting, clips.track().boxes[0], 0.9)
    assert accepted(tmp_path, waiting).ignored_boxes() == 0


def test_what_is_left_out_is_grey_in_training_and_counted_everywhere(
    tmp_path: Path, waiting: str
) -> None:
    predict(tmp_path, waiting, PERSON, 0.9)
    accepted(tmp_path, waiting)
    publication = publish.publish(tmp_path, [waiting], "", ("person",))
    assert (publication.ignored_boxes, publication.ignored_frames) == (10, 10)
    version = datasets.find(Workspace(tmp_path))
    assert version is not None
    assert version.ignored() == (10, 10)
    assert version.clips[0].origins == {"d": 10}
    summary = report.lap_summary(tmp_path)
    assert (summary.ignored_boxes, summary.ignored_frames) == (10, 10)
    side = version.clips[0].split
    options = data.ImageOptions("fcos-tiny", ("person",))
    images = data.ClipImages(tmp_path / "training-server", version.name, side, options)
    assert len(images[0].ignored) == 1
    assert len(images[0].boxes) == 1


def test_a_broken_manifest_costs_the_summary_these_counts_only(
    tmp_path: Path, waiting: str
) -> None:
    predict(tmp_path, waiting, PERSON, 0.9)
    accepted(tmp_path, waiting)
    version = publish.publish(tmp_path, [waiting], "", ("person",)).version
    assert version is not None
    (Workspace(tmp_path).dataset_dir(version) / "manifest.jsonl").write_bytes(b"rubbish")
    summary = report.lap_summary(tmp_path)
    assert (summary.dataset, summary.dataset_clips) == (version, 1)
    assert (summary.ignored_boxes, summary.ignored_frames) == (None, None)


def test_accepting_twice_or_after_a_kill_leaves_one_revision(
    tmp_path: Path, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(tmp_path, waiting, PERSON, 0.9)
    with monkeypatch.context() as patch:
        patch.setattr(review, "give_verdict", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            review.accept_auto(tmp_path, [waiting])
    assert accepted(tmp_path, waiting).revision == 2
    assert review.accept_auto(tmp_path, [waiting]).skipped == [waiting]
    with Catalog.open(tmp_path) as catalog:
        assert catalog.clip(waiting).stage is ClipStage.ACCEPTED
        assert [row.revision for row in catalog.revision_rows(waiting)] == [1, 2]


def test_a_person_who_corrects_the_clip_decides_alone(tmp_path: Path, waiting: str) -> None:
    predict(tmp_path, waiting, PERSON, 0.9)
    review.give_verdict(tmp_path, [waiting], "accept", "annotator-1")
    assert review.accept_auto(tmp_path, [waiting]).skipped == [waiting]
    review.collect(tmp_path)
    label_set = labels.latest(Workspace(tmp_path), waiting)
    assert label_set is not None
    assert (label_set.kind, label_set.ignored_boxes()) == ("human", 0)


def test_what_a_person_corrected_before_the_clip_was_reopened_stays(
    tmp_path: Path, waiting: str
) -> None:
    predict(tmp_path, waiting, PERSON, 0.9)
    workspace = Workspace(tmp_path)
    before = labels.latest(workspace, waiting)
    assert before is not None
    corrected = dataclasses.replace(
        before, revision=2, parent=1, kind="human", made_by="annotator-1"
    )
    labels.save(workspace, corrected)
    label_set = accepted(tmp_path, waiting)
    assert (label_set.revision, label_set.made_by) == (2, "annotator-1")
    assert label_set.ignored_boxes() == 0


@pytest.mark.parametrize(
    ("labelled", "expected"), [(set(), [2, 3, 4]), ({3}, [2, 4]), ({2, 3, 4}, [])]
)
def test_unusual_pictures_without_a_label_are_left_out_as_a_whole(
    labelled: set[int], expected: list[int]
) -> None:
    item = clips.clip(1)
    unusual = Hit(trigger="novelty", span=Span(102, 105), score=1.0, boxes=(), why="unusual")
    boxed = Hit(
        trigger="blip", span=Span(106, 107), score=1.0, boxes=((106, 0, 0, 9, 9),), why="blip"
    )
    item = dataclasses.replace(item, hits=(unusual, boxed))
    assert unlabelled.unexplained_frames(item, labelled).tolist() == expected

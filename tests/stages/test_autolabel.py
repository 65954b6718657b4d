"""Autolabel: labels from stored predictions or from the pictures, once, and bad clips put aside."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from oneclick import detectors
from oneclick.catalog import Catalog
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.detections import Detections
from oneclick.core.errors import DetectorUnavailable, NoSpace, UnknownName, UsageError
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.feedback import labeller_skills, stored_predictions
from oneclick.hindsight.skills import Skill, TeamSkills
from oneclick.stages import autolabel
from oneclick.storage import cards, files, labels, predictions
from oneclick.storage.workspace import Workspace
from tests.fakes import arrays, clips

NOW = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
CLASSES = ("person",)


class Bright:
    """Finds the one white rectangle of a picture."""

    name = "test:bright"
    model_id = "test-bright"
    names = CLASSES
    threshold = 0.5
    stateful = False
    shrinks = False
    looked = 0

    def detect(self, frames: list[Frame]) -> list[FrameDetections]:
        Bright.looked += len(frames)
        return [self._one(frame) for frame in frames]

    def reset(self) -> None: ...

    def _one(self, frame: Frame) -> FrameDetections:
        y, x = np.nonzero(frame[..., 0] > 128)
        box = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], np.float32)
        return box, np.array([0.9], np.float32), np.zeros(1, np.int16)


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clip:
    """Ten frames at EXTRACTED with a white rectangle that walks right; detectors are Bright."""
    Bright.looked = 0
    monkeypatch.setattr(detectors, "create", lambda *_: Bright())
    return extracted(tmp_path, 1)


def extracted(home: Path, number: int) -> Clip:
    workspace, item = Workspace(home), clips.clip(number)
    with Catalog.open(home) as catalog:
        catalog.add_video(clips.VIDEO)
        cards.save_clip_card(workspace, item)
        catalog.add_clip(item, "test")
        catalog.move(item.id, ClipStage.CUT, ClipStage.EXTRACTED, "test")
    workspace.frames_dir(item.id).mkdir(parents=True)
    for k in range(10):
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[8:40, 5 + 2 * k : 20 + 2 * k] = 255
        cv2.imwrite(str(workspace.frame_file(item.id, k)), picture)
    return item


def stage(home: Path, clip_id: str) -> ClipStage:
    with Catalog.open(home) as catalog:
        return catalog.clip(clip_id).stage


def run(home: Path, *names: str) -> tuple[list[str], list[str], dict[str, str]]:
    result = autolabel.autolabel(home, names, ["test:bright"], CLASSES, at=NOW)
    return result.done, result.skipped, result.failed


def test_a_clip_is_labelled_from_its_pictures(tmp_path: Path, clip: Clip) -> None:
    assert run(tmp_path, clip.id) == ([clip.id], [], {})
    assert stage(tmp_path, clip.id) is ClipStage.LABELLED
    label_set = labels.latest(Workspace(tmp_path), clip.id)
    assert label_set is not None
    assert (label_set.revision, label_set.kind, label_set.made_at) == (1, "auto", NOW)
    assert label_set.made_by == "hindsight:test-bright"
    assert [track.frames.tolist() for track in label_set.tracks] == [list(range(10))]
    np.testing.assert_allclose(label_set.tracks[0].boxes[4], [13, 8, 28, 40], atol=1.5)


def test_a_labelled_clip_is_skipped(tmp_path: Path, clip: Clip) -> None:
    run(tmp_path, clip.id)
    assert run(tmp_path, clip.id) == ([], [clip.id], {})
    assert Bright.looked == 10


def test_the_catalog_knows_the_digest_of_the_file(tmp_path: Path, clip: Clip) -> None:
    run(tmp_path, clip.id)
    file = labels.revisions(Workspace(tmp_path), clip.id)[0]
    with Catalog.open(tmp_path) as catalog:
        (row,) = catalog.revision_rows(clip.id)
    assert row.digest == files.sha256(file)


def watched(frames: range) -> Detections:
    """What Bright would say of the whole Video, had the person walked through `frames`."""
    at = np.array(frames)
    lefts = 5 + 2.0 * (at - 100)
    high = np.zeros(len(at))
    corners = np.stack([lefts, high + 8, lefts + 15, high + 40], 1)
    return arrays.detections(
        frames=at,
        boxes=corners,
        scores=high + 0.9,
        classes=high,
        length=clips.VIDEO.frames,
        fps=10,
        names=CLASSES,
    )


def test_stored_predictions_are_used_and_nothing_is_looked_at(tmp_path: Path, clip: Clip) -> None:
    path = Workspace(tmp_path).predictions(clip.video, Bright.model_id)
    predictions.save(path, watched(range(100, 110)))
    assert run(tmp_path, clip.id)[0] == [clip.id]
    assert Bright.looked == 0


def test_what_happens_outside_the_clip_makes_its_labels_better(tmp_path: Path, clip: Clip) -> None:
    path = Workspace(tmp_path).predictions(clip.video, Bright.model_id)
    predictions.save(path, watched(range(107, 130)))
    run(tmp_path, clip.id)
    label_set = labels.latest(Workspace(tmp_path), clip.id)
    assert label_set is not None
    # Three boxes alone would be a false alarm: the future says that they are a person.
    assert [track.frames.tolist() for track in label_set.tracks] == [[7, 8, 9]]


@pytest.mark.parametrize("fault", ["broken", "other classes", "too short"])
def test_predictions_that_do_not_fit_are_not_used(tmp_path: Path, clip: Clip, fault: str) -> None:
    path = Workspace(tmp_path).predictions(clip.video, Bright.model_id)
    detections = watched(range(100, 110))
    if fault == "other classes":
        detections = replace(detections, names=("person", "bed"))
    predictions.save(path, detections.cut(clip.span) if fault == "too short" else detections)
    if fault == "broken":
        path.write_bytes(b"PAR1")
    assert run(tmp_path, clip.id)[0] == [clip.id]
    assert Bright.looked == 10


def test_boxes_stay_inside_the_picture(tmp_path: Path, clip: Clip) -> None:
    path = Workspace(tmp_path).predictions(clip.video, Bright.model_id)
    detections = watched(range(80, 130))
    predictions.save(path, replace(detections, boxes=detections.boxes - np.float32(12)))
    run(tmp_path, clip.id)
    label_set = labels.latest(Workspace(tmp_path), clip.id)
    assert label_set is not None
    every = np.concatenate([track.boxes for track in label_set.tracks])
    assert every.min() >= 0
    assert (every[:, 2:] > every[:, :2]).all()


def test_a_run_killed_before_the_move_is_finished_with_the_same_file(
    tmp_path: Path, clip: Clip
) -> None:
    workspace = Workspace(tmp_path)
    label_set = replace(clips.auto_labels(clip), made_at=datetime(2026, 1, 1, tzinfo=UTC))
    path = labels.save(workspace, label_set)
    before = path.read_bytes()
    assert run(tmp_path, clip.id)[0] == [clip.id]
    assert path.read_bytes() == before
    assert stage(tmp_path, clip.id) is ClipStage.LABELLED


def test_a_clip_without_its_pictures_is_put_aside_and_the_others_go_on(
    tmp_path: Path, clip: Clip
) -> None:
    other = extracted(tmp_path, 2)
    Workspace(tmp_path).frame_file(clip.id, 3).write_bytes(b"no picture")
    labelled, _, failed = run(tmp_path, clip.id, other.id, "nobody-x-1")
    assert (labelled, sorted(failed)) == ([other.id], sorted([clip.id, "nobody-x-1"]))
    assert "000003.jpg" in failed[clip.id]
    assert stage(tmp_path, clip.id) is ClipStage.QUARANTINED
    assert Workspace(tmp_path).quarantine_card(clip.id).exists()


def test_a_full_disk_stops_the_batch_and_puts_no_clip_aside(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise NoSpace("no space left")

    monkeypatch.setattr(files, "write_atomic", full)
    with pytest.raises(NoSpace):
        run(tmp_path, clip.id)
    assert stage(tmp_path, clip.id) is ClipStage.EXTRACTED


def test_the_same_clip_gives_the_same_bytes(tmp_path: Path, clip: Clip) -> None:
    run(tmp_path / "a", extracted(tmp_path / "a", 1).id)
    run(tmp_path / "b", extracted(tmp_path / "b", 1).id)
    first, two = (labels.revisions(Workspace(tmp_path / home), clip.id)[0] for home in "ab")
    assert first.read_bytes() == two.read_bytes()


def test_a_labeller_nobody_knows_stops_before_any_clip(tmp_path: Path) -> None:
    with pytest.raises(UnknownName):
        autolabel.autolabel(tmp_path, [], ["opencv:cat"], CLASSES)
    with pytest.raises(UsageError):
        autolabel.autolabel(tmp_path, [], [], CLASSES)


def create_bright_only(name: str, *_: object) -> Bright:
    if name != Bright.name:
        raise DetectorUnavailable(f"detector {name}: its file is broken")
    return Bright()


def test_a_labeller_that_cannot_load_is_named_and_the_others_label(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "create", create_bright_only)
    result = autolabel.autolabel(tmp_path, [clip.id], ["test:gone", "test:bright"], CLASSES)
    assert result.done == [clip.id]
    assert result.failed == {"labeller test:gone": "detector test:gone: its file is broken"}
    label_set = labels.latest(Workspace(tmp_path), clip.id)
    assert label_set is not None
    assert label_set.made_by == "hindsight:test-bright"


def test_without_a_labeller_that_loads_the_clips_stay_where_they_are(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "create", create_bright_only)
    reason = "no labeller can be used: detector test:gone: its file is broken; .*test:away"
    with pytest.raises(DetectorUnavailable, match=reason):
        autolabel.autolabel(tmp_path, [clip.id], ["test:gone", "test:away"], CLASSES)
    assert stage(tmp_path, clip.id) is ClipStage.EXTRACTED


def test_what_reviews_taught_of_the_labellers_is_used_and_named(tmp_path: Path, clip: Clip) -> None:
    skill = Skill(lean=(-0.2, 0.0, 0.2, 0.0))
    team = (Bright.model_id,)
    labeller_skills.save(
        Workspace(tmp_path), labeller_skills.LabellerSkills({team: TeamSkills((skill,))}, {team: 3})
    )
    run(tmp_path, clip.id)
    label_set = labels.latest(Workspace(tmp_path), clip.id)
    assert label_set is not None
    digest = labeller_skills.digest(labeller_skills.load(Workspace(tmp_path)).skills_of(team))
    assert label_set.made_by == f"hindsight:test-bright#{digest}"
    # Boxes that lean outwards by a fifth of their height are drawn that much narrower.
    np.testing.assert_allclose(label_set.tracks[0].boxes[4][[0, 2]], [13 + 6.4, 28 - 6.4], atol=1.5)


def test_predictions_of_a_clip_say_at_which_threshold(tmp_path: Path, clip: Clip) -> None:
    run(tmp_path, clip.id)
    workspace = Workspace(tmp_path)
    assert stored_predictions.load_threshold(workspace, clip, Bright.model_id) == 0.5
    assert stored_predictions.load_threshold(workspace, clip, "nobody") is None
    path = workspace.clip_predictions(clip.id, Bright.model_id)
    path.write_bytes(b"PAR1")
    assert stored_predictions.load_threshold(workspace, clip, Bright.model_id) is None


def closer(home: Path, names: list[str], **changes: object) -> list[str]:
    return autolabel.autolabel(home, names, ["test:bright"], CLASSES, at=NOW, **changes).done  # type: ignore[arg-type]


def test_a_model_that_shrinks_frames_looks_closer_at_its_first_labels(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bright, "shrinks", True)
    # From far away it draws the person twice as wide.
    path = Workspace(tmp_path).predictions(clip.video, Bright.model_id)
    far = watched(range(90, 130))
    wide = far.boxes + np.array([-4, 0, 4, 0], np.float32)
    predictions.save(path, replace(far, boxes=wide), Bright.model_id, 0.5)
    assert closer(tmp_path, [clip.id]) == [clip.id]
    assert Bright.looked == 10
    label_set = labels.latest(Workspace(tmp_path), clip.id)
    assert label_set is not None
    # Its neighbours outside the clip, which only the first look has seen, are smoothed with it.
    lefts, _, right, _ = label_set.tracks[0].boxes[4]
    assert right - lefts < 20
    near = stored_predictions.load_best(Workspace(tmp_path), clip, Bright.model_id, CLASSES)
    assert near is not None
    np.testing.assert_allclose(near.boxes[4], [13, 8, 28, 40], atol=1e-3)


def test_nobody_looks_closer_where_that_is_switched_off(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bright, "shrinks", True)
    path = Workspace(tmp_path).predictions(clip.video, Bright.model_id)
    predictions.save(path, watched(range(90, 130)), Bright.model_id, 0.5)
    looks = autolabel.LabellerLooks(closer=False)
    assert closer(tmp_path, [clip.id], looks=looks) == [clip.id]
    assert Bright.looked == 0


def test_labels_name_the_few_key_frames_from_which_the_rest_follows(
    tmp_path: Path, clip: Clip
) -> None:
    run(tmp_path, clip.id)
    label_set = labels.latest(Workspace(tmp_path), clip.id)
    assert label_set is not None
    assert label_set.tracks[0].keyframes == (0, 9)

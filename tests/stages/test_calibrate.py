from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oneclick.catalog import Catalog
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip, Video
from oneclick.core.detections import Detections
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.feedback import reviewed_clips, trigger_calibration
from oneclick.stages import calibrate, trigger
from oneclick.storage import cards, files, labels, predictions
from oneclick.storage.cards import ModelPair, ModelRef
from oneclick.storage.workspace import Workspace
from oneclick.triggers import priors
from oneclick.triggers.calibrate import Calibration, TriggerTally
from oneclick.triggers.selection import select
from oneclick.triggers.selection.select import SelectionHistory
from tests.fakes import arrays

OWN, RIVAL = ModelRef("own", 0.5), ModelRef("rival", 0.5)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VIDEO = Video(
    id="ward-a",
    camera="ward",
    started_at=NOON,
    fps=10.0,
    frames=800,
    width=640,
    height=480,
    digest="digest",
    suffix=".mp4",
)
HOLE = frozenset({"conflict_miss", "flicker", "hindsight_miss"})
OPTIONS = trigger.TriggerOptions(min_clips=4, enabled=tuple(sorted(HOLE)))


def said(holes: tuple[int, ...] = ()) -> Detections:
    frames = [k for k in range(800) if k not in holes]
    # In the second half they stand elsewhere: the same trouble again would not be selected.
    sides_of_half = [[100.0, 100.0, 140.0, 200.0], [300.0, 100.0, 340.0, 200.0]]
    sides = [sides_of_half[k >= 400] for k in frames]
    return arrays.detections(
        frames=frames,
        boxes=sides,
        scores=[0.9] * len(frames),
        classes=[0] * len(frames),
        length=800,
        fps=10.0,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return furnish(tmp_path)


def furnish(tmp_path: Path, options: trigger.TriggerOptions = OPTIONS) -> Path:
    """One video, its model blind in frames 200 and 700; every selected clip is cut."""
    workspace = Workspace(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        catalog.add_video(VIDEO)
    predictions.save(workspace.predictions(VIDEO.id, OWN.id), said((200, 700)))
    predictions.save(workspace.predictions(VIDEO.id, RIVAL.id), said())
    trigger.trigger(tmp_path, OWN, RIVAL, options)
    with Catalog.open(tmp_path) as catalog:
        for clip in catalog.selections():
            catalog.add_clip(replace(clip, digest="any"), "test")
    return tmp_path


def accept(home: Path, by: str = "nurse", present: bool = True) -> list[Clip]:
    """Every clip is accepted: a person stands there in all frames, or in none."""
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        clips = [row.clip for row in catalog.clips()]
        for clip in clips:
            true = said().cut(clip.span)
            n = len(true)
            tracks = arrays.tracks(
                frames=true.frames,
                tracks=[0] * n,
                boxes=true.boxes,
                scores=true.scores,
                classes=true.classes,
                origins=["h"] * n,
                length=n,
                fps=10.0,
            )
            label_set = LabelSet(
                clip=clip.id,
                revision=1,
                kind="human",
                parent=None,
                made_by=by,
                made_at=NOON,
                frames=n,
                width=640,
                height=480,
                classes=("person",),
                tracks=core_labels.from_tracks(tracks) if present else (),
            )
            catalog.add_revision(label_set, files.sha256(labels.save(workspace, label_set)))
            catalog.add_verdict(
                Verdict(clip=clip.id, decision="accept", by=by, at=NOON, seconds=30), len(clip.span)
            )
    return clips


def test_what_reviewers_confirm_is_believed_more(home: Path) -> None:
    accept(home)
    calibration = calibrate.calibrate(home)
    assert calibration.pairs == {"own|rival": {HOLE: TriggerTally(2, 2)}}
    assert trigger_calibration.load(Workspace(home)) == calibration
    assert calibration.calibration_of("own|rival").error_probability(
        HOLE
    ) > priors.BELIEFS.error_probability(HOLE)
    assert calibration.calibration_of("another|pair").error_probability(
        HOLE
    ) > priors.BELIEFS.error_probability(HOLE)


def test_what_reviewers_deny_is_believed_less(home: Path) -> None:
    accept(home, present=False)
    calibration = calibrate.calibrate(home)
    # The model is right to see nobody in the hole.
    assert calibration.pairs["own|rival"][HOLE] == TriggerTally(2, 0)
    assert calibration.calibration_of("own|rival").error_probability(
        HOLE
    ) < priors.BELIEFS.error_probability(HOLE)


def test_a_policy_is_no_witness(home: Path) -> None:
    accept(home, by="policy:accept-auto")
    assert calibrate.calibrate(home).pairs == {}
    assert Workspace(home).calibration.exists()


def test_the_next_look_uses_what_was_learned(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(home, present=False)
    calibration = calibrate.calibrate(home)
    used: list[Calibration] = []

    def record(candidates: object, options: object, history: SelectionHistory) -> list[object]:
        used.append(history.calibration)
        return []

    monkeypatch.setattr(select, "select", record)
    again = replace(OPTIONS, seed=1)
    trigger.trigger(home, OWN, RIVAL, again)
    assert used[0].error_probability(HOLE) == calibration.calibration_of(
        "own|rival"
    ).error_probability(HOLE)


def test_learning_again_gives_the_same_bytes_and_no_new_look(home: Path) -> None:
    accept(home)
    calibrate.calibrate(home)
    before = Workspace(home).calibration.read_bytes()
    calibrate.calibrate(home)
    assert Workspace(home).calibration.read_bytes() == before
    assert trigger.trigger(home, OWN, RIVAL, OPTIONS).skipped == [VIDEO.id]


def test_a_clip_whose_predictions_are_gone_cannot_testify(home: Path) -> None:
    accept(home)
    Workspace(home).predictions(VIDEO.id, OWN.id).unlink()
    assert calibrate.calibrate(home).pairs == {}


def test_a_reviewed_clip_counts_its_frames_from_its_own_start(home: Path) -> None:
    clips = accept(home)
    with Catalog.open(home) as catalog:
        evaluated = reviewed_clips.evaluate_clips(Workspace(home), catalog).evaluated
    assert [evaluation.clip.id for evaluation in evaluated] == sorted(clip.id for clip in clips)
    for clip in clips:
        item = reviewed_clips.load(Workspace(home), clip)
        assert item
        assert item.models == ModelPair(OWN, RIVAL)
        assert item.predictions.length == item.truth.length == len(item.clip.span)
        assert all(0 <= box[0] < item.predictions.length for hit in item.hits for box in hit.boxes)


def test_a_broken_calibration_is_named_and_triggers_go_on_without(home: Path) -> None:
    path = Workspace(home).calibration
    path.parent.mkdir()
    path.write_text("{")
    result = trigger.trigger(home, OWN, RIVAL, replace(OPTIONS, seed=2))
    assert "calibration.json" in result.failed["calibration"]
    assert result.videos


def test_broken_evaluations_are_put_aside_and_made_again(home: Path) -> None:
    accept(home)
    calibrate.calibrate(home)
    path = Workspace(home).hit_evaluations
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    calibrate.calibrate(home)
    assert path.read_bytes() == whole
    assert path.with_suffix(".broken").read_bytes() == whole[:20]


def test_the_look_of_a_clip_is_the_one_that_selected_it(home: Path) -> None:
    hits_card = cards.load_hits(Workspace(home).hits(VIDEO.id))
    (clip, *_) = hits_card.selections
    assert hits_card.models_of(clip.id) == ModelPair(OWN, RIVAL)
    assert hits_card.models_of("ward-a-99999999") is None

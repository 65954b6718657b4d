"""People who lie, from the recording to the question: predict, trigger, labels, evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oneclick import detectors, triggers, video
from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage, Video
from oneclick.core.detections import Detections
from oneclick.core.results import BatchResult
from oneclick.core.spans import Span
from oneclick.core.turned_mode import TurnedMode
from oneclick.detectors import novelty, signals
from oneclick.feedback import clip_evidence, clip_questions, stored_predictions
from oneclick.stages import autolabel, cut, extract, predict, trigger
from oneclick.stages.autolabel import LabellerLooks
from oneclick.storage import cards, labels, predictions
from oneclick.storage.workspace import Workspace
from tests.fakes.standing import StandingDetector, room

NAME, CLASSES = "test:standing", ("person",)
FRAMES, FPS = 160, 10.0
LYING = (40, 80, 110, 105)
RECORDING = Video(
    id="ward-a",
    camera="ward",
    started_at=None,
    fps=FPS,
    frames=FRAMES,
    width=160,
    height=120,
    digest="digest-a",
    suffix=".mp4",
)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody walks in, lies down for twelve seconds, rises and leaves."""
    frames = [room((5 + 3 * k, 20, 25 + 3 * k, 90)) for k in range(20)]
    frames += [room(LYING)] * 120
    frames += [room((60 + 5 * k, 20, 80 + 5 * k, 90)) for k in range(20)]
    path: Path = tmp_path_factory.mktemp("footage") / "room.mp4"
    video.write(path, iter(frames), FPS)
    return path


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> StandingDetector:
    """The one detector there is, whatever name is asked for."""
    instance = StandingDetector()
    monkeypatch.setattr(detectors, "create", lambda *_: instance)
    return instance


@pytest.fixture
def home(tmp_path: Path, footage: Path) -> Path:
    workspace = Workspace(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        catalog.add_video(RECORDING)
    path = workspace.video_file(RECORDING)
    path.parent.mkdir(parents=True)
    path.write_bytes(footage.read_bytes())
    return tmp_path


def look(home: Path, turned: TurnedMode = "signs") -> BatchResult:
    result = predict.predict(home, [RECORDING.id], NAME, CLASSES, measure=True, turned=turned)
    assert result.failed == {}
    return result


def stored(home: Path, suffix: str = "-turned") -> Detections:
    name = StandingDetector.model_id + suffix
    return predictions.load(Workspace(home).predictions(RECORDING.id, name))


def test_turned_looks_are_stored_beside_the_predictions(
    home: Path, detector: StandingDetector
) -> None:
    assert look(home).done == [RECORDING.id]
    upright = stored(home, "")
    assert set(range(25, 135)).isdisjoint(upright.frames.tolist())
    looks = stored(home)
    assert (looks.length, looks.names) == (FRAMES, CLASSES)
    lying = looks.above(0.5)
    assert lying.frames[0] < 32
    assert lying.frames[-1] > 128
    assert np.diff(np.unique(lying.frames)).max() <= FPS
    np.testing.assert_allclose(lying.boxes[3], LYING, atol=2)
    assert detector.pictures < 1.6 * FRAMES


def test_no_look_is_paid_twice_and_another_setting_has_looks_of_its_own(
    home: Path, detector: StandingDetector
) -> None:
    look(home, "off")
    upright, pictures = stored(home, ""), detector.pictures
    assert pictures == FRAMES
    assert look(home).done == [RECORDING.id]  # turned looks only, at what was seen upright
    sparse = detector.pictures - pictures
    assert 0 < sparse < FRAMES
    np.testing.assert_array_equal(stored(home, "").boxes, upright.boxes)
    assert look(home).skipped == [RECORDING.id]
    assert look(home, "off").skipped == [RECORDING.id]
    assert detector.pictures == pictures + sparse
    assert look(home, "always").done == [RECORDING.id]
    assert detector.pictures == pictures + sparse + 2 * FRAMES
    assert set(stored(home, "-turned-always").frames.tolist()) >= set(range(25, 135))


def test_looks_in_one_pass_or_later_are_the_same(home: Path, detector: StandingDetector) -> None:
    look(home, "off")
    look(home)
    later = stored(home)
    for path in Workspace(home).predictions(RECORDING.id, "x").parent.glob("*.parquet"):
        path.unlink()
    look(home)
    np.testing.assert_array_equal(stored(home).frames, later.frames)
    np.testing.assert_array_equal(stored(home).boxes, later.boxes)


class UnusualRoom:
    """A model of novelty of a room that looks unusual from frame 32 on."""

    kind = "novelty-gan"

    def __init__(self) -> None:
        self.count = 0

    def score_small(self, frames: np.ndarray) -> np.ndarray:
        numbers = self.count + np.arange(len(frames))
        self.count += len(frames)
        return np.where(numbers >= 32, 1.5, 0.5).astype(np.float32)


def test_an_unusual_picture_is_looked_at_in_one_pass_or_later_the_same(
    home: Path, detector: StandingDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    video.write(Workspace(home).video_file(RECORDING), iter([room()] * FRAMES), FPS)
    look(home)
    assert detector.pictures == FRAMES + 2 * len(range(0, FRAMES, 50))

    def load_meters(*_: object) -> predict.SignalMeters:
        scorer = novelty.NoveltyScorer(UnusualRoom())  # type: ignore[arg-type]
        return predict.SignalMeters(signals.SignalMeter(FPS), [scorer])

    monkeypatch.setattr(predict, "load_meters", load_meters)
    looks = len({0, *range(47, FRAMES, 10)})
    for lost in ("*-turned.parquet", "*.parquet"):
        for path in Workspace(home).predictions(RECORDING.id, "x").parent.glob(lost):
            path.unlink()
        detector.pictures = 0
        look(home)
        assert detector.pictures == 2 * looks + (FRAMES if lost == "*.parquet" else 0)


@pytest.mark.parametrize("damage", [b"", b"rubbish"])
def test_broken_looks_are_taken_again(
    home: Path, detector: StandingDetector, damage: bytes
) -> None:
    look(home)
    path = Workspace(home).predictions(RECORDING.id, f"{StandingDetector.model_id}-turned")
    content = path.read_bytes()
    path.write_bytes(damage)
    assert look(home).done == [RECORDING.id]
    assert path.read_bytes() == content


def test_a_detector_that_remembers_frames_takes_no_turned_looks(
    home: Path, detector: StandingDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StandingDetector, "stateful", True)
    look(home)
    assert detector.pictures == FRAMES


def scan(home: Path, turned: TurnedMode = "signs") -> trigger.TriggerResult:
    return trigger.trigger(home, NAME, options=OPTIONS, turned=turned)


OPTIONS = trigger.TriggerOptions(
    enabled=["turned_conflict"], min_clips=1, control=0, novelty=0, clip_seconds=2, test_share=0
)


def test_who_lies_is_a_hit_and_the_hit_is_the_same_in_a_replay(
    home: Path, detector: StandingDetector
) -> None:
    look(home)
    result = scan(home)
    assert result.hits == {"turned_conflict": 1}
    card = cards.load_hits(Workspace(home).hits(RECORDING.id))
    (hit,) = card.hits
    assert hit.span.start < 35
    assert hit.span.stop > 125
    models = card.looked[card.key]
    assert models.turned == f"{StandingDetector.model_id}-turned"
    again = trigger.scan_video(
        Workspace(home), RECORDING, models, triggers.make(["turned_conflict"])
    )
    assert tuple(again.hits) == card.hits
    assert scan(home).skipped == [RECORDING.id]


def test_without_looks_a_video_is_scanned_as_ever(home: Path, detector: StandingDetector) -> None:
    look(home, "off")
    result = scan(home)
    assert (result.videos, result.hits) == ([RECORDING.id], {})
    assert scan(home, "off").skipped == [RECORDING.id]
    look(home)
    assert scan(home).hits == {"turned_conflict": 1}


def labelled(home: Path, looks: LabellerLooks) -> tuple[Workspace, str]:
    """The one clip that the trigger leads to, labelled."""
    look(home)
    scan(home)
    cut.cut(home, "cut")
    with Catalog.open(home) as catalog:
        (row,) = catalog.clips(stage=ClipStage.CUT)
    extract.extract(home, [row.clip.id])
    result = autolabel.autolabel(home, [row.clip.id], [NAME], CLASSES, looks=looks)
    assert (result.done, result.failed) == ([row.clip.id], {})
    return Workspace(home), row.clip.id


@pytest.mark.parametrize("mode", ["signs", "always"])
def test_who_lies_is_labelled_in_every_frame(
    home: Path, detector: StandingDetector, mode: TurnedMode
) -> None:
    workspace, clip_id = labelled(home, LabellerLooks(turned=mode))
    clip = cards.load_clip_card(workspace.clip_card(clip_id))
    label_set = labels.latest(workspace, clip_id)
    assert label_set is not None
    lying = [number for number in range(len(clip.span)) if 20 <= clip.span.start + number < 140]
    assert len(lying) > 10
    (track,) = [t for t in label_set.tracks if np.ptp(t.boxes[0, ::2]) > np.ptp(t.boxes[0, 1::2])]
    assert track.frames.tolist() == lying
    np.testing.assert_allclose(np.median(track.boxes, 0), LYING, atol=2)
    opinion = stored_predictions.load_best(workspace, clip, StandingDetector.model_id, CLASSES)
    assert opinion is not None
    assert set(opinion.frames.tolist()) >= set(lying)


def test_whom_no_label_shows_a_reviewer_is_asked_about(
    home: Path, detector: StandingDetector
) -> None:
    """The labeller sees nobody lying; what the predictor saw turned is evidence."""
    workspace, clip_id = labelled(home, LabellerLooks())
    label_set = labels.latest(workspace, clip_id)
    assert label_set is not None
    assert not [t for t in label_set.tracks if np.ptp(t.boxes[0, ::2]) > 50]
    clip = cards.load_clip_card(workspace.clip_card(clip_id))
    asked = clip_questions.ask(workspace, clip, label_set)
    (question,) = [question for question in asked if question.track is None]
    assert "turned" in question.why
    assert question.box is not None
    np.testing.assert_allclose(question.box, LYING, atol=2)
    models = clip_evidence.load_models(workspace, clip, CLASSES)
    assert [model.model for model in models] == ["test-standing", "test-standing-turned"]


def test_a_clip_that_was_looked_at_is_not_looked_at_again(
    home: Path, detector: StandingDetector
) -> None:
    workspace, clip_id = labelled(home, LabellerLooks(turned="signs"))
    clip = cards.load_clip_card(workspace.clip_card(clip_id))
    ensemble = autolabel.LabellerEnsemble((detector,), None, CLASSES, LabellerLooks(turned="signs"))
    before = detector.pictures
    tracks = autolabel.predict_tracks(workspace, clip, Span(0, FRAMES), ensemble)
    assert detector.pictures == before
    assert len(tracks) >= len(clip.span) - 1

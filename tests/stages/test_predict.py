import errno
from pathlib import Path

import numpy as np
import pytest

from oneclick import detectors, video
from oneclick.catalog import Catalog, verify
from oneclick.core.clips import Video
from oneclick.core.errors import DetectorUnavailable, NoSpace, UnknownName, UsageError
from oneclick.stages import predict
from oneclick.storage import files, predictions
from oneclick.storage.workspace import Workspace

MOTION = "opencv:motion"
FRAMES = 30


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """A small room through which a block walks from frame 15 on."""
    path: Path = tmp_path_factory.mktemp("recording") / "room.mp4"
    wall = np.random.default_rng(5).integers(60, 120, (15, 20, 3), np.uint8)
    frames = np.repeat(np.repeat(wall, 8, 0), 8, 1)[None].repeat(FRAMES, 0)
    for k in range(15, FRAMES):
        frames[k, 30:100, 8 * (k - 15) : 8 * (k - 15) + 30] = (240, 20, 20)
    video.write(path, iter(frames), 10.0)
    return path


@pytest.fixture
def home(tmp_path: Path, recording: Path) -> Path:
    """A workspace with two good videos and, between them, one that is no video."""
    workspace = Workspace(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        for name in ("ward-a", "ward-b", "ward-c"):
            recording_row = Video(
                id=name,
                camera="ward",
                started_at=None,
                fps=10.0,
                frames=FRAMES,
                width=160,
                height=120,
                digest=f"digest-{name}",
                suffix=".mp4",
            )
            catalog.add_video(recording_row)
            target = workspace.video_file(recording_row)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"no video" if name == "ward-b" else recording.read_bytes())
    return tmp_path


def look(home, *videos, detector=MOTION, classes=("person",)):
    return predict.predict(home, videos, detector, classes)


def stored(home: Path, name: str = "ward-a") -> Path:
    return Workspace(home).predictions(name, "opencv-motion")


def test_a_bad_video_fails_and_the_rest_goes_on(home):
    result = look(home, "ward-a", "ward-b", "ward-c")
    assert (result.done, result.skipped) == (["ward-a", "ward-c"], [])
    assert list(result.failed) == ["ward-b"]
    assert "\n" not in result.failed["ward-b"]
    assert not stored(home, "ward-b").exists()


def test_predictions_are_stored_and_the_catalog_knows(home):
    look(home, "ward-a", classes=("bed", "person"))
    detections = predictions.load(stored(home))
    assert (detections.length, detections.fps, detections.names) == (
        FRAMES,
        10.0,
        ("bed", "person"),
    )
    assert len(detections.above(0.4)) >= 10
    assert set(detections.classes.tolist()) == {1}
    with Catalog.open(home) as catalog:
        assert catalog.unmarked(predict.STEP, "opencv-motion") == ["ward-b", "ward-c"]


def test_a_second_time_nothing_is_done_again(home):
    look(home, "ward-a")
    before = stored(home).stat().st_mtime_ns
    result = look(home, "ward-a")
    assert (result.done, result.skipped) == ([], ["ward-a"])
    assert stored(home).stat().st_mtime_ns == before


def test_one_model_under_two_names_predicts_once(home):
    assert predict.predict(home, ["ward-a"], [MOTION, MOTION], ("person",)).done == ["ward-a"]
    content = stored(home).read_bytes()
    assert predictions.load(stored(home)).length == FRAMES
    look(home, "ward-c")
    assert content == stored(home, "ward-c").read_bytes()


def test_a_stateful_detector_starts_each_video_anew(home):
    look(home, "ward-c", "ward-a")
    assert stored(home, "ward-a").read_bytes() == stored(home, "ward-c").read_bytes()


def test_a_file_without_its_mark_is_taken_as_it_is(home):
    """What a process killed between the two leaves."""
    content = predictions_of(home)
    with Catalog.open(home) as catalog:
        assert catalog.unmarked(predict.STEP, "opencv-motion")[0] == "ward-a"
    assert look(home, "ward-a").skipped == ["ward-a"]
    assert stored(home).read_bytes() == content
    with Catalog.open(home) as catalog:
        assert catalog.is_marked("ward-a", predict.STEP, "opencv-motion")


def predictions_of(home: Path) -> bytes:
    """The finished file of ward-a, in a catalog that has not heard of it."""
    look(home, "ward-c")
    content = stored(home, "ward-c").read_bytes()
    files.write_atomic(stored(home), content)
    return content


@pytest.mark.parametrize("damage", [b"", b"rubbish"])
def test_a_broken_file_is_made_again(home, damage):
    look(home, "ward-a")
    content = stored(home).read_bytes()
    stored(home).write_bytes(damage)
    assert look(home, "ward-a").done == ["ward-a"]
    assert stored(home).read_bytes() == content


def test_other_classes_are_predicted_anew(home):
    look(home, "ward-a")
    assert look(home, "ward-a", classes=("person", "bed")).done == ["ward-a"]
    assert predictions.load(stored(home)).names == ("person", "bed")


def test_a_recording_with_fewer_frames_than_it_had_is_no_empty_room(home, recording):
    with Catalog.open(home) as catalog:
        longer = Video(
            id="ward-d",
            camera="ward",
            started_at=None,
            fps=10.0,
            frames=99,
            width=160,
            height=120,
            digest="digest-d",
            suffix=".mp4",
        )
        catalog.add_video(longer)
    Workspace(home).video_file(longer).write_bytes(recording.read_bytes())
    assert "30 of its 99 frames" in look(home, "ward-d").failed["ward-d"]


def test_an_unknown_video_fails_alone(home):
    result = look(home, "nope", "ward-a")
    assert (list(result.failed), result.done) == (["nope"], ["ward-a"])


def test_a_fault_of_the_model_is_told_in_one_line(home, monkeypatch):
    def broken(*_args, **_options):
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr(detectors, "run_together", broken)
    reason = look(home, "ward-a").failed["ward-a"]
    log = home / "logs" / "ward-a.log"
    assert reason == f"cannot predict ward-a: RuntimeError: out of memory; traceback in {log}"
    assert "in broken" in log.read_text()


def test_a_detector_that_cannot_be_had_stops_the_batch(home):
    with pytest.raises(UnknownName, match="nope"):
        look(home, "ward-a", detector="opencv:nope")
    with pytest.raises(DetectorUnavailable, match="no champion"):
        look(home, "ward-a", detector="model:champion")
    with pytest.raises(UsageError, match="none of the classes"):
        look(home, "ward-a", classes=("wheelchair",))


def test_a_full_disk_stops_the_batch_and_leaves_nothing_half_written(home, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(NoSpace, match=r"opencv-motion\.parquet"):
        look(home, "ward-a")
    assert not list(stored(home).parent.glob("*"))


def test_no_videos_are_no_work(home):
    result = look(home)
    assert (result.done, result.skipped, result.failed) == ([], [], {})


def test_a_broken_model_of_novelty_is_named_and_its_camera_is_predicted(home):
    path = Workspace(home).novelty_model("ward", "novelty-autoencoder")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PK")
    result = predict.predict(home, ["ward-a"], MOTION, ("person",), measure=True)
    assert result.done == ["ward-a"]
    (line,) = result.failed.values()
    assert path.name in line


def measured(home: Path):
    return predict.predict(home, ["ward-a"], MOTION, ("person",), measure=True)


@pytest.mark.parametrize("damage", ["remove", "truncate"])
def test_a_signal_that_is_lost_or_broken_is_measured_again(home, damage):
    assert measured(home).done == ["ward-a"]
    assert measured(home).skipped == ["ward-a"]
    path, before = Workspace(home).signals("ward-a", "stir"), stored(home).stat().st_mtime_ns
    content = path.read_bytes()
    path.unlink()
    if damage == "truncate":
        path.write_bytes(content[:99])
    assert measured(home).done == ["ward-a"]
    assert path.read_bytes() == content
    assert stored(home).stat().st_mtime_ns == before


def test_predictions_and_signals_that_are_lost_are_named_and_made_again(home):
    measured(home)
    lost = [stored(home), Workspace(home).signals("ward-a", "change")]
    for path in lost:
        path.unlink()
    with Catalog.open(home) as catalog:
        lines = verify.verify(catalog)
    assert [path for path in lost if any(f"{path} is missing" in line for line in lines)] == lost
    measured(home)
    assert all(path.exists() for path in lost)


def test_a_video_that_was_never_measured_is_not(home):
    look(home, "ward-a")
    assert measured(home).skipped == ["ward-a"]


class Counter:
    """A detector that finds one box in every frame, and may fail at one of them."""

    threshold, stateful, shrinks, names = 0.5, False, False, ("person",)

    def __init__(self, name: str, fails_at: int | None = None) -> None:
        self.name = self.model_id = name
        self.fails_at, self.count = fails_at, 0

    def reset(self) -> None:
        self.count = 0

    def detect(self, frames):
        self.count += len(frames)
        if self.fails_at is not None and self.count > self.fails_at:
            raise RuntimeError(f"{self.name} fails")
        box = np.array([[1, 1, 9, 9]], np.float32)
        answer = box, np.array([0.9], np.float32), np.zeros(1, np.int16)
        return [answer for _ in frames]


def look_with(monkeypatch, home, *models, measure=False):
    """Predict with these detectors; return the result, and how often a picture was decoded."""
    by_name, decoded = {model.name: model for model in models}, []
    whole = video.frames

    def counted(path):
        for frame in whole(path):
            decoded.append(path)
            yield frame

    with monkeypatch.context() as patch:
        patch.setattr(detectors, "create", lambda name, *_: by_name[name])
        patch.setattr(video, "frames", counted)
        result = predict.predict(home, ["ward-a"], list(by_name), ("person",), "cpu", measure)
    return result, len(decoded)


def test_several_detectors_share_one_pass(home, monkeypatch):
    models = Counter("one"), Counter("two"), Counter("three")
    result, decoded = look_with(monkeypatch, home, *models, measure=True)
    assert (result.done, result.failed, decoded) == (["ward-a"], {}, FRAMES)
    for model in models:
        assert len(predictions.load(Workspace(home).predictions("ward-a", model.name))) == FRAMES
    assert len(list(Workspace(home).signals_dir("ward-a").glob("*.parquet"))) == 5
    assert look_with(monkeypatch, home, *models, measure=True)[0].skipped == ["ward-a"]


def test_only_the_detector_without_a_file_looks_again(home, monkeypatch):
    one, two = Counter("one"), Counter("two")
    look_with(monkeypatch, home, one, two, measure=True)
    path, other = (Workspace(home).predictions("ward-a", name) for name in ("one", "two"))
    content, before = path.read_bytes(), other.stat().st_mtime_ns
    path.unlink()
    two.fails_at = 0
    result, _ = look_with(monkeypatch, home, one, two, measure=True)
    assert (result.done, result.failed) == (["ward-a"], {})
    assert (path.read_bytes(), other.stat().st_mtime_ns) == (content, before)


@pytest.mark.parametrize("fails", [0, 1])
def test_a_detector_that_fails_leaves_the_files_of_the_others(home, monkeypatch, fails):
    models = [Counter("one"), Counter("two")]
    models[fails].fails_at = 20
    result, _ = look_with(monkeypatch, home, *models, measure=True)
    assert f"{models[fails].name} fails" in result.failed["ward-a"]
    paths = [Workspace(home).predictions("ward-a", model.name) for model in models]
    assert [path.exists() for path in paths] == [fails != 0, fails != 1]
    models[fails].fails_at = None
    assert look_with(monkeypatch, home, *models, measure=True)[0].done == ["ward-a"]
    assert all(path.exists() for path in paths)


def test_where_all_detectors_fail_the_first_reason_is_told(home, monkeypatch):
    result, decoded = look_with(monkeypatch, home, Counter("one", 0), Counter("two", 0))
    assert "one fails" in result.failed["ward-a"]
    assert decoded <= FRAMES

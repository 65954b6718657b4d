import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from oneclick import detectors
from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, Clip, Video
from oneclick.core.detections import Detections
from oneclick.core.errors import UnknownName, UsageError
from oneclick.core.spans import Span
from oneclick.stages import trigger
from oneclick.stages.trigger import TriggerOptions, TriggerResult
from oneclick.storage import cards, predictions
from oneclick.storage.cards import ModelRef
from oneclick.storage.workspace import Workspace
from tests.fakes import arrays

OWN, RIVAL = ModelRef("own", 0.5), ModelRef("rival", 0.5)
FEW = TriggerOptions(min_clips=4, enabled=("flicker", "conflict_miss", "hindsight_miss"))
ALONE = {"flicker": 2, "hindsight_miss": 2}
"""What the predictor shows by itself."""
START = datetime(2026, 3, 1, tzinfo=UTC)


def video(name: str, frames: int = 800, start: datetime | None = None) -> Video:
    return Video(
        id=name,
        camera="ward",
        started_at=start,
        fps=10.0,
        frames=frames,
        width=640,
        height=480,
        digest=f"digest-{name}",
        suffix=".mp4",
    )


def person(frames: int, holes: tuple[int, ...] = ()) -> Detections:
    frames_kept = [k for k in range(frames) if k not in holes]
    n = len(frames_kept)
    sides = [[100.0, 100.0, 140.0, 200.0]] * n
    return arrays.detections(
        frames=frames_kept, boxes=sides, scores=[0.9] * n, classes=[0] * n, length=frames, fps=10.0
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace with one predicted video whose model flickers in frames 200 and 700."""
    add(tmp_path, video("ward-a"), (200, 700))
    return tmp_path


def add(home: Path, recording: Video, hole_frames: tuple[int, ...] = ()) -> None:
    with Catalog.open(home) as catalog:
        catalog.add_video(recording)
    for model, holes in ((OWN, hole_frames), (RIVAL, ())):
        path = Workspace(home).predictions(recording.id, model.id)
        predictions.save(path, person(recording.frames, holes))


def look(
    home: Path, options: TriggerOptions = FEW, rival: ModelRef | None = RIVAL
) -> TriggerResult:
    return trigger.trigger(home, OWN, rival, options)


def selected(home: Path) -> list[Clip]:
    with Catalog.open(home) as catalog:
        return catalog.selections(uncut_only=False)


def test_hits_and_a_selection_on_both_sides_of_the_split(home: Path) -> None:
    outcome = look(home)
    assert outcome == TriggerResult(
        videos=["ward-a"], hits={"conflict_miss": 2} | ALONE, selected=4
    )
    clips = selected(home)
    assert {clip.split for clip in clips} == {"train", "test"}
    triggered = [clip for clip in clips if clip.chosen_by is ChosenBy.TRIGGER]
    assert [sorted({h.trigger for h in clip.hits}) for clip in triggered] == [
        ["conflict_miss", "flicker", "hindsight_miss"]
    ] * 2
    assert triggered[0].id == f"ward-a-{triggered[0].span.start * 100:08d}"
    with Catalog.open(home) as catalog:
        assert catalog.hit_counts() == outcome.hits


@pytest.mark.parametrize("name", ["own", "opencv-motion"])
def test_motion_alone_does_not_say_which_clips_are_worth_most(tmp_path: Path, name: str) -> None:
    # Ten frames of flicker in one place, one in each of six others.
    holes = (100, 103, 106, 109, 112, *range(300, 3000, 500))
    chosen = set()
    for seed in range(6):
        home = tmp_path / str(seed)
        with Catalog.open(home) as catalog:
            catalog.add_video(video("ward-a", frames=3200))
        path = Workspace(home).predictions("ward-a", name)
        predictions.save(path, person(3200, holes))
        options = TriggerOptions(min_clips=1, enabled=("flicker",), control=0, seed=seed)
        trigger.trigger(home, ModelRef(name, 0.5), None, options)
        (clip,) = selected(home)
        chosen.add(clip.span.start // 100)
    assert (len(chosen) == 1) == (name == "own")


def test_the_hits_file_says_the_same_as_the_catalog(home: Path) -> None:
    look(home)
    hits_card = cards.load_hits(Workspace(home).hits("ward-a"))
    with Catalog.open(home) as catalog:
        assert [hit for _, hit in catalog.hits("ward-a")] == list(hits_card.hits)
    assert {clip.id for clip in hits_card.selections} == {clip.id for clip in selected(home)}


def test_a_second_look_with_the_same_eyes_is_skipped(home: Path) -> None:
    look(home)
    before = selected(home)
    assert look(home) == TriggerResult(skipped=["ward-a"])
    assert selected(home) == before


@pytest.mark.parametrize(
    "options",
    [TriggerOptions(min_clips=3), TriggerOptions(min_clips=4, params={"flicker": {"hole": 0.3}})],
)
def test_other_settings_look_again_but_never_at_the_same_frames(
    home: Path, options: TriggerOptions
) -> None:
    look(home)
    assert look(home, options).videos == ["ward-a"]
    spans = sorted(clip.span for clip in selected(home))
    assert len(spans) > 4
    assert all(a.stop < b.start for a, b in pairwise(spans))


def test_killed_before_the_commit_the_next_run_ends_the_same(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(home, other)
    look(other)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "add_selections", killed)
        with pytest.raises(KeyboardInterrupt):
            look(home)
    look(home)
    assert selected(home) == selected(other)
    cards_of = [Workspace(h).hits("ward-a").read_bytes() for h in (home, other)]
    assert cards_of[0] == cards_of[1]


def test_a_video_waits_until_both_models_have_seen_it(home: Path) -> None:
    Workspace(home).predictions("ward-a", RIVAL.id).unlink()
    assert look(home) == TriggerResult()
    assert look(home, rival=None).hits == ALONE


def test_broken_predictions_cost_one_video_and_not_the_batch(home: Path) -> None:
    add(home, video("ward-b"), (100,))
    add(home, video("ward-c", 600))
    Workspace(home).predictions("ward-b", OWN.id).write_bytes(b"not parquet")
    predictions.save(Workspace(home).predictions("ward-c", RIVAL.id), person(599))
    outcome = look(home)
    assert outcome.videos == ["ward-a"]
    assert "ward-b" in outcome.failed["ward-b"]
    assert "of the same frames: 600 and 599" in outcome.failed["ward-c"]
    assert look(home).videos == []


def test_from_the_fifth_day_on_a_day_lies_on_one_side(tmp_path: Path) -> None:
    for day in range(8):
        add(tmp_path, video(f"ward-{day}", start=START + timedelta(days=day)), (100, 300))
    look(tmp_path, TriggerOptions(min_clips=16))
    sides = {clip.video: clip.split for clip in selected(tmp_path)}
    assert {name for name, split in sides.items() if split == "test"} == {"ward-3", "ward-7"}


def test_nothing_is_selected_over_a_clip_that_is_cut(home: Path) -> None:
    old = Clip(
        id="ward-a-old",
        camera="ward",
        video="ward-a",
        span=Span(190, 220),
        fps=10.0,
        width=640,
        height=480,
        chosen_by=ChosenBy.TRIGGER,
    )
    with Catalog.open(home) as catalog:
        catalog.add_clip(old, "test")
    look(home)
    assert not any(clip.span.overlaps(old.span) for clip in selected(home))


def test_a_model_can_be_named_as_detectors_are(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = {"own:one": OWN, "rival:one": RIVAL}

    class Made:
        def __init__(self, name: str) -> None:
            self.model_id, self.threshold = models[name].id, models[name].threshold

    monkeypatch.setattr(detectors, "create", lambda name, workspace: Made(name))
    assert trigger.trigger(home, "own:one", "rival:one", FEW).videos == ["ward-a"]
    assert look(home).skipped == ["ward-a"]
    assert trigger.trigger(home, "own:one", "", FEW).hits == ALONE


def test_a_wrong_name_or_parameter_stops_before_any_work(home: Path) -> None:
    with pytest.raises(UnknownName, match="flikker"):
        look(home, TriggerOptions(enabled=["flikker"]))
    with pytest.raises(UsageError, match="hole"):
        look(home, TriggerOptions(params={"flicker": {"hole": -1.0}}))
    assert not Workspace(home).hits("ward-a").exists()


def test_an_empty_workspace_has_nothing_to_look_at(tmp_path: Path) -> None:
    assert look(tmp_path) == TriggerResult()


DAMAGES: dict[str, Callable[[Workspace], Path]] = {
    "hits": lambda place: place.hits("ward-a"),
    "predictions": lambda place: place.predictions("ward-a", OWN.id),
    "predictions of the rival": lambda place: place.predictions("ward-a", RIVAL.id),
    "signal": lambda place: place.signals("ward-a", "motion"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_broken_file_stops_nothing_but_its_own_video(home: Path, case: str) -> None:
    add(home, video("ward-b"), (200,))
    predictions.save_signal(
        Workspace(home).signals("ward-a", "motion"), [0.0] * video("ward-a").frames
    )
    look(home, TriggerOptions(min_clips=3))
    path = DAMAGES[case](Workspace(home))
    broken = path.read_bytes()[:-20]
    path.write_bytes(broken)
    outcome = look(home)
    assert outcome.videos == ["ward-b"]
    (line,) = outcome.failed.values()
    assert path.name in line
    assert "\n" not in line
    assert path.read_bytes() == broken

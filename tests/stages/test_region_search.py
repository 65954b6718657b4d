"""Search of stored video for who may have been in a region."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core import moments
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.core.errors import UnknownName, UsageError
from oneclick.core.regions import WHOLE, Region
from oneclick.core.timing import describe_times
from oneclick.stages import region_search
from oneclick.stages.region_search import RegionQuery
from oneclick.storage import predictions
from oneclick.storage.workspace import Workspace
from tests.cli.program import oneclick

FPS, FRAMES = 10.0, 120
START = datetime(2026, 11, 21, 10, tzinfo=UTC)
LEFT, RIGHT = Region(0, 0, 0.5, 1), Region(0.5, 0, 1, 1)


def add_video(home: Path, name: str, started_at: datetime | None, **options: object) -> Video:
    row = Video(
        id=name,
        camera="ward",
        started_at=started_at,
        fps=FPS,
        frames=FRAMES,
        width=160,
        height=120,
        digest=f"digest-{name}",
        suffix=".mp4",
        **options,  # type: ignore[arg-type]
    )
    with Catalog.open(home) as catalog:
        catalog.add_video(row)
    return row


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A block moves at the right from frame 60 to 80; a model doubted about the left at 30."""
    home = tmp_path_factory.mktemp("home")
    row = add_video(home, "ward-1", START)
    wall = np.random.default_rng(5).integers(60, 120, (15, 20, 3), np.uint8)
    frames = np.repeat(np.repeat(wall, 8, 0), 8, 1)[None].repeat(FRAMES, 0)
    for k in range(60, 80):
        frames[k, 40:100, 100 + 2 * (k - 60) :][:, :20] = (240, 20, 20)
    path = Workspace(home).video_file(row)
    path.parent.mkdir(parents=True)
    video.write(path, iter(frames), FPS)
    doubts = Detections(
        frames=np.array([30, 31, 90], np.int32),
        boxes=np.array([[10, 40, 40, 100], [10, 40, 40, 100], [100, 20, 130, 80]], np.float32),
        scores=np.array([0.2, 0.25, 0.1], np.float32),
        classes=np.zeros(3, np.int16),
        length=FRAMES,
        fps=FPS,
        names=("person",),
    )
    predictions.save(Workspace(home).predictions("ward-1", "yolo"), doubts, "yolo", 0.5)
    return home


def found_moments(home: Path, **query: object) -> list[tuple[str, int, int]]:
    result = region_search.search_region(home, RegionQuery(camera="ward", **query))  # type: ignore[arg-type]
    return [(moment.evidence, moment.start, moment.frame) for moment in result.moments]


def test_motion_is_told_where_it_is_and_nowhere_else(home: Path) -> None:
    assert not found_moments(home, region=LEFT, evidence=["motion"])
    ((kind, start, strongest),) = found_moments(home, region=RIGHT, evidence=["motion"])
    assert kind == "motion"
    assert 58 <= start <= 62
    assert 60 <= strongest <= 82


def test_a_box_below_the_threshold_is_somebody_like(home: Path) -> None:
    assert found_moments(home, region=LEFT, evidence=["somebody"]) == [("somebody", 30, 31)]
    assert not found_moments(home, region=RIGHT, evidence=["somebody"])


def test_a_moment_says_when_and_how_strong(home: Path) -> None:
    query = RegionQuery(camera="ward", region=WHOLE, evidence=["somebody"])
    (moment,) = region_search.search_region(home, query).moments
    assert moment.at == START + timedelta(seconds=3.1)
    assert moment.span.stop == 32
    assert moment.strength == pytest.approx(0.5 / 0.3, abs=0.001)
    assert moment.why == "somebody-like, below the threshold: 0.50 of it"


@pytest.mark.parametrize(
    ("since", "until", "spans"),
    [
        (None, None, [(0, 60), (60, 120)]),
        (2, None, [(20, 60), (60, 120)]),
        (None, 2, [(0, 20)]),
        (7, 3601, [(60, 70)]),
        (3601, 3603, [(70, 90)]),
        (9000, None, []),
        (None, -5, []),
    ],
)
def test_a_window_is_in_true_time_and_ends_at_breaks(
    since: float | None, until: float | None, spans: list[tuple[int, int]]
) -> None:
    seconds = np.arange(FRAMES) / FPS
    seconds[60:] += 3594
    row = Video(
        id="v",
        camera="ward",
        started_at=START,
        fps=FPS,
        frames=FRAMES,
        width=16,
        height=16,
        digest="",
        suffix=".mp4",
        timing=describe_times(seconds, [60], FPS),
    )
    low, high = (None if s is None else START + timedelta(seconds=s) for s in (since, until))
    parts = region_search.spans_in_window(row, low, high)
    assert [(span.start, span.stop) for span in parts] == spans


def test_an_undated_recording_is_searched_where_no_time_is_asked_for(tmp_path: Path) -> None:
    row = add_video(tmp_path, "ward-2", None)
    assert list(region_search.spans_in_window(row, None, None))
    assert not list(region_search.spans_in_window(row, START, None))


def test_what_cannot_be_searched_is_named_and_the_rest_goes_on(home: Path) -> None:
    result = region_search.search_region(home, RegionQuery(camera="ward", region=LEFT))
    assert [moment.evidence for moment in result.moments] == ["somebody"]
    assert result.failed == {
        "ward-1 novelty": "camera ward has no model of novelty yet: run a lap first"
    }
    assert result.seconds == pytest.approx(FRAMES / FPS)


def test_a_camera_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(UnknownName, match="no camera is called 'hall'; known: ward"):
        region_search.search_region(home, RegionQuery(camera="hall", region=WHOLE))
    with pytest.raises(UsageError, match="cannot search for cats: choose of somebody, motion"):
        moments.parse_evidence(["cats", "motion"])


def test_typed_it_prints_a_table_or_json(home: Path) -> None:
    typed = ("video", "search", "ward", "--region", "0,0,0.5,1")
    result = oneclick(*typed, home=home)
    assert result.returncode == 0
    assert "2026-11-21" in result.stdout
    assert "1 moments in 0.2 min of video" in result.stderr
    result = oneclick(*typed, "--for", "novelty", "--json", home=home)
    assert (result.returncode, json.loads(result.stdout)["moments"]) == (3, [])
    assert "no model of novelty" in result.stderr

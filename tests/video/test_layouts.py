"""Camera and start from the paths of recorders, in any zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oneclick.core import ids, layouts
from oneclick.core.source_options import SourceOptions
from oneclick.video import search
from tests.corpus.layouts import BERLIN, recorder_paths

CASES = recorder_paths()


@pytest.mark.parametrize("case", CASES)
def test_a_path_tells_camera_and_start(tmp_path: Path, case: str) -> None:
    expected = CASES[case]
    path = tmp_path / "disk" / expected.path
    path.parent.mkdir(parents=True)
    path.touch()
    options = SourceOptions(patterns=expected.patterns, timezone=expected.zone)
    (recording,) = search.find([str(tmp_path / "disk")], options).recordings
    assert ids.camera_name(recording.camera) == expected.camera
    assert recording.facts.started_at == expected.started_at


TIMES = {
    "cam_2026-11-21T10-00-05": datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC),
    "20261121_100005": datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC),
    "20261121T100005Z-cam": datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC),
    "2026-11-21 10.00.05": datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC),
    "cam20261121100005": datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC),
    "20261121T100005.250Z": datetime(2026, 11, 21, 10, 0, 5, 250_000, tzinfo=UTC),
    "2026-11-21 10:00:05,000125": datetime(2026, 11, 21, 10, 0, 5, 125, tzinfo=UTC),
    "20261121_100005-000125": datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC),
    "20261121T100005-0500": datetime(2026, 11, 21, 15, 0, 5, tzinfo=UTC),
    "20261121_100005-05:00": datetime(2026, 11, 21, 15, 0, 5, tzinfo=UTC),
    "20261121_100005+0500": datetime(2026, 11, 21, 5, 0, 5, tzinfo=UTC),
    "20261399_100005": None,
    "20261121_250005": None,
    "2026-11-21": None,
    "120261121_1000059": None,
    "vtest": None,
}


@pytest.mark.parametrize("name", TIMES)
def test_a_time_in_the_name(name: str) -> None:
    assert layouts.moment_in(name).started_at == TIMES[name]


@pytest.mark.parametrize("number", ["0000", "0001", "0030", "0100", "1130"])
def test_the_number_of_a_segment_is_no_offset_and_no_camera(number: str) -> None:
    name = f"hall_20261121_110005-{number}"
    facts = layouts.read_path(f"{name}.mp4", zone=BERLIN)
    assert facts.started_at == datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC)
    assert layouts.without_moments(name) == "hall"


def test_the_hour_that_comes_twice_is_told_by_the_time_of_the_file() -> None:
    facts = layouts.read_path("hall_20241027_023000.mp4", zone=BERLIN)
    summer, winter = (datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert (facts.started_at, facts.second_start) == (summer, winter)
    for start in (summer, winter):
        assert facts.start_of_file(start + timedelta(minutes=10), 600) == start
    assert facts.start_of_file(None, 600) == summer
    assert facts.start_of_file(winter + timedelta(days=30), 600) == summer, "it was copied"


CHAPTERS = {
    "GH010042.MP4": ("0042", 1),
    "GX120042.mp4": ("0042", 12),
    "GOPR0042.MP4": ("0042", 0),
    "GP010042.MP4": ("0042", 1),
    "GH010042_cut.MP4": None,
    "cam1.mp4": None,
}


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapters_are_known_by_their_names(name: str) -> None:
    assert layouts.chapter_in(name) == CHAPTERS[name]


PATTERNS = {
    "(": "no regular expression",
    "(?P<room>x)": "no group room",
    "(?P<year>x)": "neither a camera nor a start",
    "x": "neither a camera nor a start",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_that_tells_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=PATTERNS[pattern]):
        layouts.check_pattern(pattern)

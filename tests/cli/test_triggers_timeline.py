"""`oneclick triggers timeline` and `hits` as a user types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner, Result

from oneclick.catalog import Catalog
from oneclick.cli import time_arguments, triggers
from oneclick.core.errors import UsageError
from tests.report.test_timeline import home, video

__all__ = ["home"]  # a fixture
NOW = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)


def run(*arguments: object, columns: int = 80) -> Result:
    result = CliRunner().invoke(
        triggers.app, list(map(str, arguments)), env={"COLUMNS": str(columns)}
    )
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_a_row_for_each_camera_tells_hits_no_hits_and_no_video_apart(home: Path) -> None:
    dates, hours, a, b, legend = run("timeline", "--home", home).stdout.splitlines()
    assert dates.split() == ["2026-01-05"]
    assert hours == "camera   09   hits     video"
    assert a == "ward_a  ▃▁·      3     2.0 h"
    assert b == "ward_b  ·        0     1.0 h"
    assert "▁ 1 … ▃ 2" in legend


def test_one_camera_shows_its_triggers_too(home: Path) -> None:
    table = run("timeline", "--home", home, "--camera", "ward_a").stdout
    assert [line.split()[0] for line in table.splitlines()[2:5]] == ["ward_a", "flicker", "blip"]
    bare = run("timeline", "--home", home, "--camera", "ward_a", "--camera-rows").stdout
    assert "flicker" not in bare


def test_videos_that_no_trigger_has_seen_are_mentioned(home: Path) -> None:
    assert "looked at" not in run("timeline", "--home", home).stderr
    with Catalog.open(home) as catalog:
        catalog.add_video(video("b-3", "ward_b", 90))
    assert "videos no trigger has looked at yet: 1" in run("timeline", "--home", home).stderr


def test_a_narrow_terminal_gets_longer_buckets_and_is_told_so(home: Path) -> None:
    result = run("timeline", "--home", home, "--bucket", "2m", columns=60)
    assert all(len(line) <= 60 for line in result.stdout.splitlines()[:-1])
    assert "one column is 10 min" in result.stderr
    assert "nobody knows when b-2 began: blip 1" in result.stderr


def test_json_holds_the_whole_timeline(home: Path) -> None:
    document = json.loads(run("timeline", "--home", home, "--json").stdout)
    assert document["cameras"][1] == {
        "camera": "ward_b",
        "seconds": 3600.0,
        "hits": {},
        "cells": [{"start": "2026-01-05T08:00:00+00:00", "seconds": 3600.0, "hits": {}}],
    }
    assert list(document) == [
        "start", "stop", "bucket_seconds", "triggers", "cameras", "undated", "waiting",
    ]  # fmt: skip


def test_the_picture_is_written_as_png(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "strip.png"
    assert f"drawn: {path}" in run("timeline", "--home", home, "--png", path).stderr
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape[2] == 3


def test_a_window_without_video_says_so(home: Path) -> None:
    result = run("timeline", "--home", home, "--since", "2026-02-01", "--camera", "ward_a")
    assert (result.stdout, "no video in this window" in result.stderr) == ("", True)


def test_hits_are_listed_with_their_time_and_clip(home: Path) -> None:
    result = run("hits", "--home", home, "--limit", 1)
    assert result.stdout.splitlines()[1].startswith("2026-01-05 09:00:00.0  ward_a  flicker")
    assert result.stdout.splitlines()[1].split()[-2:] == [
        "-",
        "/timeline/ward_a?video=a-1&frame=18000",
    ]
    assert "--limit" in result.stderr
    (row,) = json.loads(run("hits", "--home", home, "--trigger", "blip", "--json").stdout)[:1]
    assert list(row) == [
        "at",
        "camera",
        "video",
        "trigger",
        "start",
        "stop",
        "score",
        "why",
        "clip",
        "link",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("7d", NOW - timedelta(days=7)),
        ("24h", NOW - timedelta(days=1)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2026-01-05", datetime(2026, 1, 5, tzinfo=UTC)),
        ("2026-01-05T08:00", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("2026-01-05T08:00+02:00", datetime(2026, 1, 5, 6, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_people_type_them(text: str | None, expected: datetime | None) -> None:
    assert time_arguments.parse_time(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "0d", "7", "-1d", "2026-13-01", "99999999w"])
def test_other_times_are_refused_in_one_line_that_names_the_option(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--since '") as excinfo:
        time_arguments.parse_time(text, NOW)
    assert "\n" not in str(excinfo.value)


def test_lengths_are_read_and_said() -> None:
    assert [time_arguments.parse_duration(text) for text in ("30s", "10m", "1h", "1d", "2w")] == [
        30,
        600,
        3600,
        86_400,
        1_209_600,
    ]
    with pytest.raises(UsageError, match="--bucket '1x'"):
        time_arguments.parse_duration("1x")
    assert [time_arguments.format_duration(n) for n in (45, 600, 7200, 86_400)] == [
        "45 s",
        "10 min",
        "2 h",
        "1 d",
    ]


def test_the_last_days_end_now_so_that_a_silent_camera_is_seen() -> None:
    assert time_arguments.time_window("7d", None, NOW)[1] == NOW
    assert time_arguments.time_window("2026-01-05", None, NOW)[1] is None

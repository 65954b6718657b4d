"""The filter language: what is typed, and what is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from oneclick.catalog import Catalog, ClipRecord
from oneclick.catalog import search as catalog_search
from oneclick.catalog.search import SearchTerm
from oneclick.cli import clips
from oneclick.core.clips import ClipStage
from oneclick.core.errors import UsageError
from oneclick.report import search as report_search
from oneclick.report.search import ClipQuery, parse_query, search_clips
from tests.catalog import samples as samples

NOW = samples.NOON + timedelta(hours=5)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", ClipQuery()),
        ("ward-0", ClipQuery((SearchTerm("id", "ward-0"),))),
        ("stage:cut", ClipQuery((SearchTerm("stage", "CUT"),))),
        ("stage:IN_REVIEW", ClipQuery((SearchTerm("stage", "IN_REVIEW"),))),
        ("stage:auto", ClipQuery((SearchTerm("stage", "LABELLED"),))),
        ("stage:quar", ClipQuery((SearchTerm("stage", "QUARANTINED"),))),
        (
            "-cam:hall why:jump",
            ClipQuery((SearchTerm("cam", "hall", True), SearchTerm("why", "jump"))),
        ),
        (
            "age>2h age<3d",
            ClipQuery((SearchTerm("age>", "7200.0"), SearchTerm("age<", "259200.0"))),
        ),
        ("by:control sort:age", ClipQuery((SearchTerm("by", "control"),), "age", False)),
        ("sort:-id", ClipQuery((), "id", True)),
        ("-", ClipQuery((SearchTerm("id", "-"),))),
        ("rev:0", ClipQuery((SearchTerm("rev", "0"),))),
        ("by:Control", ClipQuery((SearchTerm("by", "control"),))),
    ],
)
def test_what_is_typed_is_understood(text: str, query: ClipQuery) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stag:cut", "expected a word, or one of stage:"),
        ("stage:", "expected a word, or one of"),
        ("stage:a", "expected one of accepted, auto"),
        ("stage:nothing", "expected one of"),
        ("by:luck", "expected one of trigger, novelty, control"),
        ("age>long", "such as age>30m"),
        ("sort:colour", "expected one of new, age"),
        ("-sort:age", "expected a word, or one of"),
        ("rev:-1", "expected a number"),
        ("age>99999999999d", "such as age>30m"),
        ("age<999999d", "such as age>30m"),
    ],
)
def test_what_is_no_filter_is_named_with_what_there_is(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as excinfo:
        parse_query(text)
    assert text.lstrip("-") in str(excinfo.value)
    assert "\n" not in str(excinfo.value)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'hall\\udcff': expected characters"):
        parse_query("cam:hall hall\udcff")


PLAIN: dict[str, Callable[[ClipRecord], bool]] = {
    "stage:cut": lambda row: row.stage is ClipStage.CUT,
    "stage:publ": lambda row: row.stage is ClipStage.PUBLISHED,
    "cam:hall": lambda row: row.clip.camera == "hall",
    "why:flicker": lambda row: any(hit.trigger == "flicker" for hit in row.clip.hits),
    "why:flick": lambda row: False,
    "age>3h": lambda row: NOW - row.moved_at > timedelta(hours=3),
    "error:ENDS": lambda row: "ends" in row.error,
    "0002": lambda row: "0002" in row.clip.id,
    "WARD": lambda row: "ward" in row.clip.id,
    "%": lambda row: False,
    "_": lambda row: False,
    "/": lambda row: False,
    "by:trigger": lambda row: True,
    "rev:0": lambda row: row.revision == 0,
    "rev:1": lambda row: row.revision == 1,
    "led:flicker": lambda row: row.clip.led_by == "flicker",
    "split:train": lambda row: True,
    "video:hall-0": lambda row: row.clip.video == "hall-0",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home, clock = tmp_path_factory.mktemp("home"), samples.Clock()
    with samples.fresh(home, clock) as catalog:
        for camera in ("ward", "hall"):
            video = samples.video(0, camera)
            catalog.add_video(video)
            for number, stage in enumerate(ClipStage):
                catalog.add_clip(samples.clip(number, video), "cut")
                if stage is ClipStage.QUARANTINED:
                    catalog.quarantine(samples.clip(number, video).id, "the video ends early", "x")
                elif stage is not ClipStage.CUT:
                    samples.place(catalog, samples.clip(number, video).id, stage)
                clock.on(1800)
        catalog.add_revision(samples.label_set(samples.clip(2, samples.video(0, "hall"))), "0" * 64)
    return home


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(PLAIN)), st.booleans()), max_size=4))
def test_a_filter_finds_what_a_look_at_every_clip_finds(
    home: Path, terms: list[tuple[str, bool]]
) -> None:
    text = " ".join(f"{'-' * negated}{term}" for term, negated in terms)
    with Catalog.open(home) as catalog:
        expected = [
            row.clip.id
            for row in reversed(catalog.clips())
            if all(PLAIN[term](row) != negated for term, negated in terms)
        ]
    page = search_clips(home, text, at=NOW)
    assert [row.id for row in page.rows] == expected
    assert (page.total, page.more) == (len(expected), False)


def test_pages_and_orders(home: Path) -> None:
    all_ids = [row.id for row in search_clips(home, "sort:id").rows]
    assert all_ids == sorted(all_ids)
    assert [row.id for row in search_clips(home, "sort:id", limit=5, offset=5).rows] == all_ids[
        5:10
    ]
    ages = [row.moved_at for row in search_clips(home, "sort:-age").rows]
    assert ages == sorted(ages, reverse=True)


def test_beyond_what_is_counted_pages_go_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    all_ids = [row.id for row in search_clips(home, "sort:id").rows]
    for module in (catalog_search, report_search):
        monkeypatch.setattr(module, "COUNTED", 5)
    monkeypatch.setattr(catalog_search, "AT_ONCE", 4)
    for offset in range(0, len(all_ids) + 3, 3):
        page = search_clips(home, "sort:id", limit=3, offset=offset)
        assert [row.id for row in page.rows] == all_ids[offset : offset + 3]
        assert (page.total, page.more) == (5, True)
    assert [row.id for row in search_clips(home, "sort:id").rows] == all_ids


def test_the_keys_of_json_rows_stay(home: Path) -> None:
    result = CliRunner().invoke(clips.app, ["list", "stage:cut", "--json", "--home", str(home)])
    assert list(json.loads(result.stdout)[0]) == [
        "id", "stage", "frames", "split", "chosen_by", "why", "revision", "error", "camera",
        "moved_at",
    ]  # fmt: skip
    assert result.stderr == "2 of 2 clips\n"

"""A flipped bit in a row of the catalog is one line that names the row; a rebuild mends it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from oneclick.catalog import Catalog, rebuild, verify
from oneclick.core.errors import BadInput
from tests.catalog import samples

JSON = ("clips.hits", "selections.hits", "hits.boxes", "label_revisions.origins", "models.card")
TIMES = ("videos.started_at", "clips.moved_at", "clip_events.at", "verdicts.at", "datasets.made_at")
NUMBERS = ("clips.start", "videos.fps", "counters.value", "label_revisions.boxes")
TEXTS = ("videos.camera", "clips.stage", "clip_events.new", "dataset_clips.split")
DAMAGES = [
    *((column, value) for column in JSON for value in ('[{"x', b"[]", '["\udcff"]')),
    *((column, value) for column in TIMES for value in ("2026-13-01", 7)),
    *((column, "many") for column in NUMBERS),
    *((column, value) for column in TEXTS for value in (b"CUT", "C\udcffT")),
]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("furnished") / "home"
    samples.furnish(home)
    return home


@pytest.fixture
def home(tmp_path: Path, furnished: Path) -> Path:
    shutil.copytree(furnished, tmp_path / "home")
    return tmp_path / "home"


def damage(home: Path, place: str, value: object) -> str:
    """Write a value into the first row of a table; return a part of its key."""
    table, column = place.split(".")
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
        as_text = "CAST(? AS TEXT)"
    else:
        as_text = "?"
    with sqlite3.connect(home / "catalog.sqlite") as connection:
        connection.text_factory = lambda content: content.decode("utf-8", "replace")
        info = connection.execute(f"PRAGMA table_info({table})").fetchall()
        keys = [row[1] for row in info if row[5]]
        names = ", ".join(f'"{name}"' for name in keys)
        key = connection.execute(f"SELECT {names} FROM {table} LIMIT 1").fetchone()
        where = " AND ".join(f'"{name}" IS ?' for name in keys)
        connection.execute(
            f'UPDATE {table} SET "{column}" = {as_text} WHERE {where}', (value, *key)
        )
    connection.close()
    return str(key[0])


@pytest.mark.parametrize(("place", "value"), DAMAGES)
def test_a_damaged_value_is_named_and_a_rebuild_mends_it(
    home: Path, place: str, value: object
) -> None:
    key = damage(home, place, value)
    table, column = place.split(".")
    with Catalog.open(home) as catalog:
        (line,) = verify.verify(catalog)
        if (table, column) not in (("clip_events", "at"), ("verdicts", "at")):
            assert key in line
        assert f"{column} of" in line
        assert f"table {table} is damaged: oneclick catalog rebuild" in line
        for read in (catalog.clips, catalog.events, catalog.hits, catalog.models, catalog.videos):
            with contextlib.suppress(BadInput):
                read()
    rebuild.rebuild(home)
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog, deep=True) == []


def test_a_time_that_is_none_is_one_line(home: Path) -> None:
    damage(home, "clip_events.at", "yesterday")
    with Catalog.open(home) as catalog, pytest.raises(BadInput, match=r"catalog\.sqlite holds a"):
        catalog.events()


def test_text_that_is_no_utf_8_is_one_line(home: Path) -> None:
    damage(home, "videos.camera", "w\udcffrd")
    with Catalog.open(home) as catalog, pytest.raises(BadInput, match="holds damaged text"):
        catalog.videos()


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        ("clip_events.old", "ACCEPTED", "an event left ACCEPTED, but the one before"),
        ("clip_events.clip", "ward-0-99999999", "ward-0-"),
        ("datasets.images", 9, "dataset version v0001"),
        ("dataset_clips.revision", 9, "dataset version v0001"),
        ("label_revisions.made_by", "ben", "tells something else than the catalog"),
        ("label_revisions.kind", "humor", "tells something else than the catalog"),
    ],
)
def test_a_value_that_files_or_other_rows_know_better_is_named(
    home: Path, place: str, value: object, line: str
) -> None:
    damage(home, place, value)
    with Catalog.open(home) as catalog:
        lines = verify.verify(catalog)
    assert any(line in found for found in lines), lines


def test_a_damaged_lease_stops_no_rebuild(home: Path) -> None:
    damage(home, "clips.lease_owner", b"\xff")
    rebuild.rebuild(home)
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog) == []

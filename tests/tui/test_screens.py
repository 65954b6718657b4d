"""What every screen shows, as text, at several sizes; the clock and the data stand still."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from oneclick.core.errors import Unavailable
from oneclick.tui.screens.registry import SCREENS
from tests.tui import samples
from tests.tui.samples import Source, app, drive, golden, look, press

SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_main_screen(size: tuple[int, int]) -> None:
    lines = drive(app(Source(samples.snapshot())), look, size)
    golden(f"pipeline-{size[0]}x{size[1]}", lines)
    text = "\n".join(lines)
    for figure in ("4.01k", "160k", "6.32k", "label", "not enough evidence", "11 clips are"):
        assert figure in text


def test_an_empty_workspace_names_the_next_command() -> None:
    lines = drive(app(Source(samples.empty())), look)
    golden("pipeline-empty", lines)
    assert "oneclick run VIDEO" in "\n".join(lines)


def test_a_catalog_that_was_never_there_is_said_on_the_screen() -> None:
    error = Unavailable("there is no catalog at ward-set/catalog.sqlite yet: oneclick run VIDEO")
    lines = drive(app(Source(error)), look)
    assert "✕ there is no catalog" in lines[0]


def test_a_catalog_that_went_away_leaves_the_last_picture() -> None:
    source = Source(samples.snapshot(), Unavailable("catalog is held by another process"))

    async def again(pilot: object) -> None:
        await press(pilot, "ctrl+r")  # type: ignore[arg-type]

    lines = drive(app(source), again)
    assert "◐ catalog is held by another process" in lines[0]
    assert "4.01k" in "\n".join(lines)


def test_what_nobody_thought_of_is_said_too_and_ends_nothing() -> None:
    lines = drive(app(Source(PermissionError(13, "Permission denied", "catalog.sqlite"))), look)
    assert "✕ PermissionError: [Errno 13] Permission denied: 'catalog.sqlite'" in lines[0]


def test_a_terminal_that_is_too_small_says_so_and_can_be_left() -> None:
    lines = drive(app(Source(samples.snapshot())), look, (60, 15))
    assert "oneclick needs a terminal of 80×24; q leaves" in "\n".join(lines)


def test_without_colour_it_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = drive(app(Source(samples.snapshot())), look)
    monkeypatch.setenv("NO_COLOR", "1")
    assert drive(app(Source(samples.snapshot())), look) == coloured


def test_in_the_light_it_reads_the_same() -> None:
    dark = drive(app(Source(samples.snapshot())), look)

    async def light(pilot: object) -> None:
        await press(pilot, "T")  # type: ignore[arg-type]

    assert drive(app(Source(samples.snapshot())), light) == dark


def test_curves_are_drawn_without_braille_where_it_is_wished(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONECLICK_ASCII", "1")
    text = "\n".join(drive(app(Source(samples.snapshot())), look))
    assert "*" in text
    assert not any(0x2800 < ord(letter) < 0x2900 for letter in text)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("tui") / "ward"
    samples.workspace(home).close()
    return home


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", [name for name in SCREENS if name != "pipeline"])
def test_the_other_screens(name: str, size: tuple[int, int], home: Path) -> None:
    from oneclick.report import snapshot_reader

    number = str(list(SCREENS).index(name) + 1)

    async def go(pilot: object) -> None:
        await press(pilot, number)  # type: ignore[arg-type]

    reader = snapshot_reader.SnapshotReader(home, None, lambda: samples.NOW, UTC)
    lines = drive(app(reader, home), go, size)
    assert lines[-1].startswith(" 1–7 screens")
    if name != "system":  # versions, disk and paths are those of the machine
        golden(f"{name}-{size[0]}x{size[1]}", ["", *lines[1:]])

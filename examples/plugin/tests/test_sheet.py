"""The table as spreadsheet programs leave it."""

from pathlib import Path

import pytest
from oneclick_example.sheet import Sheet, SheetAdapter, read_table, write_table
from typer.testing import CliRunner

from oneclick.core.errors import PlatformAway
from oneclick.testing import samples


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    sheet, clip = Sheet(tmp_path), samples.clip()
    assert [result.error for result in sheet.send([(clip, samples.auto_labels(clip))])] == [None]
    return sheet


def decide(sheet: Sheet, decision: str, by: str) -> None:
    (row,) = read_table(sheet.table)
    write_table(sheet.table, [row | {"decision": decision, "by": by}])


def test_semicolons_capitals_and_a_mark_at_the_beginning_are_understood(sheet: Sheet) -> None:
    decide(sheet, " Accept ", "anna")
    sheet.table.write_text("\ufeff" + sheet.table.read_text().replace(",", ";"), "utf-8")
    sheet.fetch([])
    sheet.fetch([samples.clip().id])
    assert [(verdict.decision, verdict.by) for verdict in sheet.collect()] == [("accept", "anna")]


@pytest.mark.parametrize(
    ("decision", "by", "problem"),
    [("maybe", "anna", "write accept or reject"), ("accept", "", "write a name")],
)
def test_a_row_that_cannot_be_read_is_named(
    sheet: Sheet, decision: str, by: str, problem: str
) -> None:
    decide(sheet, decision, by)
    sheet.fetch([samples.clip().id])
    assert list(sheet.collect()) == []
    assert problem in sheet.unreadable()[samples.clip().id]


def test_a_row_that_was_lost_comes_back_unless_it_was_erased(sheet: Sheet) -> None:
    clip = samples.clip().id
    write_table(sheet.table, [])
    sheet.fetch([clip])
    assert sheet.pending() == [clip]
    sheet.erase(clip)
    sheet.fetch([clip])
    assert sheet.pending() == []


@pytest.mark.parametrize("content", [b"clip,by\n", b"\xff\xfe\x00"])
def test_a_table_of_something_else_is_one_line(sheet: Sheet, content: bytes) -> None:
    sheet.table.write_bytes(content)
    with pytest.raises(PlatformAway, match=str(sheet.table)):
        sheet.fetch([samples.clip().id])


@pytest.mark.parametrize("section", ["", '[review.sheet]\nfolder = "elsewhere"\n'])
def test_the_command_prints_the_table_and_the_clips_that_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oneclick.toml").write_text(section)
    sheet, clip = Sheet(Path("elsewhere" if section else "home/review/sheet")), samples.clip()
    list(sheet.send([(clip, samples.auto_labels(clip))]))
    result = CliRunner().invoke(SheetAdapter().commands(), ["waiting", "--home", "home"])
    assert result.output.splitlines() == [str(sheet.table), clip.id], result.exception

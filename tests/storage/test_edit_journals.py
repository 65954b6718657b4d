"""The journal loses nothing that was acknowledged, and takes in nothing that was not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from oneclick.core.errors import BadInput, Unavailable
from oneclick.storage import edit_journals, files
from oneclick.storage.edit_journals import Journal, JournalEntry, ShorterJournal, decode_line
from tests.fakes import clips


def entry(rev: int, by: str = "anna") -> JournalEntry:
    return JournalEntry(
        rev=rev,
        key=f"key-{rev}",
        by=by,
        at=clips.NOON,
        fence=7,
        task="0123",
        op=msgspec.Raw(b'{"op":"undo"}'),
    )


def written(path: Path, count: int) -> Journal:
    journal = Journal(path)
    with journal.locked():
        for rev in range(1, count + 1):
            journal.append(entry(rev))
    return journal


def revisions(path: Path) -> list[int]:
    journal = Journal(path)
    journal.read_new()
    return [each.rev for each in journal.entries]


def test_the_line_is_what_the_documents_say(tmp_path: Path) -> None:
    path = tmp_path / "journal" / "c.jsonl"
    written(path, 1)
    line = path.read_bytes()
    assert line == (
        b'{"rev":1,"key":"key-1","by":"anna","at":"2026-01-05T12:00:00Z","fence":7,'
        b'"task":"0123","op":{"op":"undo"},"crc":"' + line[-11:]
    )
    assert msgspec.json.decode(line)["crc"] == line[-11:-3].decode()


@pytest.mark.parametrize("torn", [b"\0" * 100, b"{", b'{"rev":3,"key":"k"}\n', "half"])
def test_a_torn_last_line_is_cut_off_by_the_next_writer(tmp_path: Path, torn: bytes | str) -> None:
    path = tmp_path / "c.jsonl"
    written(path, 2)
    half = entry(3).encode()[:40] if torn == "half" else torn
    path.write_bytes(path.read_bytes() + half)  # type: ignore[operator]
    assert revisions(path) == [1, 2]
    journal = Journal(path)
    with journal.locked():
        journal.read_new()
        journal.append(entry(3))
    assert revisions(path) == [1, 2, 3]
    assert all(decode_line(line) for line in path.read_bytes().splitlines(keepends=True))


@pytest.mark.parametrize("position", [0, 5, 60, 90])
def test_a_flipped_bit_before_the_last_line_is_refused_by_file_and_line(
    tmp_path: Path, position: int
) -> None:
    path = tmp_path / "c.jsonl"
    written(path, 3)
    content = bytearray(path.read_bytes())
    content[len(entry(1).encode()) + position] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"c\.jsonl, line 2"):
        Journal(path).read_new()


def test_a_line_that_is_missing_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    written(path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    with pytest.raises(BadInput, match="line 2"):
        Journal(path).read_new()


def test_a_disk_that_refuses_leaves_the_journal_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.jsonl"
    journal = written(path, 2)
    before, flush = path.read_bytes(), files.flush

    def refuse(flushed: Path) -> None:
        raise OSError(5, os.strerror(5))

    with monkeypatch.context() as patch:
        patch.setattr(files, "flush", refuse)
        with pytest.raises(Unavailable):
            journal.append(entry(3))
    assert files.flush is flush
    assert path.read_bytes() == before
    journal.append(entry(3))
    assert revisions(path) == [1, 2, 3]


def test_who_read_an_edit_that_the_disk_refused_afterwards_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    written(path, 2)
    reader = Journal(path)
    reader.read_new()
    path.write_bytes(entry(1).encode())
    with pytest.raises(ShorterJournal):
        reader.read_new()


LOST_LINES: dict[str, Callable[[bytes], bytes | None]] = {
    "emptied": lambda content: b"",
    "gone": lambda content: None,
    "the last line": lambda content: b"".join(content.splitlines(keepends=True)[:2]),
    "half of the last line": lambda content: content[:-40],
    "a bit of the last line": lambda content: content[:-40] + b"?" + content[-39:],
    "all but a torn line": lambda content: content[:20],
}
"""What is left of a journal that lost edits."""


@pytest.mark.parametrize("damage", LOST_LINES)
def test_an_acknowledged_edit_that_is_lost_is_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "c.jsonl"
    written(path, 3)
    content = LOST_LINES[damage](path.read_bytes())
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(BadInput, match=r"c\.jsonl: [123] of 3 edits are lost.*c\.head") as error:
        Journal(path).read_new()
    assert "\n" not in str(error.value)
    journal = Journal(path)
    with journal.locked(), pytest.raises(BadInput):
        journal.read_new()  # no edit takes the place of a lost one
    edit_journals.head_file(path).unlink()
    assert len(revisions(path)) < 3


@pytest.mark.parametrize("content", [b"", b"\0" * 80, b'{"edits":9,"has_record":true}', None])
def test_a_broken_head_tells_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "c.jsonl"
    journal = written(path, 2)
    head = edit_journals.head_file(path)
    head.unlink() if content is None else head.write_bytes(content)
    assert revisions(path) == [1, 2]
    with journal.locked():
        journal.append(entry(3))
    assert edit_journals.read_head(path).edits == 3


def test_an_edit_is_done_where_its_head_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    edit_journals.head_file(path).mkdir()
    written(path, 2)
    assert revisions(path) == [1, 2]


def test_a_head_keeps_its_size_and_the_note_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    journal = written(path, 9)
    sizes = {edit_journals.head_file(path).stat().st_size}
    with journal.locked():
        journal.note_record()
        sizes.add(edit_journals.head_file(path).stat().st_size)
        journal.append(entry(10))
    assert sizes == {80}
    head = edit_journals.read_head(path)
    assert (head.edits, head.has_record) == (10, True)

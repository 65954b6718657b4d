"""A changed bit in a small JSON file is noticed by whoever reads it."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import msgspec
import pytest

from oneclick.core.errors import BadInput
from oneclick.storage import files, sealed_files
from oneclick.storage.bounded_documents import BrokenJson


class Note(msgspec.Struct, frozen=True):
    text: str
    share: float = 0.1
    parts: dict[str, int] = {}


NOTE = Note("größer", 1e-300, {"b": 2, "a": 1})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    sealed_files.write(path, NOTE)
    assert sealed_files.read(path, Note) == NOTE
    assert sealed_files.read(path) == {"text": "größer", "share": 1e-300, "parts": {"a": 1, "b": 2}}
    assert sealed_files.is_sealed(path)


def test_the_fields_stay_as_they_are_and_the_seal_comes_last() -> None:
    assert sealed_files.encode(NOTE).startswith(files.to_json(NOTE).removesuffix(b"\n}\n"))
    assert list(json.loads(sealed_files.encode(NOTE))) == ["text", "share", "parts", "seal"]
    assert json.loads(sealed_files.encode({}))["seal"]


def test_order_and_indentation_do_not_count(tmp_path: Path) -> None:
    fields = json.loads(sealed_files.encode(NOTE))
    shuffled = dict(sorted(fields.items(), reverse=True))
    (tmp_path / "note.json").write_text(json.dumps(shuffled, indent=3))
    assert sealed_files.read(tmp_path / "note.json", Note) == NOTE


def test_a_file_without_a_seal_is_read_as_it_is(tmp_path: Path) -> None:
    """One of an earlier version, of another program, or changed on purpose."""
    files.write_json(tmp_path / "note.json", NOTE)
    assert sealed_files.read(tmp_path / "note.json", Note) == NOTE
    assert not sealed_files.is_sealed(tmp_path / "note.json")
    fields = json.loads(sealed_files.encode(NOTE)) | {"text": "other", "seal": ""}
    files.write_json(tmp_path / "note.json", fields)
    assert sealed_files.read(tmp_path / "note.json", Note).text == "other"
    (tmp_path / "list.json").write_text("[1, 2]")
    assert sealed_files.read(tmp_path / "list.json") == [1, 2]


def test_every_bit_of_a_file_is_noticed_or_says_the_same() -> None:
    content = sealed_files.encode(NOTE)
    values: list[Note] = []
    for position in range(8 * len(content)):
        changed = bytearray(content)
        changed[position // 8] ^= 1 << position % 8
        with contextlib.suppress(BadInput):
            values.append(sealed_files.decode(bytes(changed), Path("note.json"), Note))
    assert values == [NOTE]  # the case of the letter in 1e-300


def test_a_broken_seal_tells_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    path.write_bytes(sealed_files.encode(NOTE).replace(b"gr", b"Gr"))
    with pytest.raises(BadInput, match=r"note\.json was changed .* empty its \"seal\""):
        sealed_files.read(path, Note)
    with pytest.raises(BadInput, match="is broken"):
        sealed_files.decode(b"{", path)
    with pytest.raises(BadInput, match="was changed"):
        sealed_files.decode(b'{"big": 123456789012345678901234567890, "seal": "x"}', path)


def test_only_an_object_can_be_sealed() -> None:
    with pytest.raises(BrokenJson):
        sealed_files.add_seal(b"[1]")

"""A changed bit in an archive is noticed, and other programs read it as before."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from oneclick.core.errors import BadInput
from oneclick.storage import sealed_archives


@pytest.fixture
def content() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data", bytes(range(99)))
    return buffer.getvalue()


def test_a_sealed_archive_is_an_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(sealed_archives.add_seal(content))
    assert sealed_archives.read(path) == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.read("data") == bytes(range(99))


def test_every_changed_bit_is_noticed(tmp_path: Path, content: bytes) -> None:
    sealed, path = sealed_archives.add_seal(content), tmp_path / "m.pt"
    for position in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[position // 8] ^= 1 << position % 8
        path.write_bytes(changed)
        with pytest.raises(BadInput, match=r"m\.pt is broken, or was changed"):
            sealed_archives.read(path)


@pytest.mark.parametrize("stop", [0, 1, 63, 64, 100])
def test_a_truncated_archive_is_refused(tmp_path: Path, content: bytes, stop: int) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(sealed_archives.add_seal(content)[:stop])
    with pytest.raises(BadInput):
        sealed_archives.read(path)


def test_an_archive_without_a_seal_is_read_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(content)
    assert sealed_archives.read(path) == content


def test_what_is_no_archive_cannot_be_sealed() -> None:
    with pytest.raises(ValueError, match="no zip archive"):
        sealed_archives.add_seal(b"weights")

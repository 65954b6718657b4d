"""Archives with a seal, as torch saves models: a changed bit is noticed before it is loaded.

The seal is the comment of the zip archive: the sha256 of all bytes before it. torch reads such an
archive as any other, and does not check the checksums that zip has of each entry. Archives of
earlier versions have no comment and are read as they are.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from oneclick.core.errors import BadInput
from oneclick.storage import bounded_files

MAX_ARCHIVE = 1024 * bounded_files.MEBIBYTE
_END = b"PK\x05\x06"
_END_BYTES = 22
"""Size of the last record of an archive without a comment."""
_SEAL_BYTES = 64


def add_seal(content: bytes) -> bytes:
    """Add a seal to an archive without a comment.

    Raises:
        ValueError: it is none.
    """
    if not _ends(content):
        raise ValueError("no zip archive without a comment")
    head = content[:-2] + _SEAL_BYTES.to_bytes(2, "little")
    return head + sha256(head).hexdigest().encode()


def read(path: Path, limit: int = MAX_ARCHIVE) -> bytes:
    """Read an archive of at most `limit` bytes and check its seal, if it has one.

    Raises:
        BadInput: it is missing, no archive, or was changed after it was written.
    """
    content = bounded_files.read_bytes(path, limit)
    if _ends(content):
        return content
    head, seal = content[:-_SEAL_BYTES], content[-_SEAL_BYTES:]
    if sha256(head).hexdigest().encode() != seal:
        raise BadInput(f"{path} is broken, or was changed after it was written: restore it")
    return content


def is_sealed(path: Path) -> bool:
    """Check whether a file is an archive with a seal, and sound."""
    try:
        return not _ends(read(path))
    except BadInput:
        return False


def _ends(content: bytes) -> bool:
    """Check whether an archive ends without a comment."""
    return content[-_END_BYTES:].startswith(_END) and content.endswith(b"\0\0")

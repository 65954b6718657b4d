"""The edits of one clip in one round of review: an append-only file, a line of JSON each.

    review/journal/<clip>.jsonl
    {"rev":1,"key":"…","by":"…","at":"…","fence":7,"task":"…","op":{…},"crc":"89abcdef"}

A line is on the device before its edit is acknowledged. A last line that is torn was never
acknowledged, and is cut off by the next writer; any other broken line is refused.

    review/journal/<clip>.head
    {"edits":7,"has_record":false,"crc":"89abcdef"}

The head is written after the line, and not flushed: at least as many edits were acknowledged, so a
journal that lost lines is refused. One that is broken or missing tells nothing.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import files, locks
from oneclick.storage.bounded_documents import BrokenJson, parse_json

T = TypeVar("T", bound=msgspec.Struct)
HEAD_SUFFIX = ".head"
_CRC = b',"crc":"'
_CRC_END = b'"}\n'
_HEAD_BYTES = 80


class ShorterJournal(BadInput):
    """A journal that lost lines which were read before: read it again from its beginning."""


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One edit of a clip's labels on the review page."""

    rev: int
    """1, 2, 3 … in the file."""
    key: str
    """Chosen by the client: an edit that is sent twice is done once."""
    by: str
    at: datetime
    """UTC."""
    fence: int
    """Number of the lease under which it was made."""
    task: str
    """Digest of the labels that the first edit was applied to."""
    op: msgspec.Raw
    """The operation (editing.operations) as JSON."""

    def encode(self) -> bytes:
        """Return the line."""
        return _encode_line(self)


class JournalHead(msgspec.Struct, frozen=True, kw_only=True):
    """What is there of a round of review at least."""

    edits: int = 0
    """Lines of the journal."""
    has_record: bool = False
    """Whether the record of a decision was written (desk/<clip>.json)."""


def decode_line(line: bytes) -> JournalEntry | None:
    """Return the edit in a line with its line end; None where the line is broken."""
    return _decode_line(line, JournalEntry)


def newest_fence(journal: Path) -> int:
    """Return the number of the lease under which the newest edit was made; 0 without any.

    Raises:
        Unavailable: the file cannot be read.
    """
    with files.guard(journal):
        try:
            lines = journal.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return 0
    entries = (decode_line(line) for line in reversed(lines))
    return next((entry.fence for entry in entries if entry), 0)


def head_file(journal: Path) -> Path:
    """Return the path of the head of a journal."""
    return journal.with_suffix(HEAD_SUFFIX)


def read_head(journal: Path) -> JournalHead:
    """Return the head of a journal; one that tells nothing where it is broken or missing.

    Read it before the lines: another process writes the line first.
    """
    try:
        line = head_file(journal).read_bytes()
    except OSError:
        return JournalHead()
    return _decode_line(line.rstrip() + b"\n", JournalHead) or JournalHead()


class Journal:
    """A journal, read up to some line; not for several threads at once.

    Args:
        path: of the file, which may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[JournalEntry] = []
        self._offset = 0

    def read_new(self) -> list[JournalEntry]:
        """Read what any process appended since the last call.

        Raises:
            ShorterJournal: the file lost lines that were read.
            BadInput: a line that was acknowledged is broken or lost.
            Unavailable: it cannot be read.
        """
        acknowledged = read_head(self.path).edits
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size == self._offset and len(self.entries) >= acknowledged:
            return []
        if size < self._offset:  # a disk refused the last edit after it was read here
            raise ShorterJournal(f"{self.path} got shorter")
        lines: list[bytes] = []
        if size:
            with files.guard(self.path), self.path.open("rb") as file:
                file.seek(self._offset)
                lines = file.read().splitlines(keepends=True)
        new: list[JournalEntry] = []
        for number, line in enumerate(lines):
            entry = decode_line(line)
            revision = len(self.entries) + 1
            if entry is None and number == len(lines) - 1:
                break  # torn, or being written by another process
            if entry is None or entry.rev != revision:
                raise BadInput(f"{self.path}, line {revision}: broken: restore it from a backup")
            self.entries.append(entry)
            new.append(entry)
            self._offset += len(line)
        if (count := len(self.entries)) < acknowledged:
            raise BadInput(
                f"{self.path}: {acknowledged - count} of {acknowledged} edits are lost: restore it "
                f"from a backup, or remove {head_file(self.path)} to go on without them"
            )
        return new

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other writers out, in other processes too; read what is new before appending."""
        with files.guard(self.path):
            files.make_folder(self.path.parent)
        with locks.file_lock(self.path):
            yield

    def append(self, entry: JournalEntry) -> None:
        """Append an edit and put it on the device; the caller holds the lock and has read all.

        Raises:
            NoSpace, Unavailable: the disk refuses; nothing was appended.
        """
        if entry.rev != len(self.entries) + 1:
            raise ValueError(f"{self.path}: edit {entry.rev} after {len(self.entries)}")
        line = entry.encode()
        is_new = self._offset == 0
        with files.guard(self.path):
            descriptor = os.open(self.path, os.O_WRONLY)
            try:
                if os.fstat(descriptor).st_size > self._offset:
                    os.ftruncate(descriptor, self._offset)  # a torn line
                try:
                    _write_all(descriptor, line, self._offset)
                    files.flush(self.path)
                except OSError:
                    with contextlib.suppress(OSError):
                        os.ftruncate(descriptor, self._offset)
                    raise
            finally:
                os.close(descriptor)
            if is_new:
                files.flush(self.path.parent)
        self.entries.append(entry)
        self._offset += len(line)
        self._write_head(msgspec.structs.replace(read_head(self.path), edits=entry.rev))

    def note_record(self) -> None:
        """Note that the record of a decision is on the device; the caller holds the lock."""
        self._write_head(JournalHead(edits=len(self.entries), has_record=True))

    def _write_head(self, head: JournalHead) -> None:
        """Write the head. Without it, where the disk refuses, a later loss is harder to notice."""
        content = _encode_line(head).rstrip().ljust(_HEAD_BYTES - 1) + b"\n"
        with contextlib.suppress(OSError):
            descriptor = os.open(head_file(self.path), os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                _write_all(descriptor, content, 0)
            finally:
                os.close(descriptor)


def _encode_line(value: JournalEntry | JournalHead) -> bytes:
    """Return a line of JSON whose last field is the crc of what stands before it."""
    content = msgspec.json.encode(value)[:-1]
    return content + _CRC + f"{zlib.crc32(content):08x}".encode() + _CRC_END


def _decode_line(line: bytes, type: type[T]) -> T | None:
    """Return what `_encode_line` encoded; None where the line is broken."""
    content, mark, rest = line.rpartition(_CRC)
    if not mark or rest != f"{zlib.crc32(content):08x}".encode() + _CRC_END:
        return None
    try:
        return parse_json(content + b"}", type)
    except BrokenJson:
        return None


def _write_all(descriptor: int, content: bytes, offset: int) -> None:
    while content:
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written

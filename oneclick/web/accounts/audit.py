"""The audit log: who did and saw what, one JSON line an entry, each bound to those before it.

review/audit/2026-11.jsonl    entries of a month: entry number, time, user, address, act, clip,
                              outcome, detail, mac
review/keys/audit.key         the key of the macs, random, of its owner alone
review/keys/audit.head        number and mac of the last entry

The mac of an entry is the HMAC-SHA256 over the mac of the entry before it and the line itself: a
changed, removed or inserted line breaks the chain, and the head tells whether the last lines are
gone. Whoever can read the key can forge the log; note the head that `oneclick review audit verify`
prints where that person cannot write.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from oneclick.core import visible
from oneclick.core.errors import Unavailable
from oneclick.storage import files
from oneclick.storage.bounded_documents import BrokenJson, parse_json
from oneclick.storage.workspace import Workspace

MOST_CHARACTERS = 200
"""Of each text; what strangers send is cut there."""
VIEW_SECONDS = 600.0
"""A user who goes on looking at the same clip is recorded again after this time."""
NO_MAC = "0" * 64
_KEY_BYTES = 32
_HEAD_BYTES = 160
_MAC_FIELD = b',"mac":"'
_LINE_TAIL = len(_MAC_FIELD) + 64 + len(b'"}\n')


class Actor(Protocol):
    """Who acts: the user of a session, or a visitor who has none."""

    @property
    def name(self) -> str:
        """Return the user's name, or the one that a visitor gives."""

    @property
    def address(self) -> str:
        """Return the network address."""


class Visitor(msgspec.Struct, frozen=True):
    """Author of an audit entry who has no session: the command line, or a failed login."""

    name: str
    address: str


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log, without its mac."""

    entry: int
    """Number, from 1; the next month counts on."""
    at: datetime
    """UTC."""
    user: str
    address: str
    act: str
    clip: str
    outcome: str
    detail: str


class _Position(msgspec.Struct, frozen=True):
    entry: int
    mac: str


class AuditLog:
    """Appends to the log of a workspace; threads and processes may do so at once.

    Args:
        workspace: that has the log.
        clock: returns the current time, timezone-aware.
    """

    def __init__(
        self, workspace: Workspace, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._workspace, self._clock = workspace, clock
        self._mutex = threading.Lock()
        self._key = b""
        self._last = _Position(0, NO_MAC)
        self._newest = workspace.audit_dir  # the file of the last entry; its folder before any
        self._file_state = (-1, -1)  # inode and size of that file after our last entry
        self._descriptors: dict[Path, int] = {}
        self._views: dict[tuple[str, str], datetime] = {}

    def close(self) -> None:
        """Close the files; the next entry opens them again."""
        with self._mutex:
            while self._descriptors:
                os.close(self._descriptors.popitem()[1])

    def record(
        self,
        user: Actor | None,
        act: str,
        clip: str = "",
        outcome: str = "ok",
        detail: str = "",
        durable: bool = True,
    ) -> None:
        """Append an entry.

        Args:
            user: who acts; None is the program itself.
            act: what is done, one word: login, view, edit, verdict, refused, …
            clip: id of the clip concerned.
            outcome: ok, or why nothing was done.
            detail: further text.
            durable: return once the entry is on the device; otherwise the system writes it soon.

        Raises:
            Unavailable, NoSpace: it cannot be written; what is to be recorded must not be done.
        """
        with self._mutex, self._locked():
            time = self._clock()
            self._catch_up()
            # Never an earlier file, where a clock was set back: files follow each other.
            path = max(self._newest, month_file(self._workspace, time))
            entry = AuditEntry(
                entry=self._last.entry + 1,
                at=time,
                user=_short(user.name) if user else "",
                address=_short(user.address) if user else "",
                act=act,
                clip=_short(clip),
                outcome=_short(outcome),
                detail=_short(detail),
            )
            self._append(path, msgspec.json.encode(entry), durable)

    def record_view(self, user: Actor, clip: str) -> None:
        """Record that a user sees a clip, once in VIEW_SECONDS; it costs no wait for the device."""
        time, key = self._clock(), (user.name, clip)
        last = self._views.get(key)
        if last is not None and (time - last).total_seconds() < VIEW_SECONDS:
            return
        self.record(user, "view", clip, durable=False)
        if len(self._views) > 10_000:
            self._views.clear()
        self._views[key] = time

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with files.guard(self._workspace.audit_dir):
            lock = self._open(self._workspace.keys_dir / "audit.lock", os.O_RDWR)
            with contextlib.suppress(OSError):  # network folders without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    fcntl.flock(lock, fcntl.LOCK_UN)

    def _open(self, path: Path, mode: int) -> int:
        """Return a descriptor of a file, made with its folder where there is none."""
        if path not in self._descriptors:
            self._workspace.create()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptors[path] = os.open(path, mode | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._descriptors[path]

    def _catch_up(self) -> None:
        """Learn the last entry, where another process wrote since ours, or cut off a torn one."""
        if not self._key:
            self._key = load_key(self._workspace)
        head = read_head(self._open(head_file(self._workspace), os.O_RDWR))
        if head == self._last and self._file_state == _file_state(self._newest):
            return
        positions = [head or _Position(0, NO_MAC)]
        logs = log_files(self._workspace)
        self._newest = logs[-1] if logs else self._workspace.audit_dir
        if logs:
            content = self._newest.read_bytes()
            lines = content[: content.rfind(b"\n") + 1]
            if len(lines) < len(content):  # a killed process; nobody was told that it is there
                os.truncate(self._newest, len(lines))
            with contextlib.suppress(ValueError):
                entry, mac, _ = parse_line(lines[lines.rfind(b"\n", 0, -1) + 1 :])
                positions.append(_Position(entry.entry, mac))
        # Where the last lines were removed, the head is further on: the gap stays visible.
        self._last = max(positions, key=lambda position: position.entry)
        for stale in [p for p in self._descriptors if p.suffix == ".jsonl"]:
            os.close(self._descriptors.pop(stale))

    def _append(self, path: Path, body: bytes, durable: bool) -> None:
        mac = compute_mac(self._key, self._last.mac, body)
        descriptor = self._open(path, os.O_WRONLY | os.O_APPEND)
        self._file_state = (-1, -1)
        line = body[:-1] + _MAC_FIELD + mac.encode() + b'"}\n'
        if os.write(descriptor, line) < len(line):
            raise OSError("the entry was not written whole")
        if durable:
            os.fsync(descriptor)
        last = _Position(self._last.entry + 1, mac)
        head = self._open(head_file(self._workspace), os.O_RDWR)
        os.pwrite(head, msgspec.json.encode(last).ljust(_HEAD_BYTES - 1) + b"\n", 0)
        if durable:
            os.fsync(head)
        self._last, self._newest, self._file_state = last, path, _file_state(path)


def load_key(workspace: Workspace) -> bytes:
    """Return the key of the macs, made before the first entry.

    Raises:
        Unavailable, NoSpace: it cannot be read or written, is no key, or is missing beside a log.
    """
    path, has_log = key_file(workspace), bool(log_files(workspace))
    try:
        if not (has_log or path.exists()):
            files.create(path, secrets.token_hex(_KEY_BYTES) + "\n", mode=0o600)
        text = path.read_text("ascii")
        key = bytes.fromhex(text)
        if len(key) != _KEY_BYTES or text != key.hex() + "\n":
            raise ValueError(f"it is not a line of {2 * _KEY_BYTES} hex digits, as it was written")
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"cannot read {path}: {error}; restore it, or move it away with {workspace.audit_dir} "
            f"and {head_file(workspace)}"
        ) from None
    return key


def compute_mac(key: bytes, previous: str, body: bytes) -> str:
    """Return the mac of an entry, hex digits."""
    return hmac.new(key, previous.encode() + body, hashlib.sha256).hexdigest()


def parse_line(line: bytes) -> tuple[AuditEntry, str, bytes]:
    """Return entry, mac, and the JSON that the mac is over.

    Raises:
        ValueError: the line is none of a log.
    """
    body, tail = line[:-_LINE_TAIL] + b"}", line[-_LINE_TAIL:]
    if not (tail.startswith(_MAC_FIELD) and tail.endswith(b'"}\n')):
        raise ValueError("the line has no mac")
    try:
        entry: AuditEntry = parse_json(body, AuditEntry)
    except BrokenJson as error:
        raise ValueError(str(error)) from None
    return entry, tail[len(_MAC_FIELD) : -3].decode("ascii", "replace"), body


def month_file(workspace: Workspace, at: datetime) -> Path:
    """Return the file of the month."""
    return workspace.audit_dir / f"{at.astimezone(UTC):%Y-%m}.jsonl"


def log_files(workspace: Workspace) -> list[Path]:
    """Return the files of the log in order of time."""
    return sorted(workspace.audit_dir.glob("*.jsonl"))


def key_file(workspace: Workspace) -> Path:
    """Return the file of the key."""
    return workspace.keys_dir / "audit.key"


def head_file(workspace: Workspace) -> Path:
    """Return the file that tells what the last entry is."""
    return workspace.keys_dir / "audit.head"


def read_head(source: Path | int) -> _Position | None:
    """Return the position of the last entry from `head_file`, or None where it tells none."""
    try:
        content = (
            source.read_bytes() if isinstance(source, Path) else os.pread(source, _HEAD_BYTES, 0)
        )
        return parse_json(content, _Position)
    except (OSError, BrokenJson):
        return None


def _file_state(path: Path) -> tuple[int, int]:
    """Return inode and size of a file; it changes when somebody writes or replaces it."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return (-1, -1)
    return stat.st_ino, stat.st_size


def _short(text: str) -> str:
    """Return a text of strangers in one line, cut, with hidden characters as escapes."""
    return visible.line(text[:MOST_CHARACTERS])

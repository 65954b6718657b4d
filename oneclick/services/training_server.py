"""The training server, or a bucket: any folder that fsspec can write to."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
import msgspec

from oneclick.core.errors import NoSpace, Unavailable, UsageError
from oneclick.storage import files

CHUNK = 1 << 20


class Stamp(msgspec.Struct, frozen=True):
    """What a file must be."""

    size: int
    sha256: str


class Complete(msgspec.Struct, frozen=True):
    """`complete.json`: the clip is on the server, whole."""

    clip_digest: str
    label_digest: str
    files: dict[str, Stamp]
    """Path below the clip's folder."""


def url(home: Path, server: str) -> str:
    """The server's URL; empty means the folder `training-server` in the workspace."""
    return server or str(home / "training-server")


def local_root(home: Path, server: str) -> Path:
    """The server's folder as seen from this machine.

    Raises:
        UsageError: it is on another machine.
    """
    root = Server(url(home, server))
    if not root.local:
        raise UsageError(
            f"training reads its images from a local folder, and {server} is none: "
            "start the training on the server itself, with train.server set to the folder there"
        )
    return Path(root.root)


class Server:
    """One training server.

    Args:
        what: how errors call it.

    Raises:
        UsageError: the URL's protocol is unknown. Every method raises Unavailable or NoSpace.
    """

    def __init__(self, address: str, what: str = "training server") -> None:
        self.address, self._what = address, what
        try:
            self._fs, self.root = fsspec.core.url_to_fs(address)
        except (ValueError, ImportError) as error:
            raise UsageError(f"{what} {address}: {error}") from None
        self.local = "file" in _protocols(self._fs)

    def read(self, name: str) -> bytes | None:
        """Content of a file, or None where there is none."""
        with self._guard():
            try:
                return bytes(self._fs.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file; on a local disk whole or not at all."""
        if self.local:
            files.write_atomic(Path(self._path(name)), content)
            return
        with self._guard():
            self._fs.makedirs(str(PurePosixPath(self._path(name)).parent), exist_ok=True)
            self._fs.pipe_file(self._path(name), content)

    def put(self, source: Path, name: str, stamp: Stamp, link: bool = True) -> None:
        """Bring a file over and check that it arrived as `stamp` says.

        On the same disk it is a hard link, which costs neither time nor space.
        """
        if not (self.local and link and _linked(source, Path(self._path(name)))):
            with self._guard():
                content = source.read_bytes()
            self.write(name, content)
        if self.stamp(name) != stamp:
            raise Unavailable(
                f"{name} did not arrive whole on {self.address}: run again; if it repeats, "
                "check the server's disk"
            )

    def stamp(self, name: str) -> Stamp | None:
        """Size and digest of a file as the server gives it back; None where there is none."""
        digest, size = hashlib.sha256(), 0
        with self._guard():
            try:
                with self._fs.open(self._path(name), "rb") as file:
                    while chunk := file.read(CHUNK):
                        digest.update(chunk)
                        size += len(chunk)
            except FileNotFoundError:
                return None
        return Stamp(size, digest.hexdigest())

    def remove(self, name: str) -> bool:
        """Delete a file; False where there is none."""
        with self._guard():
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                return False
        return True

    def complete(self, clip: str) -> Complete | None:
        """The mark of a whole clip; None where it is missing or broken."""
        content = self.read(f"clips/{clip}/complete.json")
        try:
            return msgspec.json.decode(content, type=Complete) if content else None
        except msgspec.MsgspecError:
            return None

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (OSError, TimeoutError) as error:
            if files.is_full(error):
                raise NoSpace(f"no space left on {self.address}: free some, run again") from error
            raise Unavailable(f"{self._what} {self.address}: {error}; run again later") from error


def _protocols(filesystem: Any) -> tuple[str, ...]:
    found = filesystem.protocol
    return (found,) if isinstance(found, str) else tuple(found)


def _linked(source: Path, target: Path) -> bool:
    """Make `target` a hard link; False where the disk cannot."""
    if target.exists() and target.samefile(source):
        return True
    with files.guard(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        return False
    return True

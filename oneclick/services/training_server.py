"""The training server, or a bucket: any folder that fsspec can write to."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import fsspec
import msgspec

from oneclick.core.errors import NoSpace, Unavailable, UsageError
from oneclick.storage import files

CHUNK = 1 << 20


class FileStamp(msgspec.Struct, frozen=True):
    """Size and checksum of a file."""

    size: int
    """Bytes."""
    sha256: str


class ClipCompletion(msgspec.Struct, frozen=True):
    """Content of `complete.json`, which marks a clip whose upload is complete."""

    clip_digest: str
    label_digest: str
    files: dict[str, FileStamp]
    """By path below the clip's folder."""


def server_url(home: Path, server: str) -> str:
    """Return the server's URL; empty means the folder `training-server` in the workspace."""
    return server or str(home / "training-server")


def local_root(home: Path, server: str) -> Path:
    """Return the server's folder as a local path.

    Raises:
        UsageError: it is on another machine.
    """
    root = RemoteFolder(server_url(home, server))
    if not root.local:
        raise UsageError(
            f"training reads its images from a local folder, and {server} is none: "
            "start the training on the server itself, with train.server set to the folder there"
        )
    return Path(root.root)


class RemoteFolder:
    """Files below a URL that fsspec can open.

    Args:
        address: URL or local path.
        label: name of the folder in error messages.

    Raises:
        UsageError: the URL's protocol is unknown. Every method raises Unavailable or NoSpace.
    """

    def __init__(self, address: str, label: str = "training server") -> None:
        self.address, self._label = address, label
        try:
            self._fs, self.root = fsspec.core.url_to_fs(address)
        except (ValueError, ImportError) as error:
            raise UsageError(f"{label} {address}: {error}") from None
        protocols = self._fs.protocol  # one name or several
        self.local = protocols == "file" or (not isinstance(protocols, str) and "file" in protocols)

    def read(self, name: str) -> bytes | None:
        """Read a file; return None if it does not exist."""
        with self._guard():
            try:
                return bytes(self._fs.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file; on a local disk atomically."""
        if self.local:
            files.write_atomic(Path(self._path(name)), content)
            return
        with self._guard():
            self._fs.makedirs(str(PurePosixPath(self._path(name)).parent), exist_ok=True)
            self._fs.pipe_file(self._path(name), content)

    def put(self, source: Path, name: str, stamp: FileStamp, link: bool = True) -> None:
        """Copy a file here and check that its stamp is `stamp`.

        On the same disk a hard link replaces the copy, which costs neither time nor space, unless
        `link` is false.

        Raises:
            Unavailable: the file that arrived is another one.
        """
        if not (self.local and link and _hard_link(source, Path(self._path(name)))):
            with self._guard():
                content = source.read_bytes()
            self.write(name, content)
        if self.stamp(name) != stamp:
            raise Unavailable(
                f"{name} did not arrive whole on {self.address}: run again; if it repeats, "
                "check the server's disk"
            )

    def stamp(self, name: str) -> FileStamp | None:
        """Read a file back and return its size and checksum; None if it does not exist."""
        digest, size = hashlib.sha256(), 0
        with self._guard():
            try:
                with self._fs.open(self._path(name), "rb") as file:
                    while chunk := file.read(CHUNK):
                        digest.update(chunk)
                        size += len(chunk)
            except FileNotFoundError:
                return None
        return FileStamp(size, digest.hexdigest())

    def remove(self, name: str) -> bool:
        """Delete a file; return False if it does not exist."""
        with self._guard():
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                return False
        return True

    def completion(self, clip: str) -> ClipCompletion | None:
        """Return the completion mark of a clip; None if it is missing or broken."""
        content = self.read(f"clips/{clip}/complete.json")
        try:
            return msgspec.json.decode(content, type=ClipCompletion) if content else None
        except msgspec.MsgspecError:
            return None

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (OSError, TimeoutError) as error:
            if files.is_disk_full(error):
                raise NoSpace(f"no space left on {self.address}: free some, run again") from error
            raise Unavailable(f"{self._label} {self.address}: {error}; run again later") from error


def _hard_link(source: Path, target: Path) -> bool:
    """Make `target` a hard link to `source`; return False if the file system refuses."""
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

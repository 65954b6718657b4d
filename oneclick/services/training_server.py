"""The training server, or a bucket: any folder that fsspec can write to."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import fsspec
import msgspec

from oneclick.core.errors import BadInput, NoSpace, OneclickError, Unavailable, UsageError
from oneclick.storage import bulk_files, files, sealed_files

CHUNK = 1 << 20


class FileStamp(msgspec.Struct, frozen=True):
    """Size and checksum of a file."""

    size: int
    """Bytes."""
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> FileStamp:
        """Return the stamp of a file's content."""
        return cls(len(content), hashlib.sha256(content).hexdigest())


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
        except Exception as error:  # every file system raises its own
            text = (str(error).splitlines() or [type(error).__name__])[0]
            raise UsageError(f"{label} {address}: {text}; correct the URL") from None
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

    def put(self, source: Path, name: str, stamp: FileStamp) -> None:
        """Copy a file here and check that its stamp is `stamp`; the two share no inode.

        On a local disk the copy is not flushed: see `flush`.

        Raises:
            Unavailable: the file that arrived is another one.
        """
        if self.local:
            with self._guard():
                bulk_files.copy(source, Path(self._path(name)))
        else:
            with self._guard():
                content = source.read_bytes()
            self.write(name, content)
        if self.stamp(name) != stamp:
            raise Unavailable(
                f"{name} did not arrive whole on {self.address}: run again; if it repeats, "
                "check the server's disk"
            )

    def flush(self, names: Iterable[str]) -> None:
        """Flush files that `put` copied to the device, where that is a local disk."""
        if self.local:
            bulk_files.flush_all(Path(self._path(name)) for name in names)

    def sweep(self, folder: str) -> None:
        """Remove what a killed `put` left in a folder."""
        if self.local:
            files.sweep(Path(self._path(folder)))

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

    def names(self, folder: str) -> list[str]:
        """List the names of the files in a folder; none where it does not exist."""
        with self._guard():
            try:
                entries = self._fs.ls(self._path(folder), detail=False, refresh=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted(PurePosixPath(entry).name for entry in entries)

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the size of each file in a folder, bytes by name; none where it does not exist."""
        if self.local:  # many times faster than the list of fsspec
            try:
                with self._guard(), os.scandir(self._path(folder)) as entries:
                    return {e.name: e.stat().st_size for e in entries if e.is_file()}
            except (FileNotFoundError, NotADirectoryError):
                return {}
        with self._guard():
            try:
                entries = self._fs.ls(self._path(folder), detail=True, refresh=True)
            except (FileNotFoundError, NotADirectoryError):
                return {}
        return {
            PurePosixPath(entry["name"]).name: int(entry["size"] or 0)
            for entry in entries
            if entry["type"] == "file"
        }

    def fetch(self, name: str, target: Path) -> bool:
        """Copy a file to `target`; return False if it does not exist."""
        with self._guard(), files.guard(target), target.open("wb") as writer:
            try:
                with self._fs.open(self._path(name), "rb") as reader:
                    while chunk := reader.read(CHUNK):
                        writer.write(chunk)
            except FileNotFoundError:
                target.unlink()
                return False
        return True

    def remove(self, name: str) -> bool:
        """Delete a file; return False if it does not exist."""
        with self._guard():
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                return False
        return True

    def remove_folder(self, name: str) -> None:
        """Delete a folder with all that is in it, if it exists."""
        with self._guard(), contextlib.suppress(FileNotFoundError):
            self._fs.rm(self._path(name), recursive=True)

    def completion(self, clip: str) -> ClipCompletion | None:
        """Return the completion mark of a clip; None if it is missing or broken."""
        name = f"clips/{clip}/complete.json"
        content = self.read(name)
        try:
            completion: ClipCompletion | None = (
                sealed_files.decode(content, Path(name), ClipCompletion) if content else None
            )
        except BadInput:
            return None
        return completion

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OneclickError:
            raise
        except Exception as error:  # every file system raises its own
            if files.is_disk_full(error):
                raise NoSpace(f"no space left on {self.address}: free some, run again") from error
            raise Unavailable(f"{self._label} {self.address}: {error}; run again later") from error

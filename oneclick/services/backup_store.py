"""Where backups are: contents under their checksum, and for each backup a list of its files.

objects/<2>/<sha256>     the content of files
backups/<time>.json      which files a workspace held at that time; written last
damaged.json             contents that a check found damaged: the next backup stores them again
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.core import progress
from oneclick.core.errors import BadInput, NoSpace, Unavailable, UnknownName, UsageError
from oneclick.services.training_server import RemoteFolder
from oneclick.storage import sealed_files

DAMAGED = "damaged.json"


class StoredFile(msgspec.Struct, frozen=True):
    """A file of a workspace at the time of a backup."""

    size: int
    """Bytes."""
    sha256: str
    modified_ns: int
    """Time of its last change, ns since 1970."""
    mode: int = 0o600
    """Who may read and write it."""


class BackupManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Which files a workspace held."""

    made_at: datetime
    """UTC."""
    code: str
    """Version of oneclick."""
    files: dict[str, StoredFile]
    """By path below the workspace."""

    @property
    def name(self) -> str:
        """Return the name of the backup, which sorts by time."""
        return f"{self.made_at:%Y%m%dT%H%M%S%f}Z"


class DamagedObjects(msgspec.Struct, frozen=True, kw_only=True):
    """Content of `damaged.json`: objects that are not what their names say."""

    digests: tuple[str, ...] = ()
    """The sha256 in their names, sorted."""


class BackupStore:
    """Backups of one workspace in a folder or bucket."""

    def __init__(self, address: str) -> None:
        if not address:
            raise UsageError("name the folder or URL of the backup")
        self.remote = RemoteFolder(address, label="backup")

    def names(self) -> list[str]:
        """Return the names of all backups, oldest first."""
        return sorted(
            name.removesuffix(".json")
            for name in self.remote.names("backups")
            if name.endswith("Z.json")
        )

    def read(self, name: str | None = None) -> BackupManifest:
        """Read a backup's list of files; by default the newest.

        Raises:
            UsageError: there is none. UnknownName: none of that name. BadInput: it is broken.
        """
        names = self.names()
        if not names:
            raise UsageError(f"{self.remote.address} holds no backup: name where one was made")
        if name not in (None, *names):
            raise UnknownName("backup", str(name), names[-5:])
        path = f"backups/{name or names[-1]}.json"
        content = self.remote.read(path) or b""
        manifest: BackupManifest = sealed_files.decode(content, Path(path), BackupManifest)
        return manifest

    def check(self, name: str | None = None) -> list[str]:
        """Read every file of a backup and compare its checksum; return a sentence a problem.

        What is damaged is noted down for the next backup.
        """
        manifest, problems = self.read(name), []
        contents = {stored.sha256: path for path, stored in sorted(manifest.files.items())}
        damaged = []
        for digest, path in progress.track("check", contents.items(), len(contents)):
            stamp = self.remote.stamp(object_name(digest))
            if stamp is None or stamp.sha256 != digest:
                state = "missing" if stamp is None else "damaged"
                problems.append(f"{path}: {object_name(digest)} is {state}; back up again")
                damaged.append(digest)
        try:
            self.mark(damaged=damaged, whole=contents.keys() - {*damaged})
        except (Unavailable, NoSpace) as error:  # a backup that may only be read
            problems += [f"the next backup cannot know: {error}"] if damaged else []
        return problems

    def mark(self, *, damaged: Collection[str], whole: Collection[str]) -> None:
        """Note down which contents are damaged, and forget that others were."""
        try:
            before: set[str] | None = self.damaged()
        except BadInput:  # what it told is lost: the next check tells it again
            before = None
        after = (before or set()) - {*whole} | {*damaged}
        if after != before:
            mark = DamagedObjects(digests=tuple(sorted(after)))
            self.remote.write(DAMAGED, sealed_files.encode(mark))

    def damaged(self) -> set[str]:
        """Return the sha256 of contents that a check found damaged. Raises BadInput."""
        content = self.remote.read(DAMAGED)
        if content is None:
            return set()
        mark: DamagedObjects = sealed_files.decode(content, Path(DAMAGED), DamagedObjects)
        return set(mark.digests)

    def usable(self, files: Mapping[str, StoredFile]) -> set[str]:
        """Return the sha256 of contents that are there, as long as they must be, and not damaged.

        Args:
            files: of a backup.

        Raises:
            BadInput: the list of damaged ones is broken.
        """
        sizes = {stored.sha256: stored.size for stored in files.values()}
        digests: set[str] = set()
        for folder in self.remote.names("objects") if sizes else ():
            for name, size in self.remote.sizes(f"objects/{folder}").items():
                if sizes.get(name) == size:
                    digests.add(name)
        return digests - self.damaged()


def object_name(digest: str) -> str:
    """Return where the content of this sha256 is stored."""
    return f"objects/{digest[:2]}/{digest}"

"""Backup and restore: copies of a workspace in any folder or bucket, each file stored once.

A backup runs while others work: the catalog is copied first, and whatever is newer than it is
taken in from the files when the restored workspace is opened.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath

from oneclick import __version__
from oneclick.catalog import Catalog, copies, exclusive
from oneclick.catalog import engine as engines
from oneclick.catalog import verify as catalog_verify
from oneclick.catalog.reconcile import reconcile
from oneclick.core import progress
from oneclick.core.errors import BadInput, OneclickError, Unavailable, UsageError
from oneclick.services.backup_store import BackupManifest, BackupStore, StoredFile, object_name
from oneclick.services.training_server import FileStamp
from oneclick.storage import files, sealed_files
from oneclick.storage.workspace import BEFORE_RESTORE, Workspace

LATEST_MEMORY = 64 << 20
"""Bytes up to which a file is read at once: it may be written while it is copied."""
CATALOG = "catalog.sqlite"
# live: a ring of minutes, and segments to be fetched; insight: counts that are computed again.
_LEFT_OUT = ("locks", ".prefect", "logs", "live", "searches", "insight")
# What moves from one folder to another is looked at where it comes from first, so that a move in
# between is seen twice and never not at all: a task ends when its verdict is archived.
# Lists of files come before the files: a file that they lack is not missed.
_FIRST = (
    "review/tasks/*.json",
    "review/verdicts/*.json",
    "review/*/verdicts/*.json",
    "review/second/queue/verdicts/*.json",
    "inventories/*.json",
    "models/*.json",
    # The ends of the audit log and of journals: one that goes on is whole, one that ends early not.
    "review/keys/audit.head",
    "review/journal/*.head",
)
# A clip that was decided and reopened since then has other labels in its task.
_TWICE = Path("review/tasks")


@dataclass(frozen=True, kw_only=True)
class BackupResult:
    """What a backup stored."""

    name: str
    files: int
    """Files of the workspace."""
    new_files: int
    """Files whose content was not there."""
    new_bytes: int


@dataclass(frozen=True, kw_only=True)
class RestoreResult:
    """What a restore brought back."""

    name: str
    files: int
    problems: list[str] = field(default_factory=list)
    """A sentence about each file that is lost, and each difference to the catalog."""
    newer: list[str] = field(default_factory=list)
    """What is known to have come after this backup: erasures, models, verdicts, datasets."""
    aside: Path | None = None
    """Where the workspace that was there is now."""


def backup(home: Path, address: str, videos: bool = True) -> BackupResult:
    """Store every file of a workspace that the backup does not hold yet.

    Args:
        home: the workspace folder; others may work in it.
        address: folder or URL, of one workspace.
        videos: raw recordings too.

    Raises:
        BadInput: there is no workspace. Unavailable, NoSpace: nothing counts as stored; run again.
    """
    if not home.is_dir():
        raise BadInput(f"there is no workspace at {home}")
    workspace, store = Workspace(home), BackupStore(address)
    if store.remote.local and Path(store.remote.root).resolve().is_relative_to(home.resolve()):
        raise UsageError(f"{address} is inside the workspace: a backup belongs elsewhere")
    writer = BackupWriter(workspace, store)
    with files.temporary_name(home / CATALOG) as copy:
        writer.copy_catalog(copy)
        writer.add(CATALOG, copy)
    for name in progress.track("backup", writer.list_files(videos), 0):
        writer.add(name, home / name)
    return writer.finish()


class BackupWriter:
    """Stores the files of one backup, its manifest last."""

    def __init__(self, workspace: Workspace, store: BackupStore) -> None:
        self.workspace, self.store = workspace, store
        self.files: dict[str, StoredFile] = {}
        self.new_objects: dict[str, int] = {}
        """Bytes by sha256."""
        try:
            self.before = store.read().files
            self.objects = store.usable(self.before)
        except (UsageError, BadInput):  # the first backup, or one that must be stored again
            self.before, self.objects = {}, set()

    def copy_catalog(self, copy: Path) -> None:
        """Copy the catalog as it is at one moment; one in Postgres as an SQLite file."""
        url = Catalog.url(self.workspace)
        with Catalog.open(self.workspace.home), files.guard(copy):  # as new as its files
            if url.get_backend_name() == "sqlite":
                with engines.translated(url):
                    copies.copy_sqlite(Path(url.database or ""), copy)
            else:
                copies.copy_rows(url, engines.default_url(copy))

    def list_files(self, videos: bool) -> Iterator[str]:
        """Yield the paths below the workspace, what moves between folders first."""
        home = self.workspace.home
        for pattern in _FIRST:
            for path in sorted(home.glob(pattern)):
                if not path.name.startswith("."):
                    yield path.relative_to(home).as_posix()
        for folder, folders, names in os.walk(home):
            place = Path(folder).relative_to(home)
            folders[:] = sorted(
                name
                for name in folders
                if not (name.startswith(".") or (place == Path() and name in _LEFT_OUT))
            )
            for name in sorted(names):
                path = place / name
                is_recording = place.parts[:1] == ("videos",) and path.suffix != ".json"
                if name.startswith((".", CATALOG)) or (is_recording and not videos):
                    continue
                if path.as_posix() not in self.files or place == _TWICE:
                    yield path.as_posix()

    def add(self, name: str, path: Path) -> None:
        """Store one file unless it is there; one that vanished meanwhile has moved on."""
        try:
            status = path.stat()
            earlier = self.before.get(name)
            if (
                earlier
                and (earlier.size, earlier.modified_ns) == (status.st_size, status.st_mtime_ns)
                and earlier.sha256 in self.objects
            ):
                self.files[name] = earlier
                return
            stamp = self._store(path, status.st_size)
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unavailable(f"cannot read {path}: {error.strerror or error}") from None
        self.files[name] = StoredFile(
            stamp.size, stamp.sha256, status.st_mtime_ns, status.st_mode & 0o777
        )

    def _store(self, path: Path, size: int) -> FileStamp:
        if size <= LATEST_MEMORY:
            content = path.read_bytes()
            stamp = FileStamp.of(content)
        else:
            content, stamp = None, FileStamp(size, files.sha256(path))
        if stamp.sha256 in self.objects:
            return stamp
        name = object_name(stamp.sha256)
        if content is None:
            self.store.remote.put(path, name, stamp)
        else:
            self.store.remote.write(name, content)
        self.objects.add(stamp.sha256)
        self.new_objects[stamp.sha256] = stamp.size
        return stamp

    def finish(self) -> BackupResult:
        """Flush what was stored, and write the manifest."""
        self.store.remote.flush(map(object_name, self.new_objects))
        manifest = BackupManifest(made_at=datetime.now(UTC), code=__version__, files=self.files)
        self.store.remote.write(f"backups/{manifest.name}.json", sealed_files.encode(manifest))
        self.store.mark(damaged=(), whole=self.new_objects)
        return BackupResult(
            name=manifest.name,
            files=len(self.files),
            new_files=len(self.new_objects),
            new_bytes=sum(self.new_objects.values()),
        )


def restore(
    home: Path, address: str, name: str | None = None, replace: bool = False
) -> RestoreResult:
    """Write a workspace as it was at the time of a backup, complete or not at all.

    Files whose content is lost or damaged are left out and named.

    Args:
        home: folder of the workspace; it must not exist, or be empty.
        address: folder or URL of the backup.
        name: of the backup; by default the newest.
        replace: move a workspace that is there aside.

    Raises:
        UsageError: no backup, or a workspace is there. Unavailable: somebody works in that one.
    """
    store = BackupStore(address)
    manifest = store.read(name)
    is_there = home.exists() and any(home.iterdir())
    if is_there and not replace:
        raise UsageError(f"{home} is not empty: name another --home, or --replace moves it aside")
    problems: list[str] = []
    count, aside = 0, None
    others = exclusive.alone(Workspace(home)) if is_there else contextlib.nullcontext()
    with others, files.temporary_name(home) as folder:
        for path, stored in progress.track("restore", manifest.files.items(), len(manifest.files)):
            if Path(path).is_absolute() or ".." in Path(path).parts:
                problems.append(f"{path}: a path that leads out of the workspace; left out")
            elif problem := _restore_file(store, folder / path, stored):
                problems.append(f"{path}: {problem}")
            else:
                count += 1
        with files.guard(home):
            folder.chmod(0o700)
            if is_there:
                aside = home.with_name(
                    f"{home.name}{BEFORE_RESTORE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
                )
                home.rename(aside)
            folder.rename(home)
    newer = list(_later_files(store, manifest, aside))
    problems += _check(home)
    return RestoreResult(
        name=manifest.name, files=count, problems=problems, newer=newer, aside=aside
    )


def _restore_file(store: BackupStore, target: Path, stored: StoredFile) -> str:
    """Write one file; return what is wrong with it."""
    name = object_name(stored.sha256)
    with files.guard(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    if not store.remote.fetch(name, target):
        return f"{name} is missing"
    if files.sha256(target) != stored.sha256:
        target.unlink()
        return f"{name} is damaged"
    with files.guard(target):
        target.chmod(stored.mode)
        os.utime(target, ns=(stored.modified_ns, stored.modified_ns))
        files.flush(target)
    return ""


def _check(home: Path) -> list[str]:
    """Bring the restored catalog up to date with its files, and verify it."""
    try:
        with Catalog.open(home) as catalog:
            reconcile(catalog, thorough=True)
            return catalog_verify.verify(catalog)
    except OneclickError as error:
        return [str(error)]


def _later_files(store: BackupStore, manifest: BackupManifest, aside: Path | None) -> Iterator[str]:
    """Yield what came after a backup, as later backups and the workspace moved aside tell."""
    paths = set(manifest.files)
    later: dict[str, str] = {}
    for name in store.names():
        if name > manifest.name:
            try:
                later |= dict.fromkeys(store.read(name).files, f"backup {name}")
            except BadInput as error:
                yield f"a backup that came after this one: {error}"
    if aside:
        for pattern in itertools.chain(*_WEIGHTY.values()):
            later |= {
                path.relative_to(aside).as_posix(): str(aside) for path in aside.glob(pattern)
            }
    for noun, patterns in _WEIGHTY.items():
        for path, origin in sorted(later.items()):
            if path not in paths and any(PurePath(path).match(pattern) for pattern in patterns):
                yield f"{noun} {path} of {origin} came after this backup"


_WEIGHTY = {
    "erasure": ("review/receipts/*.json",),
    "model": ("models/*/card.json",),
    "verdict": ("review/archive/*.json", "review/*/archive/*.json"),
    "dataset": ("datasets/*/version.json",),
}
"""What must not be forgotten silently: where it stands, by its noun."""

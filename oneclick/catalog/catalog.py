"""The catalog of a workspace: videos, clips and their stages, labels, datasets, models, runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import sqlalchemy as sa

from oneclick.catalog import engine as engines
from oneclick.catalog import generations, migrate
from oneclick.catalog.clips import ClipsMixin
from oneclick.catalog.history import HistoryMixin
from oneclick.catalog.review_queue import ReviewQueueMixin
from oneclick.catalog.reviews import ReviewsMixin
from oneclick.catalog.search import SearchMixin
from oneclick.catalog.store import Clock, utc_now
from oneclick.catalog.videos import VideosMixin
from oneclick.catalog.web_sessions import WebSessionsMixin
from oneclick.core.errors import Unavailable
from oneclick.storage import files
from oneclick.storage.locks import CATALOG_URL
from oneclick.storage.workspace import Workspace


class Catalog(
    VideosMixin,
    ClipsMixin,
    ReviewsMixin,
    ReviewQueueMixin,
    HistoryMixin,
    SearchMixin,
    WebSessionsMixin,
):
    """The index over the files of a workspace, in one SQLite file or in Postgres.

    Every change is one idempotent transaction, which also updates the counters; all times are
    UTC. Threads may share one Catalog; each process opens its own.
    """

    when_behind: ClassVar[Callable[[Catalog], object]]
    """Brings a catalog that is behind its files up to date."""
    is_behind = False
    """Whether it was behind the files of its workspace when it was opened."""
    _watch: sa.Connection | None = None

    @classmethod
    def open(
        cls,
        home: Path,
        url: str | None = None,
        clock: Clock = utc_now,
        readonly: bool = False,
        update: bool = True,
    ) -> Self:
        """Open the catalog of a workspace, creating an empty one unless `readonly`.

        A catalog that is behind the files, being lost or an older copy, is brought up to date.

        Args:
            home: folder of the workspace.
            url: defaults to $ONECLICK_CATALOG_URL, and that to `<home>/catalog.sqlite`.
            clock: returns the current time, timezone-aware.
            readonly: refuse to write.
            update: False leaves a catalog that is behind the files as it is.

        Raises:
            BadInput: the file is no catalog, or one of a newer oneclick.
            Unavailable: it cannot be reached, read or written.
        """
        workspace = Workspace(Path(home))
        database_url = engines.parse(url) if url else cls.url(workspace)
        if database_url.get_backend_name() == "sqlite":
            path = Path(database_url.database or "")
            if readonly and not path.exists():
                workspace.check_restored()
                remedy = f"there is no catalog at {path} yet: oneclick run VIDEO makes it"
                if workspace.generation_file.exists():
                    remedy = f"the catalog at {path} is lost: oneclick catalog rebuild"
                raise Unavailable(remedy)
            if not readonly:
                workspace.create()
                with files.guard(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
        catalog = cls(workspace, engines.connect(database_url, readonly), clock)
        try:
            migrate.ensure(catalog._engine, readonly)
            with catalog.reading() as connection:
                catalog.is_behind = generations.is_behind(workspace, connection)
            if catalog.is_behind and update and not readonly:
                cls.when_behind(catalog)
        except BaseException:
            catalog.close()
            raise
        return catalog

    @staticmethod
    def url(workspace: Workspace) -> sa.URL:
        """Return the database URL of the catalog of a workspace."""
        url = os.environ.get(CATALOG_URL)
        return engines.parse(url) if url else engines.default_url(workspace.catalog_file)

    def close(self) -> None:
        """Close all connections to the database."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._engine.dispose()

    def sync(self) -> None:
        """Put all commits so far on the disk: SQLite leaves the last ones to the system."""
        if self._engine.url.get_backend_name() == "sqlite":
            path = Path(self._engine.url.database or "")
            log = path.with_name(path.name + "-wal")
            with files.guard(path):
                files.flush(log if log.exists() else path)

    def version(self) -> object:
        """Return a value that changes with every write by another connection.

        It also changes when another file takes the place of the open one. Costs next to nothing.
        """
        with engines.translated(self._engine.url):
            if self._watch is None:
                self._watch = self._engine.connect()
            return engines.version(self._watch)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

"""The index over the files: what exists, where every Clip stands, who works on it."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from oneclick.catalog import engine as engines
from oneclick.catalog import migrate
from oneclick.catalog.clips import Clips
from oneclick.catalog.history import History
from oneclick.catalog.reviews import Reviews
from oneclick.catalog.search import Search
from oneclick.catalog.store import Clock, utc_now
from oneclick.catalog.videos import Videos
from oneclick.core.errors import Unavailable
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

URL = "ONECLICK_CATALOG_URL"
"""Environment variable that names another database than the workspace's own SQLite file."""


class Catalog(Videos, Clips, Reviews, History, Search):
    """All there is to know about a workspace, in one SQLite file or in Postgres.

    Every mutation is one transaction and idempotent, all times are UTC, and totals are kept in
    rollups by the same transaction. Threads may share one Catalog; processes open their own.
    """

    _watch: sa.Connection | None = None

    @classmethod
    def open(
        cls,
        home: Path,
        url: str | None = None,
        clock: Clock = utc_now,
        readonly: bool = False,
    ) -> Self:
        """Open the catalog of a workspace; an empty one is made unless `readonly`.

        `url` defaults to $ONECLICK_CATALOG_URL, and that to `<home>/catalog.sqlite`.

        Raises:
            BadInput: the file is no catalog, or one of a newer oneclick.
            Unavailable: it cannot be reached, read or written.
        """
        workspace = Workspace(Path(home))
        where = engines.parse(url) if url else cls.url(workspace)
        if where.get_backend_name() == "sqlite":
            _prepare(Path(where.database or ""), readonly)
        catalog = cls(workspace, engines.connect(where, readonly), clock)
        try:
            migrate.ensure(catalog._engine, readonly)
        except BaseException:
            catalog.close()
            raise
        return catalog

    @staticmethod
    def url(workspace: Workspace) -> sa.URL:
        """Where the catalog of a workspace is kept."""
        wanted = os.environ.get(URL)
        return engines.parse(wanted) if wanted else engines.default_url(workspace.catalog_file)

    def close(self) -> None:
        """Let go of the database."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._engine.dispose()

    def version(self) -> object:
        """Another value than the last time if anything was written since, by anyone else.

        Costs next to nothing; a file that took the place of the one that is open shows too.
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

    @classmethod
    def rebuild(cls, home: Path) -> list[str]:
        """Make the catalog again from the files alone; one sentence for each broken file left out.

        Raises:
            Unavailable: somebody works on clips now.
        """
        from oneclick.catalog import rebuild

        return rebuild.rebuild(cls, Workspace(Path(home)))

    def verify(self, deep: bool = False) -> list[str]:
        """Recount the rollups and compare rows with files; `deep` also compares digests.

        Returns one sentence a problem.
        """
        from oneclick.catalog import verify

        return verify.verify(self, deep)


def _prepare(path: Path, readonly: bool) -> None:
    if readonly and not path.exists():
        raise Unavailable(f"there is no catalog at {path} yet: oneclick run VIDEO makes it")
    if not readonly:
        with files.guard(path):
            path.parent.mkdir(parents=True, exist_ok=True)

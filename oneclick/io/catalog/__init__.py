"""The catalog: the index over the files, and the only place with SQL."""

from oneclick.io.catalog.catalog import Catalog
from oneclick.io.catalog.owners import owner_id
from oneclick.io.catalog.rows import ClipRow, Event
from oneclick.io.catalog.store import utc_now

__all__ = ["Catalog", "ClipRow", "Event", "owner_id", "utc_now"]

"""The catalog: the index over the files, and the only place with SQL."""

from oneclick.catalog.catalog import Catalog
from oneclick.catalog.owners import owner_id
from oneclick.catalog.rows import ClipRow, Event
from oneclick.catalog.store import utc_now

__all__ = ["Catalog", "ClipRow", "Event", "owner_id", "utc_now"]

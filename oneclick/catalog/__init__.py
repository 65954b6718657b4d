"""The catalog: the index over the files of a workspace, and the only package with SQL.

`rebuild` and `verify` are modules of their own, since they also read the files.
"""

from oneclick.catalog.catalog import Catalog
from oneclick.catalog.owners import owner_id
from oneclick.catalog.rows import ClipEvent, ClipRecord
from oneclick.catalog.store import utc_now

__all__ = ["Catalog", "ClipEvent", "ClipRecord", "owner_id", "utc_now"]

"""The catalog: the index over the files of a workspace, and the only package with SQL.

`rebuild`, `reconcile` and `verify` are modules of their own, since they also read the files.
"""

from oneclick.catalog.catalog import Catalog
from oneclick.catalog.owners import owner_id
from oneclick.catalog.rows import ClipEvent, ClipRecord
from oneclick.catalog.store import utc_now

__all__ = ["Catalog", "ClipEvent", "ClipRecord", "owner_id", "utc_now"]


def _bring_up_to_date(catalog: Catalog) -> None:
    from oneclick.catalog import reconcile  # it loads numpy, which listings do without

    reconcile.reconcile(catalog)


Catalog.when_behind = _bring_up_to_date

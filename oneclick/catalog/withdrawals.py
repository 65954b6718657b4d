"""Which published clips the next dataset version holds, and which no version or training may use.

The newest line of a clip in any version on disk is the one that counts. So a clip that was left out
for a while, or whose newest version is lost, comes back with its newest labels.
"""

from __future__ import annotations

from collections.abc import Iterable

from oneclick.catalog.catalog import Catalog
from oneclick.core import split_leaks
from oneclick.core.clips import ClipStage
from oneclick.core.datasets import DatasetClip
from oneclick.storage import datasets, exclusions

WITHDRAWN = (ClipStage.REJECTED, ClipStage.QUARANTINED)


def withdrawn_clips(catalog: Catalog) -> set[str]:
    """Return the ids of all clips that were excluded, rejected or quarantined."""
    stages = catalog.stages().items()
    return exclusions.excluded_clips(catalog.workspace) | {
        clip_id for clip_id, stage in stages if stage in WITHDRAWN
    }


def clips_to_keep(catalog: Catalog) -> set[str]:
    """Return the published clips that the next version holds.

    A clip that the catalog no longer has was deleted by hand, with its folder.
    """
    return (catalog.published_clips() & catalog.stages().keys()) - withdrawn_clips(catalog)


def published_lines(catalog: Catalog) -> dict[str, DatasetClip]:
    """Return the newest manifest line of each clip that the next version holds.

    One whose versions are all lost has none here.
    """
    workspace, clip_ids = catalog.workspace, clips_to_keep(catalog)
    lines = datasets.find_lines(workspace, clip_ids)
    for clip_id in clip_ids - lines.keys():
        if exclusion := exclusions.load(workspace, clip_id):
            lines[clip_id] = exclusion.line
    return lines


def find_leaks(catalog: Catalog, lines: Iterable[DatasetClip]) -> dict[str, str]:
    """Return why lines are left out of a version, by clip: they show the moment of a test line."""
    return split_leaks.find_leaks(lines, [row.clip for row in catalog.clips()], catalog.videos())


def is_version_outdated(catalog: Catalog) -> bool:
    """Check whether the next version would hold other clips or labels than the newest one."""
    newest = datasets.find(catalog.workspace)
    lines = {line.clip: line for line in newest.clips} if newest else {}
    known = published_lines(catalog)
    leaks = find_leaks(catalog, known.values()).keys()
    is_complete = lines.keys() == clips_to_keep(catalog) - leaks
    return not is_complete or any(lines[clip_id] != known[clip_id] for clip_id in lines)

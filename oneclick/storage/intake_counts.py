"""`intake/counts.json`: what the intake took, refused and quarantined, by camera.

Written every few seconds: the last ones before a kill are not counted. The pictures themselves are
in the segments.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.core.errors import BadInput
from oneclick.storage import files, sealed_files
from oneclick.storage.workspace import Workspace

STRANGERS = ""
"""Camera of what was sent without a valid token."""
MOST_REASONS = 64
"""Reasons that are counted apart for one camera; later ones count as OTHER."""
OTHER = "other"


class CameraCounts(msgspec.Struct, kw_only=True):
    """Counts of one camera since the first batch."""

    stored: int = 0
    replayed: int = 0
    lost: int = 0
    """Pictures that the device had to drop before it could send them."""
    quarantined: dict[str, int] = {}
    """Pictures by reason."""
    refused: dict[str, int] = {}
    """Requests by reason."""
    seen_at: datetime | None = None
    """UTC of the last batch that was taken."""

    def quarantine(self, reasons: dict[str, int]) -> None:
        """Add to the numbers of pictures that were not used, by reason."""
        for reason, count in reasons.items():
            _add(self.quarantined, reason, count)

    def refuse(self, reason: str) -> None:
        """Count a request that was refused."""
        _add(self.refused, reason, 1)


class _CountsFile(msgspec.Struct, kw_only=True):
    cameras: dict[str, CameraCounts] = {}


def _add(counts: dict[str, int], reason: str, count: int) -> None:
    key = reason if reason in counts or len(counts) < MOST_REASONS else OTHER
    counts[key] = counts.get(key, 0) + count


def load(workspace: Workspace) -> dict[str, CameraCounts]:
    """Return the counts by camera; none where nothing was ever sent.

    Raises:
        BadInput: the file is broken.
    """
    path = counts_file(workspace)
    if not path.exists():
        return {}
    content: _CountsFile = sealed_files.read(path, _CountsFile)
    return content.cameras


def load_or_restart(workspace: Workspace) -> dict[str, CameraCounts]:
    """Return the counts; where the file is broken it is moved aside and counting begins anew.

    Raises:
        NoSpace, Unavailable: it cannot be moved.
    """
    try:
        return load(workspace)
    except BadInput:
        path = counts_file(workspace)
        with files.guard(path):
            path.replace(path.with_name(f"{path.name}.broken"))
        return {}


def counts_file(workspace: Workspace) -> Path:
    """Return the file of the counts."""
    return workspace.intake_dir / "counts.json"


def save(workspace: Workspace, counts: dict[str, CameraCounts]) -> None:
    """Write the counts. Raises NoSpace or Unavailable."""
    sealed_files.write(counts_file(workspace), _CountsFile(cameras=counts))

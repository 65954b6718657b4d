"""`intake/counts.json`: what the intake took, refused and quarantined, by camera.

Written every few seconds: the last ones before a kill are not counted. The pictures themselves are
in the segments.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from oneclick.storage import sealed_files
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
        """Count pictures by reason."""
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
    path = workspace.intake_dir / "counts.json"
    if not path.exists():
        return {}
    content: _CountsFile = sealed_files.read(path, _CountsFile)
    return content.cameras


def save(workspace: Workspace, counts: dict[str, CameraCounts]) -> None:
    """Write the counts. Raises NoSpace or Unavailable."""
    sealed_files.write(workspace.intake_dir / "counts.json", _CountsFile(cameras=counts))

"""Edge cameras: what they sent, what was refused, and what waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from oneclick.storage import intake_counts, intake_log, span_requests
from oneclick.storage.intake_counts import CameraCounts
from oneclick.storage.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class EdgeCameraRow:
    """One edge camera; an empty name stands for what came without a valid token."""

    camera: str
    seen_at: datetime | None
    """UTC of the last batch that was taken."""
    stored: int
    """Pictures whose predictions were taken."""
    replayed: int
    lost: int
    """Pictures that the device had to drop before it could send them."""
    quarantined: dict[str, int]
    """Pictures that are not used, by reason."""
    refused: dict[str, int]
    """Requests by status and reason."""
    waiting: int
    """Complete segments that are not in the catalog yet."""
    broken: int
    """Segments that were put aside."""
    spans_open: int
    """Requests for raw video that wait for the device."""

    @property
    def trouble(self) -> int:
        """Return the number of pictures and requests that were not taken, and broken segments."""
        return sum(self.quarantined.values()) + sum(self.refused.values()) + self.lost + self.broken


def edge_cameras(home: Path) -> list[EdgeCameraRow]:
    """Return a row for each edge camera that ever sent something.

    Raises:
        BadInput: the counts are broken.
    """
    workspace = Workspace(home)
    counts = intake_counts.load(workspace)
    folders = {path.parent.name for path in intake_log.newest_segments(workspace.intake_dir)}
    return [
        _row(workspace, camera, counts.get(camera, CameraCounts()))
        for camera in sorted(counts.keys() | folders)
    ]


def span_refusals(home: Path, cameras: Iterable[str]) -> dict[str, str]:
    """Return why the newest request for raw video was refused, by camera where it was."""
    newest = {name: span_requests.newest_ended(Workspace(home), name) for name in cameras if name}
    return {
        name: request.reason
        for name, request in newest.items()
        if request is not None and request.state == "refused"
    }


def _row(workspace: Workspace, camera: str, counts: CameraCounts) -> EdgeCameraRow:
    folder = workspace.intake_dir / (camera or ".")
    pending = span_requests.pending(workspace, camera) if camera else []
    return EdgeCameraRow(
        camera=camera,
        seen_at=counts.seen_at,
        stored=counts.stored,
        replayed=counts.replayed,
        lost=counts.lost,
        quarantined=counts.quarantined,
        refused=counts.refused,
        waiting=max(0, len(intake_log.segments(folder)) - 1),
        broken=len(intake_log.segments(folder / intake_log.BROKEN)),
        spans_open=sum(request.state == "open" for request in pending),
    )

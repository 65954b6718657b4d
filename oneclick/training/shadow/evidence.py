"""Evidence of candidates in shadow: `shadow/<candidate>/<video>/`, apart from all predictions.

The counts of a video are written last, `counts-<champion>.json`; the predictions beside them are
what another champion would be compared with, and go when the candidate is decided.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from oneclick.core.clips import Video
from oneclick.core.errors import BadInput
from oneclick.storage import files, model_cards, sealed_files
from oneclick.storage.workspace import Workspace
from oneclick.training.shadow.counts import ShadowPiece

VERSION = 1
"""Of the counts; others are counted again."""


class VideoEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a candidate and a champion on one video."""

    version: int = VERSION
    digest: str
    """Of the recording."""
    pieces: tuple[ShadowPiece, ...]
    """Without those that one of the models was trained on."""


def folder(workspace: Workspace, candidate: str, video_id: str) -> Path:
    """Return the folder of a candidate's evidence on one video."""
    return workspace.shadow_dir / candidate / video_id


def load(workspace: Workspace, candidate: str, champion: str, video: Video) -> VideoEvidence | None:
    """Read the counts on a video; None where there are none of this recording, or broken ones."""
    path = folder(workspace, candidate, video.id) / f"counts-{champion}.json"
    try:
        evidence: VideoEvidence = sealed_files.read(path, VideoEvidence)
    except BadInput:
        return None
    is_same = (evidence.version, evidence.digest) == (VERSION, video.digest)
    return evidence if is_same else None


def save(
    workspace: Workspace, candidate: str, champion: str, video: Video, evidence: VideoEvidence
) -> None:
    """Write the counts on a video. Raises NoSpace or Unavailable."""
    path = folder(workspace, candidate, video.id) / f"counts-{champion}.json"
    sealed_files.write(path, evidence)


def sweep(workspace: Workspace, waiting: Collection[str]) -> None:
    """Remove predictions of candidates that do not wait, and all of models that are gone.

    Raises:
        Unavailable: a folder cannot be changed.
    """
    for candidate in _folders(workspace.shadow_dir):
        if not (workspace.model_dir(candidate.name) / model_cards.CARD_FILE).exists():
            with files.guard(candidate):
                shutil.rmtree(candidate)
        elif candidate.name not in waiting:
            for path in candidate.glob("*/*.parquet"):
                with files.guard(path):
                    path.unlink(missing_ok=True)


def _folders(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        yield from sorted(path for path in parent.iterdir() if path.is_dir())

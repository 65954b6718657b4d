"""Why clips that were decided are reviewed again: one file for each further round of review.

    review/reopened/<clip>.2.json

Verdicts of earlier rounds stay in the archive. A file here names them; whatever the archive holds
beside them is the decision of the current round.
"""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.core import visible
from oneclick.core.errors import BadInput
from oneclick.storage import files, sealed_files, verdicts
from oneclick.storage.verdicts import VerdictFile

FOLDER = "reopened"


class DecidedBy(msgspec.Struct, frozen=True):
    """Reviewer and time of a verdict, which no other verdict on the clip shares."""

    by: str
    at: datetime
    """UTC."""


class Reopening(msgspec.Struct, frozen=True, kw_only=True):
    """The begin of a round of review after the first."""

    clip: str
    round: int
    """2, 3, 4 …"""
    revision: int
    """Newest label revision when the clip was reopened: the one that is reviewed again."""
    by: str
    at: datetime
    """UTC."""
    reason: str
    earlier: tuple[DecidedBy, ...]
    """Verdicts of earlier rounds, those of the first round first."""

    def is_earlier(self, by: str, at: datetime) -> bool:
        """Check whether a verdict belongs to an earlier round."""
        return DecidedBy(by, at) in self.earlier

    def place(self, by: str, at: datetime) -> int:
        """Return the place of a verdict in the order of the rounds, whatever clocks said."""
        mark = DecidedBy(by, at)
        return self.earlier.index(mark) if mark in self.earlier else len(self.earlier)


def file(root: Path, clip_id: str, number: int) -> Path:
    """Return the path of the begin of round `number`.

    Args:
        root: folder of a review platform.
    """
    return root / FOLDER / f"{clip_id}.{number}.json"


def find(root: Path, clip_id: str) -> Reopening | None:
    """Return the newest reopening of a clip; None where it was never reopened.

    Raises:
        BadInput: its file is broken.
    """
    newest: Path | None = None
    for number in itertools.count(2):
        path = file(root, clip_id, number)
        if not path.exists():
            break
        newest = path
    if newest is None:
        return None
    reopening: Reopening = sealed_files.read(newest, Reopening)
    return reopening


def current_round(root: Path, clip_id: str) -> int:
    """Return the number of the round of review of a clip, 1 where it was never reopened."""
    return next(n for n in itertools.count(1) if not file(root, clip_id, n + 1).exists())


def clip_ids(root: Path) -> set[str]:
    """Return the ids of all clips that were reopened."""
    return {verdicts.clip_of(path) for path in (root / FOLDER).glob("[!.]*.json")}


def begin(
    root: Path, clip_id: str, revision: int, *, by: str, at: datetime, reason: str
) -> Reopening | None:
    """Begin a round of review of a clip whose last one is decided.

    Args:
        root: folder of our own review platform.
        clip_id: the clip.
        revision: its newest label revision.
        by: who wants it.
        at: the time, UTC.
        reason: why.

    Returns:
        None where another process began this round; then look at the clip again.

    Raises:
        BadInput: the file of the last round is broken.
        NoSpace, Unavailable: the disk refuses.
    """
    last = find(root, clip_id)
    earlier = last.earlier if last else ()
    earlier += tuple(
        DecidedBy(verdict.by, verdict.at)
        for verdict in verdicts_of(root, clip_id)
        if DecidedBy(verdict.by, verdict.at) not in earlier
    )
    reopening = Reopening(
        clip=clip_id,
        round=current_round(root, clip_id) + 1,
        revision=revision,
        by=visible.line(by),
        at=at,
        reason=visible.line(reason),
        earlier=earlier,
    )
    path = file(root, clip_id, reopening.round)
    return reopening if files.create(path, sealed_files.encode(reopening)) else None


def verdicts_of(root: Path, clip_id: str) -> list[VerdictFile]:
    """Read the archived verdicts on a clip, of this platform and of others; broken ones not."""
    paths = [
        path
        for pattern in (f"archive/{clip_id}*.json", f"*/archive/{clip_id}*.json")
        for path in root.glob(pattern)
        if verdicts.clip_of(path) == clip_id
    ]
    read_verdicts = []
    for path in sorted(paths):
        try:
            read_verdicts.append(verdicts.read(path))
        except BadInput:
            continue
    return read_verdicts


def decision(root: Path, reopening: Reopening) -> VerdictFile | None:
    """Return the archived verdict of the current round, or None while there is none."""
    later = [
        verdict
        for verdict in verdicts_of(root, reopening.clip)
        if not reopening.is_earlier(verdict.by, verdict.at)
    ]
    return max(later, key=lambda verdict: verdict.at, default=None)

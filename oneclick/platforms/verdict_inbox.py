"""Verdicts on their way in: one JSON file a clip, moved to the archive once they are catalogued.

verdicts/<clip>.json    what a reviewer decided, with the corrected labels
archive/<clip>.json     verdicts that are safe in the catalog
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelSet
from oneclick.core.review import Decision, Verdict
from oneclick.storage import files, labels

_NONE = b"null"


class _Verdict(msgspec.Struct, frozen=True):
    clip: str
    decision: Decision
    by: str
    at: datetime
    seconds: float
    edits: int
    reason: str
    labels: msgspec.Raw
    """A label file, or null where the labels stand as sent."""


class Spool:
    """Verdicts in a folder; several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self._verdicts, self._archive = root / "verdicts", root / "archive"

    def put(self, verdict: Verdict, sent: LabelSet) -> bool:
        """Keep a verdict on labels as `sent`; False if the clip has one already, which stays."""
        if self.holds(verdict.clip):
            return False
        files.write_json(_file(self._verdicts, verdict.clip), _encode(verdict, sent))
        return True

    def holds(self, clip_id: str) -> bool:
        """Whether a verdict lies here that is not done."""
        return _file(self._verdicts, clip_id).exists()

    def archived(self, clip_id: str) -> bool:
        """Whether a verdict was taken in before."""
        return _file(self._archive, clip_id).exists()

    def waiting(self) -> list[str]:
        """Clips with a verdict that is not done, by name."""
        return sorted(path.stem for path in self._verdicts.glob("*.json"))

    def collect(self) -> Iterator[Verdict]:
        """Verdicts that are not done yet, by clip; a broken one is left out."""
        for clip_id in self.waiting():
            try:
                yield _load(_file(self._verdicts, clip_id))
            except BadInput:
                continue

    def broken(self) -> dict[str, str]:
        """Clips whose verdict cannot be read, each with its one-line reason."""
        found = {}
        for clip_id in self.waiting():
            try:
                _load(_file(self._verdicts, clip_id))
            except BadInput as error:
                found[clip_id] = str(error)
        return found

    def done(self, clip_id: str) -> None:
        """Move the verdict to the archive."""
        path, kept = _file(self._verdicts, clip_id), _file(self._archive, clip_id)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with files.guard(kept):
            if path.exists():
                path.replace(kept)


def _file(folder: Path, clip_id: str) -> Path:
    return folder / f"{clip_id}.json"


def _encode(verdict: Verdict, sent: LabelSet) -> _Verdict:
    corrected = msgspec.Raw(_NONE)
    if verdict.tracks is not None:
        made = replace(
            sent,
            revision=sent.revision + 1,
            kind="human",
            parent=sent.revision,
            made_by=verdict.by,
            made_at=verdict.at,
            tracks=verdict.tracks,
        )
        corrected = msgspec.Raw(labels.encode(made))
    return _Verdict(
        verdict.clip,
        verdict.decision,
        verdict.by,
        verdict.at,
        round(verdict.seconds, 3),
        verdict.edits,
        verdict.reason,
        corrected,
    )


def _load(path: Path) -> Verdict:
    found: _Verdict = files.read_json(path, _Verdict)
    content = bytes(found.labels)
    tracks = None if content == _NONE else labels.decode(content, path).tracks
    return Verdict(
        found.clip,
        found.decision,
        found.by,
        found.at,
        tracks,
        found.seconds,
        found.edits,
        found.reason,
    )

"""Our own platform: a folder of tasks, verdicts and an archive, one JSON file a clip.

tasks/<clip>.json       the labels as they were sent
verdicts/<clip>.json    what a reviewer decided, with the corrected labels
archive/<clip>.json     verdicts that are safe in the catalog
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.core.clips import Clip
from oneclick.core.errors import BadInput, UnknownName
from oneclick.core.labels import LabelSet
from oneclick.core.review import Decision, Verdict
from oneclick.io import files, labels

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


class LocalPlatform:
    """A review queue in a folder; several processes may use it at once."""

    name = "local"

    def __init__(self, root: Path) -> None:
        self._tasks, self._verdicts, self._archive = (
            root / part for part in ("tasks", "verdicts", "archive")
        )

    def send(self, clip: Clip, labels_sent: LabelSet) -> None:
        """Write the task unless the clip was decided before."""
        if not _file(self._archive, clip.id).exists():
            files.write_atomic(_file(self._tasks, clip.id), labels.encode(labels_sent))

    def pending(self) -> list[str]:
        """Clips that wait for a verdict, by name."""
        decided = {path.stem for path in self._verdicts.glob("*.json")}
        return sorted({path.stem for path in self._tasks.glob("*.json")} - decided)

    def task(self, clip_id: str) -> LabelSet:
        """The labels as they were sent.

        Raises:
            UnknownName: if the clip does not wait for review.
        """
        path = _file(self._tasks, clip_id)
        if not path.exists():
            raise UnknownName("clip in review", clip_id, self.pending()[:5])
        return labels.load(path)

    def give(self, verdict: Verdict) -> bool:
        """Put a verdict in; False if the clip has one already, which stays.

        Raises:
            UnknownName: if the clip does not wait for review.
        """
        sent, path = self.task(verdict.clip), _file(self._verdicts, verdict.clip)
        if path.exists():
            return False
        files.write_json(path, _encode(verdict, sent))
        return True

    def collect(self) -> Iterator[Verdict]:
        """Verdicts that are not done yet, by clip."""
        for path in sorted(self._verdicts.glob("*.json")):
            try:
                yield _load(path)
            except BadInput:
                continue

    def broken(self) -> dict[str, str]:
        """Clips whose verdict cannot be read, each with its one-line reason."""
        found = {}
        for path in sorted(self._verdicts.glob("*.json")):
            try:
                _load(path)
            except BadInput as error:
                found[path.stem] = str(error)
        return found

    def done(self, verdict: Verdict) -> None:
        """Move the verdict to the archive; the task ends."""
        path, kept = _file(self._verdicts, verdict.clip), _file(self._archive, verdict.clip)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with files.guard(kept):
            if path.exists():
                path.replace(kept)
            _file(self._tasks, verdict.clip).unlink(missing_ok=True)


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

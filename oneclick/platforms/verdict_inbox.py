"""Incoming verdicts: one JSON file per clip, moved to the archive once the catalog has it.

verdicts/<clip>.json    what a reviewer decided, with the corrected labels
archive/<clip>.json     verdicts that are safe in the catalog; `<clip>.1.json` of a further round
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.storage import files, reopenings, sealed_files, verdicts
from oneclick.storage.verdicts import VerdictFile


class VerdictInbox:
    """Verdicts in a folder; several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self._root, self._verdicts, self._archive = root, root / "verdicts", root / "archive"

    def put(self, verdict: Verdict, sent_labels: LabelSet | None = None) -> bool:
        """Store a verdict on disk; return False if the clip already has one, which stays.

        Of several people who decide at once, one gets True.

        Args:
            sent_labels: the labels that were reviewed; needed where the tracks were corrected.
        """
        path = _file(self._verdicts, verdict.clip)
        content = sealed_files.encode(VerdictFile.encode(verdict, sent_labels))
        if self.is_archived(verdict.clip) or not files.create(path, content):
            return False
        if self.is_archived(verdict.clip):  # since the look before: another verdict was collected
            path.unlink(missing_ok=True)
            return False
        return True

    def put_correction(self, verdict: Verdict, sent_labels: LabelSet) -> bool:
        """Store a verdict on a clip that has an archived one; return False if another waits.

        Args:
            verdict: a correction of what the archived verdict said.
            sent_labels: the labels that it corrects.
        """
        content = sealed_files.encode(VerdictFile.encode(verdict, sent_labels))
        return files.create(_file(self._verdicts, verdict.clip), content)

    def archived(self, clip_id: str) -> list[VerdictFile]:
        """Read the archived verdicts on a clip, oldest first; broken ones are left out."""
        read_verdicts = []
        names = itertools.chain([clip_id], (f"{clip_id}.{copy}" for copy in itertools.count(1)))
        paths = (_file(self._archive, name) for name in names)
        for path in itertools.takewhile(Path.exists, paths):
            with contextlib.suppress(BadInput):
                read_verdicts.append(verdicts.read(path))
        return sorted(read_verdicts, key=lambda verdict: verdict.at)

    def current(self, clip_id: str) -> VerdictFile | None:
        """Read the verdict on a clip of its current round of review, archived or not.

        Raises:
            BadInput: it is broken.
        """
        waiting = _file(self._verdicts, clip_id)
        if waiting.exists():
            return verdicts.read(waiting)
        reopening = reopenings.find(self._root, clip_id)
        if reopening is not None:
            return reopenings.decision(self._root, reopening)
        return next(reversed(self.archived(clip_id)), None)

    def has(self, clip_id: str) -> bool:
        """Check whether a clip has a verdict that is not archived."""
        return _file(self._verdicts, clip_id).exists()

    def is_archived(self, clip_id: str) -> bool:
        """Check whether a verdict on a clip, of its current round of review, is in the archive."""
        reopening = reopenings.find(self._root, clip_id)
        if reopening is None:
            return _file(self._archive, clip_id).exists()
        return reopenings.decision(self._root, reopening) is not None

    def holds(self, clip_id: str, by: str, at: datetime) -> bool:
        """Check whether the verdict of a reviewer at a time is here, archived or not."""
        archived = reopenings.verdicts_of(self._root, clip_id)
        with contextlib.suppress(BadInput):
            archived.append(verdicts.read(_file(self._verdicts, clip_id)))
        return any((verdict.by, verdict.at) == (by, at) for verdict in archived)

    def clip_ids(self) -> list[str]:
        """List the clips with a verdict that is not archived, sorted."""
        return sorted(name.removesuffix(".json") for name in files.json_names(self._verdicts))

    def archived_ids(self) -> list[str]:
        """List the clips with a verdict of their current round in the archive, sorted."""
        # `<clip>.1.json` is a further round: no clip id has a dot.
        archived = {name.partition(".")[0] for name in files.json_names(self._archive)}
        for clip_id in reopenings.clip_ids(self._root) & archived:
            with contextlib.suppress(BadInput):  # nobody is asked where that cannot be told
                if not self.is_archived(clip_id):
                    archived.discard(clip_id)
        return sorted(archived)

    def collect(self) -> Iterator[Verdict]:
        """Yield verdicts that are not archived, by clip; unreadable ones are skipped."""
        for clip_id in self.clip_ids():
            try:
                yield verdicts.read(_file(self._verdicts, clip_id)).verdict()
            except BadInput:
                continue

    def unreadable(self) -> dict[str, str]:
        """Return the clips whose verdict cannot be read, each with its one-line reason."""
        reasons = {}
        for clip_id in self.clip_ids():
            try:
                verdicts.read(_file(self._verdicts, clip_id)).verdict()
            except BadInput as error:
                reasons[clip_id] = str(error)
        return reasons

    def archive(self, clip_id: str) -> None:
        """Move the verdict on a clip to the archive; one that lies there is never replaced."""
        source, target = _file(self._verdicts, clip_id), _file(self._archive, clip_id)
        if not source.exists():
            return
        content = source.read_bytes()
        copy = 1
        while not files.create(target, content) and target.read_bytes() != content:
            target = _file(self._archive, f"{clip_id}.{copy}")
            copy += 1
        with files.guard(source):
            source.unlink(missing_ok=True)


def _file(folder: Path, clip_id: str) -> Path:
    return folder / f"{clip_id}.json"

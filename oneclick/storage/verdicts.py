"""Verdicts in the workspace, whichever platform they came from: archived, waiting, late."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelSet
from oneclick.core.review import Decision, Verdict
from oneclick.storage import files, inventories, labels, locks, sealed_files
from oneclick.storage.inventories import Inventory
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

_NO_LABELS = b"null"


class VerdictFile(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict as it is stored on disk."""

    clip: str
    decision: Decision
    by: str
    at: datetime
    seconds: float = 0.0
    edits: int = 0
    reason: str = ""
    is_correction: bool = False
    labels: msgspec.Raw = msgspec.Raw(_NO_LABELS)
    """A label file, or null where the labels stand as sent."""

    @classmethod
    def encode(cls, verdict: Verdict, sent_labels: LabelSet | None) -> VerdictFile:
        """Convert a verdict; corrected tracks become the label revision after `sent_labels`."""
        content = _NO_LABELS
        if verdict.tracks is not None:
            if sent_labels is None:
                raise ValueError("corrected tracks need the labels that were sent")
            corrected = replace(
                sent_labels,
                revision=sent_labels.revision + 1,
                kind="human",
                parent=sent_labels.revision,
                made_by=verdict.by,
                made_at=verdict.at,
                tracks=verdict.tracks,
            )
            content = labels.encode(corrected)
        return cls(
            clip=verdict.clip,
            decision=verdict.decision,
            by=verdict.by,
            at=verdict.at,
            seconds=float(round(verdict.seconds, 3)),
            edits=verdict.edits,
            reason=verdict.reason,
            is_correction=verdict.is_correction,
            labels=msgspec.Raw(content),
        )

    @property
    def key(self) -> tuple[str, str, datetime]:
        """Return clip, reviewer and time: no verdict shares all three with another."""
        return self.clip, self.by, self.at

    def corrected_labels(self) -> LabelSet | None:
        """Return the corrected labels; None where they stand as they were sent.

        Raises:
            BadLabels: they are broken.
        """
        content = bytes(self.labels)
        if content == _NO_LABELS:
            return None
        return labels.decode(content, Path(f"verdict on {self.clip}"))

    def verdict(self) -> Verdict:
        """Return the verdict. Raises as `corrected_labels`."""
        corrected = self.corrected_labels()
        return Verdict(
            clip=self.clip,
            decision=self.decision,
            by=self.by,
            at=self.at,
            tracks=corrected.tracks if corrected else None,
            seconds=self.seconds,
            edits=self.edits,
            reason=self.reason,
            is_correction=self.is_correction,
        )


def archive_files(workspace: Workspace) -> list[Path]:
    """Return the archived verdicts of our own queue and of all other platforms, sorted."""
    root = workspace.review_dir()
    paths = [*root.glob("archive/*.json"), *root.glob("*/archive/*.json")]
    return sorted(path for path in paths if not path.name.startswith("."))


def read_archives(
    workspace: Workspace, problems: list[str], skip: Collection[str] = ()
) -> dict[str, list[VerdictFile]]:
    """Read archived verdicts by clip, oldest first; late ones, which changed nothing, not.

    Args:
        workspace: the workspace.
        problems: gets a sentence about each broken file.
        skip: clips whose verdicts are not read.
    """
    late_keys = {verdict.key for verdict in _read_all(late_files(workspace), problems)}
    archives: defaultdict[str, list[VerdictFile]] = defaultdict(list)
    paths = [path for path in archive_files(workspace) if clip_of(path) not in skip]
    for verdict in _read_all(paths, problems):
        if verdict.key not in late_keys:
            archives[verdict.clip].append(verdict)
    for archived in archives.values():
        archived.sort(key=lambda verdict: verdict.at)
    return dict(archives)


def clip_of(path: Path) -> str:
    """Return the clip in the name of an archived verdict: `<clip>.json`, `<clip>.1.json`."""
    return path.name.partition(".")[0]


def save_late(workspace: Workspace, verdict: Verdict) -> Path:
    """Write a verdict that came after another into a file of its own; return its path."""
    latest = labels.latest(workspace, verdict.clip) if verdict.tracks is not None else None
    name = f"{verdict.clip}-{verdict.at.astimezone(UTC):%Y%m%dT%H%M%S%f}Z"
    content = sealed_files.encode(VerdictFile.encode(verdict, latest))
    with locks.hold(workspace, WriteLock.REVIEW):
        for copy in itertools.count(1):
            path = workspace.late_verdicts_dir / f"{name}-{copy}.json"
            if files.create(path, content) or path.read_bytes() == content:
                break
        inventories.update(workspace, Inventory.LATE_VERDICTS)
    return path


def late_files(workspace: Workspace) -> list[Path]:
    """Return the files of verdicts that came after another one, sorted."""
    return sorted(workspace.late_verdicts_dir.glob("[!.]*.json"))


def _read_all(paths: list[Path], problems: list[str]) -> list[VerdictFile]:
    read_verdicts: list[VerdictFile] = []
    for path in paths:
        try:
            read_verdicts.append(read(path))
        except BadInput as error:
            problems.append(f"left out: {error}")
    return read_verdicts


def read(path: Path) -> VerdictFile:
    """Read one file.

    Raises:
        BadInput: it is broken, or was changed after it was written.
    """
    file: VerdictFile = sealed_files.read(path, VerdictFile)
    return file


def waiting_keys(workspace: Workspace) -> set[tuple[str, str, datetime]]:
    """Return the keys of all verdicts that are not archived yet, of any platform.

    One that is archived meanwhile is in the archive from then on: read that afterwards.
    """
    root = workspace.review_dir()
    paths = [*root.glob("verdicts/[!.]*.json"), *root.glob("*/verdicts/[!.]*.json")]
    return {verdict.key for verdict in _read_all(paths, [])}


def is_waiting(workspace: Workspace, clip_id: str) -> bool:
    """Check whether a clip waits for a verdict in our own queue, or its verdict to be taken in."""
    task = workspace.review_dir() / "tasks" / f"{clip_id}.json"
    return task.exists() or is_decided(workspace, clip_id)


def is_decided(workspace: Workspace, clip_id: str) -> bool:
    """Check whether a clip has a verdict that is not taken in yet; second looks do not count."""
    root, name = workspace.review_dir(), f"{clip_id}.json"
    if (root / "verdicts" / name).exists():
        return True
    platforms = {path.parent.parent for path in root.glob(f"*/verdicts/{name}")}
    return bool(platforms - {workspace.second_looks_dir})


def has_archive(workspace: Workspace, platform: str) -> bool:
    """Check whether a platform other than our own gave verdicts that were taken in."""
    return (workspace.review_dir() / platform / "archive").is_dir()

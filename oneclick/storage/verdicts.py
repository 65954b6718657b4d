"""Verdicts in the workspace, whichever platform they came from: archived, waiting, late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import msgspec

from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelSet
from oneclick.storage import files, labels
from oneclick.storage.workspace import Workspace

_NO_LABELS = b"null"


class ArchivedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that was taken in, as its file tells it."""

    clip: str
    decision: str
    by: str
    at: datetime
    seconds: float = 0.0
    edits: int = 0
    reason: str = ""
    labels: msgspec.Raw = msgspec.Raw(_NO_LABELS)
    """A label file, or null where the labels stood as they were sent."""

    @property
    def key(self) -> tuple[str, str, datetime]:
        """Return clip, reviewer and time: no verdict shares all three with another."""
        return self.clip, self.by, self.at


def archive_files(workspace: Workspace) -> list[Path]:
    """Return the archived verdicts of our own queue and of all other platforms, sorted."""
    root = workspace.review_dir()
    paths = [*root.glob("archive/*.json"), *root.glob("*/archive/*.json")]
    return sorted(path for path in paths if not path.name.startswith("."))


def read_archives(
    workspace: Workspace, problems: list[str], skip: Collection[str] = ()
) -> dict[str, list[ArchivedVerdict]]:
    """Read archived verdicts by clip, oldest first; late ones, which changed nothing, not.

    Args:
        workspace: the workspace.
        problems: gets a sentence about each broken file.
        skip: clips whose verdicts are not read.
    """
    late_keys = {verdict.key for verdict in _read_all(late_files(workspace), problems)}
    archives: defaultdict[str, list[ArchivedVerdict]] = defaultdict(list)
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


def late_files(workspace: Workspace) -> list[Path]:
    """Return the files of verdicts that came after another one, sorted."""
    return sorted(workspace.late_verdicts_dir.glob("[!.]*.json"))


def _read_all(paths: list[Path], problems: list[str]) -> list[ArchivedVerdict]:
    read_verdicts: list[ArchivedVerdict] = []
    for path in paths:
        try:
            read_verdicts.append(read_archive(path))
        except BadInput as error:
            problems.append(f"left out: {error}")
    return read_verdicts


def read_archive(path: Path) -> ArchivedVerdict:
    """Read one file.

    Raises:
        BadInput: it is broken.
    """
    verdict: ArchivedVerdict = files.read_json(path, ArchivedVerdict)
    if verdict.decision not in ("accept", "reject"):
        raise BadInput(f"{path} is broken: decision {verdict.decision!r}; restore it")
    return verdict


def corrected_labels(verdict: ArchivedVerdict) -> LabelSet | None:
    """Return the labels in a verdict; None where they stood as they were sent.

    Raises:
        BadLabels: they are broken.
    """
    content = bytes(verdict.labels)
    if content == _NO_LABELS:
        return None
    return labels.decode(content, Path(f"verdict on {verdict.clip}"))


def is_waiting(workspace: Workspace, clip_id: str) -> bool:
    """Check whether a clip waits for a verdict in our own queue, or its verdict to be taken in."""
    name = f"{clip_id}.json"
    root = workspace.review_dir()
    if (root / "tasks" / name).exists() or (root / "verdicts" / name).exists():
        return True
    return any(root.glob(f"*/verdicts/{name}"))

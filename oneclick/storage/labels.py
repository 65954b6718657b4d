"""Label files: one JSON document per revision of a clip, written once and never changed.

    clips/<camera>/<clip>/labels/0001-auto.json, 0002-human.json …

Boxes keep two decimals and scores four, so equal labels give equal bytes on every machine.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import BadLabels
from oneclick.core.labels import IGNORE, LabelKind, LabelSet, LabelTrack
from oneclick.core.tracks import ORIGINS
from oneclick.storage import bounded_documents, files
from oneclick.storage.bounded_documents import BrokenJson
from oneclick.storage.workspace import Workspace

SCHEMA = 1
"""Version of the file format; raised when older readers cannot read it."""

_NAME = re.compile(r"(\d{4,})-(auto|human)\.json")
Corners = tuple[float, float, float, float]


class TrackDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A track as JSON."""

    id: int
    cls: str = msgspec.field(name="class")
    frames: list[int]
    boxes: list[Corners]
    scores: list[float]
    origins: str
    keyframes: tuple[int, ...]
    attributes: dict[str, tuple[tuple[int, int, str], ...]]

    @staticmethod
    def encode(track: LabelTrack) -> TrackDocument:
        """Convert a track; boxes are rounded to two decimals and scores to four."""
        return TrackDocument(
            id=track.id,
            cls=track.cls,
            frames=track.frames.tolist(),
            boxes=_rounded(track.boxes, 2),
            scores=_rounded(track.scores, 4),
            origins=track.origins,
            keyframes=track.keyframes,
            attributes=track.attributes,
        )

    def decode(self) -> LabelTrack:
        """Convert back.

        Raises:
            ValueError, OverflowError: columns differ in length, or a number is out of range.
        """
        return LabelTrack(
            id=self.id,
            cls=self.cls,
            frames=np.array(self.frames, np.int32),
            boxes=np.array(self.boxes, np.float32).reshape(-1, 4),
            scores=np.array(self.scores, np.float32),
            origins=self.origins,
            keyframes=self.keyframes,
            attributes=self.attributes,
        )


class _LabelDocument(msgspec.Struct, frozen=True, kw_only=True):
    schema: int
    clip: str
    revision: int
    kind: LabelKind
    parent: int | None
    made_by: str
    made_at: datetime
    frames: int
    width: int
    height: int
    classes: tuple[str, ...]
    tracks: list[TrackDocument]


class _TrackClass(msgspec.Struct, frozen=True):
    cls: str = msgspec.field(name="class")


class _ClassesDocument(msgspec.Struct, frozen=True):
    tracks: list[_TrackClass]


_HEADER_FIELDS = tuple(
    name for name in _LabelDocument.__struct_fields__ if name not in ("schema", "tracks")
)


def revision_path(workspace: Workspace, labels: LabelSet) -> Path:
    """Return the path of a revision."""
    return workspace.labels_dir(labels.clip) / f"{labels.revision:04d}-{labels.kind}.json"


def encode(labels: LabelSet) -> bytes:
    """Encode a revision as the bytes of its file.

    Raises:
        BadLabels: the labels contradict themselves; such labels are never written.
    """
    _check(labels, f"labels {labels.revision} of clip {labels.clip}")
    document = _LabelDocument(
        schema=SCHEMA,
        clip=labels.clip,
        revision=labels.revision,
        kind=labels.kind,
        parent=labels.parent,
        made_by=labels.made_by,
        made_at=labels.made_at.astimezone(UTC),
        frames=labels.frames,
        width=labels.width,
        height=labels.height,
        classes=labels.classes,
        tracks=[TrackDocument.encode(track) for track in labels.tracks],
    )
    return msgspec.json.encode(document, order="deterministic") + b"\n"


def save(workspace: Workspace, labels: LabelSet) -> Path:
    """Write a revision in one atomic step; writing the same bytes again changes nothing.

    Raises:
        BadLabels: the revision exists with other content, or contradicts itself.
        NoSpace, Unavailable: the disk refuses; nothing half-written stays.
    """
    content, target = encode(labels), revision_path(workspace, labels)
    for existing in revisions(workspace, labels.clip):
        if revision(existing) == labels.revision and existing != target:
            raise _exists_already(existing)
    if not files.create(target, content) and target.read_bytes() != content:
        raise _exists_already(target)
    return target


def _exists_already(path: Path) -> BadLabels:
    return BadLabels(f"{path} is there already with other labels: save a new revision instead")


def load(path: Path) -> LabelSet:
    """Read a revision.

    Raises:
        BadLabels: in one line, if the file is missing, damaged or contradicts itself.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadLabels(f"{path}: cannot be read ({error.strerror})") from None
    return decode(content, path)


def decode(content: bytes, path: Path) -> LabelSet:
    """Decode the bytes of a label file; `path` names it in errors. Raises as `load`."""
    try:
        document: _LabelDocument = bounded_documents.parse_json(content, _LabelDocument)
    except BrokenJson as error:
        raise BadLabels(f"{path}: no label file ({error}); restore it from a backup") from None
    if document.schema != SCHEMA:
        raise BadLabels(
            f"{path}: schema {document.schema}, this version reads {SCHEMA}; update oneclick"
        )
    try:
        tracks = tuple(track.decode() for track in document.tracks)
    except (ValueError, OverflowError) as error:
        raise BadLabels(f"{path}: {error}") from None
    header = {name: getattr(document, name) for name in _HEADER_FIELDS}
    labels = LabelSet(**header, tracks=tracks)
    _check(labels, str(path))
    return labels


def used_classes(path: Path) -> set[str]:
    """Read only the classes of the boxes in a label file; none where it is broken."""
    try:
        document: _ClassesDocument = bounded_documents.parse_json(
            path.read_bytes(), _ClassesDocument
        )
    except (OSError, BrokenJson):
        return set()
    return {track.cls for track in document.tracks} - {IGNORE}


def revisions(workspace: Workspace, clip_id: str) -> list[Path]:
    """Return the files of all revisions of a clip, oldest first."""
    folder = workspace.labels_dir(clip_id)
    paths = [file for file in folder.glob("*.json") if _NAME.fullmatch(file.name)]
    return sorted(paths, key=lambda file: (revision(file), file.name))


def revision(path: Path) -> int:
    """Return the revision number in a file name of `revisions`."""
    return int(path.name.partition("-")[0])


def latest(workspace: Workspace, clip_id: str) -> LabelSet | None:
    """Read the newest revision; None where the clip has no labels. Raises as `load`."""
    paths = revisions(workspace, clip_id)
    return load(paths[-1]) if paths else None


def _rounded(values: NDArray[np.float32], decimals: int) -> list:  # type: ignore[type-arg]
    # Adding zero turns -0.0, which would be other bytes, into 0.0.
    rounded: list = (np.round(values.astype(np.float64), decimals) + 0.0).tolist()  # type: ignore[type-arg]
    return rounded


def _check(labels: LabelSet, name: str) -> None:
    """Raise BadLabels, which begins with `name`, if labels contradict themselves."""
    ids = [track.id for track in labels.tracks]
    if len(ids) != len(set(ids)):
        raise BadLabels(f"{name}: two tracks share an id")
    if labels.revision < 1 or labels.made_at.tzinfo is None:
        raise BadLabels(f"{name}: revisions count from 1 and made_at needs a time zone")
    for track in labels.tracks:
        if problem := track_problem(track, labels):
            raise BadLabels(f"{name}: track {track.id}: {problem}")


def track_problem(track: LabelTrack, labels: LabelSet) -> str:
    """Return what is inconsistent about a track; empty if nothing is."""
    if track.cls not in (*labels.classes, IGNORE):
        return f"class {track.cls!r} is none of {', '.join(labels.classes)}"
    if not set(track.origins) <= set(ORIGINS):
        return f"origins other than {', '.join(ORIGINS)}"
    if len(track.frames) and not (track.frames[0] >= 0 and track.frames[-1] < labels.frames):
        return f"frames beyond 0 … {labels.frames - 1}"
    if not (np.isfinite(track.boxes).all() and np.isfinite(track.scores).all()):
        return "NaN or infinity in boxes or scores"
    if (track.boxes[:, 2:] < track.boxes[:, :2]).any():
        return "a box turned inside out"
    return ""

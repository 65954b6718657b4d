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
from oneclick.core.labels import IGNORE, Kind, LabelSet, LabelTrack
from oneclick.core.tracks import ORIGINS
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

SCHEMA = 1
"""Raised when a reader of today could not read the file."""

_NAME = re.compile(r"(\d{4,})-(auto|human)\.json")
_Box = tuple[float, float, float, float]


class _Track(msgspec.Struct, frozen=True):
    id: int
    cls: str = msgspec.field(name="class")
    frames: list[int]
    boxes: list[_Box]
    scores: list[float]
    origins: str
    keyframes: tuple[int, ...]
    attributes: dict[str, tuple[tuple[int, int, str], ...]]


class _File(msgspec.Struct, frozen=True):
    schema: int
    clip: str
    revision: int
    kind: Kind
    parent: int | None
    made_by: str
    made_at: datetime
    frames: int
    width: int
    height: int
    classes: tuple[str, ...]
    tracks: list[_Track]


def path(workspace: Workspace, labels: LabelSet) -> Path:
    """Where a revision lies."""
    return workspace.labels_dir(labels.clip) / f"{labels.revision:04d}-{labels.kind}.json"


def encode(labels: LabelSet) -> bytes:
    """The bytes of the file.

    Raises:
        BadLabels: naming what contradicts itself; such labels are never written.
    """
    _check(labels, f"labels {labels.revision} of clip {labels.clip}")
    tracks = [_track(track) for track in labels.tracks]
    document = _File(
        SCHEMA,
        labels.clip,
        labels.revision,
        labels.kind,
        labels.parent,
        labels.made_by,
        labels.made_at.astimezone(UTC),
        labels.frames,
        labels.width,
        labels.height,
        labels.classes,
        tracks,
    )
    return msgspec.json.encode(document, order="deterministic") + b"\n"


def save(workspace: Workspace, labels: LabelSet) -> Path:
    """Write a revision in one atomic step; writing the same bytes again changes nothing.

    Raises:
        BadLabels: if the revision is there with other content, or contradicts itself.
        NoSpace, Unavailable: if the disk refuses; nothing half-written stays.
    """
    content, target = encode(labels), path(workspace, labels)
    for known in revisions(workspace, labels.clip):
        if revision(known) != labels.revision:
            continue
        if known == target and known.read_bytes() == content:
            return target
        raise BadLabels(f"{known} is there already with other labels: save a new revision instead")
    files.write_atomic(target, content)
    return target


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
    """The labels in the bytes of a file; `path` names it in errors. Raises as `load`."""
    try:
        document = msgspec.json.decode(content, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadLabels(f"{path}: no label file ({error}); restore it from a backup") from None
    if document.schema != SCHEMA:
        raise BadLabels(
            f"{path}: schema {document.schema}, this version reads {SCHEMA}; update oneclick"
        )
    labels = _labels(path, document)
    _check(labels, str(path))
    return labels


def revisions(workspace: Workspace, clip_id: str) -> list[Path]:
    """The files of all revisions of a clip, oldest first."""
    folder = workspace.labels_dir(clip_id)
    found = [file for file in folder.glob("*.json") if _NAME.fullmatch(file.name)]
    return sorted(found, key=lambda file: (revision(file), file.name))


def revision(path: Path) -> int:
    """The number in a file name of `revisions`."""
    return int(path.name.partition("-")[0])


def latest(workspace: Workspace, clip_id: str) -> LabelSet | None:
    """The newest revision, or None where the clip has no labels. Raises as `load`."""
    known = revisions(workspace, clip_id)
    return load(known[-1]) if known else None


def _track(track: LabelTrack) -> _Track:
    return _Track(
        track.id,
        track.cls,
        track.frames.tolist(),
        _rounded(track.boxes, 2),
        _rounded(track.scores, 4),
        track.origins,
        track.keyframes,
        track.attributes,
    )


def _rounded(values: NDArray[np.float32], decimals: int) -> list:  # type: ignore[type-arg]
    # Adding zero turns -0.0, which would be other bytes, into 0.0.
    rounded: list = (np.round(values.astype(np.float64), decimals) + 0.0).tolist()  # type: ignore[type-arg]
    return rounded


def _labels(path: Path, document: _File) -> LabelSet:
    try:
        tracks = tuple(
            LabelTrack(
                track.id,
                track.cls,
                np.array(track.frames, np.int32),
                np.array(track.boxes, np.float32).reshape(-1, 4),
                np.array(track.scores, np.float32),
                track.origins,
                track.keyframes,
                track.attributes,
            )
            for track in document.tracks
        )
    except (ValueError, OverflowError) as error:
        raise BadLabels(f"{path}: {error}") from None
    head = {name: getattr(document, name) for name in _HEAD}
    return LabelSet(**head, tracks=tracks)


_HEAD = tuple(name for name in _File.__struct_fields__ if name not in ("schema", "tracks"))


def _check(labels: LabelSet, where: str) -> None:
    ids = [track.id for track in labels.tracks]
    if len(ids) != len(set(ids)):
        raise BadLabels(f"{where}: two tracks share an id")
    if labels.revision < 1 or labels.made_at.tzinfo is None:
        raise BadLabels(f"{where}: revisions count from 1 and made_at needs a time zone")
    for track in labels.tracks:
        problem = _problem(track, labels)
        if problem:
            raise BadLabels(f"{where}: track {track.id}: {problem}")


def _problem(track: LabelTrack, labels: LabelSet) -> str:
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

"""Case: an incident as a folder of its own, whose digests anybody can check.

case.json                     the incident, and the sha256 of every other file; sealed, written last
video/<video>-<n>.mp4         the frames of the incident, a file for each stretch without a break
predictions/<video>/<model>.parquet   what models saw in these frames, counted from the first
hits/<video>.json             what triggers found in them, counted in the recording
log.jsonl                     who looked at it, picked and marked: lines of the audit log
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from oneclick import __version__, video
from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.errors import BadInput, BadVideo, UnknownName, UsageError
from oneclick.core.spans import Span
from oneclick.storage import files, incidents, predictions, sealed_files
from oneclick.storage.incidents import Incident, IncidentPart
from oneclick.storage.workspace import Workspace

CASE_FILE = "case.json"


class CaseManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Content of `case.json`: what an exported incident holds."""

    incident: Incident
    made_at: datetime
    """UTC."""
    code: str
    """Version of oneclick."""
    left_out: tuple[str, ...]
    """A sentence about each thing that is not there any more."""
    files: dict[str, str]
    """sha256 by path in the folder."""


@dataclass(frozen=True)
class CaseResult:
    """What an export of an incident wrote."""

    folder: Path
    files: int
    left_out: tuple[str, ...]


def export_case(home: Path, incident: str, out: Path, log: Iterable[str] = ()) -> CaseResult:
    """Export an incident to a new folder, whole or not at all.

    Args:
        home: the workspace folder.
        incident: its id.
        out: the folder, which must not be there.
        log: lines of the audit log about it.

    Raises:
        UnknownName: there is no such incident.
        UsageError: the folder is there already, or comes meanwhile.
        BadInput: the incident or its hits are broken.
        NoSpace, Unavailable: the disk refuses.
    """
    workspace = Workspace(home)
    marked = incidents.find(workspace, incident)
    if out.exists():
        raise UsageError(f"{out} is there already: name a new folder")
    with Catalog.open(home) as catalog, files.atomic_dir(out.resolve()) as folder:
        left_out: list[str] = []
        marked = with_later_parts(catalog, marked)
        for part in marked.parts:
            try:
                recording, span = catalog.video(part.video), Span(part.start, part.stop)
            except UnknownName:  # one that grew has another id now, and is among the later parts
                left_out.append(f"the recording {part.video} is not in the catalog any more")
                continue
            _export_video(workspace, recording, span, folder, left_out)
            _export_predictions(workspace, recording, span, folder, left_out)
            hits = [hit for _, hit in catalog.hits(recording.id) if hit.span.overlaps(span)]
            files.write_json(folder / "hits" / f"{recording.id}.json", hits)
        files.write_atomic(folder / "log.jsonl", "".join(f"{line}\n" for line in log))
        digests = {name: files.sha256(folder / name) for name in _names(folder)}
        manifest = CaseManifest(
            incident=marked,
            made_at=catalog.now(),
            code=__version__,
            left_out=tuple(left_out),
            files=digests,
        )
        sealed_files.write(folder / CASE_FILE, manifest)
    return CaseResult(out, len(digests) + 1, tuple(left_out))


def with_later_parts(catalog: Catalog, marked: Incident) -> Incident:
    """Return an incident with the frames of recordings that came after it was marked."""
    later = [
        video
        for video in catalog.videos_between(marked.since, marked.until, marked.camera)
        if video.id not in marked.videos and catalog.workspace.video_file(video).exists()
    ]
    spans = [(video.id, video.span_between(marked.since, marked.until)) for video in later]
    parts = [IncidentPart(name, span.start, span.stop) for name, span in spans]
    return msgspec.structs.replace(marked, parts=(*marked.parts, *parts))


def verify_case(folder: Path) -> list[str]:
    """Return a sentence for each file of a case that is missing, changed or added."""
    try:
        manifest: CaseManifest = sealed_files.read(folder / CASE_FILE, CaseManifest)
    except BadInput as error:
        return [str(error)]
    present = set(_names(folder)) - {CASE_FILE}
    problems = [f"{name} is missing" for name in sorted(manifest.files.keys() - present)]
    problems += [
        f"{name} is no part of the case" for name in sorted(present - manifest.files.keys())
    ]
    for name in sorted(present & manifest.files.keys()):
        if files.sha256(folder / name) != manifest.files[name]:
            problems.append(f"{name} was changed: its sha256 is not the one on record")
    return problems


def _export_video(
    workspace: Workspace, recording: Video, span: Span, folder: Path, left_out: list[str]
) -> None:
    """Cut the frames of a span, a file for each stretch of the recording."""
    raw = workspace.video_file(recording)
    if not raw.exists():
        left_out.append(f"the recording {recording.id} is gone")
        return
    (folder / "video").mkdir(exist_ok=True)
    pieces = [stretch for stretch in recording.stretches() if stretch.overlaps(span)]
    for number, stretch in enumerate(pieces):
        piece = Span(max(stretch.start, span.start), min(stretch.stop, span.stop))
        rate = recording.timing.rate_of(piece, recording.fps)
        try:
            video.cut(raw, piece, folder / "video" / f"{recording.id}-{number}.mp4", rate)
        except BadVideo as error:
            left_out.append(str(error))


def _export_predictions(
    workspace: Workspace, recording: Video, span: Span, folder: Path, left_out: list[str]
) -> None:
    """Copy what models saw in a span."""
    stored = workspace.predictions(recording.id, "-").parent
    for path in sorted(stored.glob("[!.]*.parquet")):
        try:
            seen, threshold = predictions.load(path), predictions.load_threshold(path)
        except BadInput as error:
            left_out.append(str(error))
            continue
        target = folder / "predictions" / recording.id / path.name
        inside = Span(min(span.start, seen.length - 1), min(span.stop, seen.length))
        predictions.save(target, seen.cut(inside), threshold=threshold)


def _names(folder: Path) -> list[str]:
    """Return the files of a folder below it."""
    paths: Iterable[Any] = sorted(folder.rglob("*"))
    return [path.relative_to(folder).as_posix() for path in paths if path.is_file()]

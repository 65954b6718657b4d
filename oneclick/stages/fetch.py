"""Fetch: recordings from files, folders and URLs into the workspace, each of them once."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core import ids, layouts, progress
from oneclick.core.clips import Video
from oneclick.core.errors import BadVideo
from oneclick.core.results import BatchResult
from oneclick.core.source_options import SourceOptions
from oneclick.stages.video_registry import SourceKeys, VideoRegistry
from oneclick.storage import cameras, failure_log, files, live_state
from oneclick.storage.cameras import CodePolicy
from oneclick.storage.workspace import Workspace
from oneclick.video import VideoInfo, index, search
from oneclick.video.recordings import Recording

LEAST_FREE = 2 << 30
"""Bytes of the disk that recordings of other machines leave free."""
LEAST_FREE_SHARE = 0.05
"""Share of the disk that they leave free where that is less."""


@dataclass(kw_only=True)
class _Chapters:
    """One recording of which a camera made several files, each with the start of the first."""

    began_at: datetime
    ended_at: datetime
    """End of the chapters so far."""


@dataclass(frozen=True, kw_only=True)
class _FetchContext:
    """The workspace, its recordings, and what the caller says of the camera and the start."""

    workspace: Workspace
    catalog: Catalog
    registry: VideoRegistry
    camera: str | None
    started_at: datetime | None
    codes: CodePolicy
    max_gb: float
    cameras_in_use: set[str]
    """Cameras that have recordings, or get them in this pass."""
    chapters: dict[tuple[str, str], _Chapters] = field(default_factory=dict)
    """By folder and number of the recording."""

    def camera_of(self, recording: Recording) -> str:
        """Return the camera of a recording: its name, or the code that stands for it."""
        if live := live_state.camera_of(self.workspace.home, recording.local_file):
            self.cameras_in_use.add(live)  # its folder is called as ids are
            return live
        text, is_typed = self.camera or recording.camera, bool(self.camera)
        in_use = self.cameras_in_use
        camera = cameras.camera_of(self.workspace, text, in_use, self.codes, is_typed)
        self.cameras_in_use.add(camera)
        return camera

    def source_keys(self, recording: Recording) -> SourceKeys:
        """Return digests of the source, and of the arguments that it is fetched with."""
        parts = (recording.state, self.camera_of(recording), str(self.started_at))
        return SourceKeys(state=_digest(*parts), place=_digest(recording.place))

    def start_of(self, recording: Recording, info: VideoInfo) -> datetime | None:
        """Return when a recording began.

        By what was typed; by a path, where a pattern of the settings reads it or its zone is known;
        by the file, whose creation time may be that of its end or of its copy; by another path.
        """
        facts = recording.facts
        by_path = facts.start_of_file(recording.look.modified_at, info.frames / info.fps)
        is_trusted = facts.is_from_settings or facts.is_certain
        start = self.started_at or (by_path if is_trusted else None) or info.started_at or by_path
        chapters = self.chapters.get(_chapter_key(recording))
        return chapters.ended_at if chapters and start == chapters.began_at else start

    def note_chapter(self, recording: Recording, chapter: Video) -> None:
        """Remember where the next chapter of a recording begins."""
        if layouts.chapter_in(Path(recording.path).name) is None or chapter.started_at is None:
            return
        end = chapter.started_at + timedelta(seconds=chapter.frames / chapter.fps)
        first = _Chapters(began_at=chapter.started_at, ended_at=end)
        self.chapters.setdefault(_chapter_key(recording), first).ended_at = end


def fetch(
    home: Path,
    sources: Sequence[str],
    camera: str | None = None,
    started_at: datetime | None = None,
    codes: CodePolicy = "auto",
    max_gb: float = math.inf,
    options: SourceOptions | None = None,
) -> BatchResult:
    """Copy every recording of the sources into the workspace and the catalog.

    A source is a file, a folder (searched to its depth), or an fsspec URL. The camera is `camera`,
    else what a layout of recorders tells, else the folder, else the file's name; for the start see
    `_FetchContext.start_of`. A camera whose name looks like a person's gets a code (see
    `storage.cameras`).

    A recording is known by its content: one that is there is skipped, from wherever it comes. A
    source that has not changed is not read again, one that still grows is left for the next pass.
    A bad one stands in `failed`, and nothing of it stays. So does one of another machine that is
    larger than `max_gb` (10⁹ bytes), or never ends.

    Raises:
        NoSpace: the device is full.
        Unavailable: the workspace cannot be written, or the package
            that a kind of URL needs is missing.
    """
    options = options or SourceOptions()
    workspace, begin = Workspace(home), time.monotonic()
    search_result = search.find(sources, options)
    result = BatchResult(failed=search_result.failed, left_out=dict(search_result.left_out))
    with Catalog.open(home) as catalog:
        context = _FetchContext(
            workspace=workspace,
            catalog=catalog,
            registry=VideoRegistry(workspace, catalog),
            camera=camera,
            started_at=started_at,
            codes=codes,
            max_gb=max_gb,
            cameras_in_use={fetched.camera for fetched in catalog.videos()},
        )
        candidates = search_result.recordings
        settled = _settled_first(candidates, options.settle_s, begin)
        for recording in progress.track("fetch", settled, len(candidates)):
            with failure_log.isolate(
                result.failed, workspace, recording.name, f"fetch {recording.name}"
            ):
                _fetch_one(context, recording, result)
    return result


def _settled_first(
    recordings: Sequence[Recording], settle_s: float, begin: float
) -> Iterator[Recording]:
    """Yield files that rest; then wait until the others could have changed, and yield those.

    Args:
        recordings: with their size and time at `begin`.
        settle_s: a file of this age rests; so does one that is unchanged after this time, since
            the clocks of two machines differ.
        begin: monotonic time of the first look.
    """
    young = []
    for recording in recordings:
        modified_at = recording.look.modified_at
        age = (datetime.now(UTC) - modified_at).total_seconds() if modified_at else math.inf
        if not settle_s or settle_s <= age:
            yield recording
        else:
            young.append((recording, settle_s - max(age, 0)))
    now = time.monotonic()
    rest = max((min(begin + settle_s - now, rest) for _, rest in young), default=0.0)
    pauses = max(math.ceil(rest), 0)
    task = f"seconds until {len(young)} files just written are looked at again"
    for _ in progress.track(task, range(pauses), pauses):
        time.sleep(rest / pauses)
    for recording, _ in young:
        yield recording


def _fetch_one(context: _FetchContext, recording: Recording, result: BatchResult) -> None:
    """Fetch one recording, or note why not. Raises BadVideo where it cannot be read."""
    keys, registry = context.source_keys(recording), context.registry
    if video_id := registry.id_of_state(keys.state):
        result.skipped.append(video_id)
        context.note_chapter(recording, context.catalog.video(video_id))
        return
    if _has_changed(recording):
        result.waiting[recording.name] = _still_written(recording)
        return
    if local := recording.local_file:
        _check(local)  # before it fills the disk
    folder = context.workspace.home / "videos" / context.camera_of(recording)
    with files.temporary_name(folder / f"incoming{recording.suffix}") as temporary:
        digest = copy_recording(recording, temporary, context.max_gb)
        if _has_changed(recording, temporary):
            result.waiting[recording.name] = _still_written(recording)
            return
        existing = context.catalog.video_with_digest(digest)
        if existing is None:
            fetched = _describe(context, recording, temporary, digest)
            registration = registry.register(fetched, temporary, keys.place)
            existing, is_new = registration.video, registration.is_new
            if is_new:
                video.keep_index(context.workspace.video_file(existing))
            if registration.note:
                result.notes.append(f"{recording.name}: {registration.note}")
        else:
            is_new = False
            if existing.camera != context.camera_of(recording) or context.started_at not in (
                None,
                existing.started_at,
            ):
                result.notes.append(
                    f"{recording.name}: its content is there already as {existing.id}, whose "
                    "camera and start stay"
                )
    registry.add_source(existing, keys)
    context.note_chapter(recording, existing)
    (result.done if is_new else result.skipped).append(existing.id)


def _describe(context: _FetchContext, recording: Recording, temporary: Path, digest: str) -> Video:
    """Probe a copied recording and return it as a Video."""
    camera = context.camera_of(recording)
    info = _probe(temporary, Path(recording.name).name)
    start = context.start_of(recording, info)
    return Video(
        id=ids.video_id(camera, start, digest),
        camera=camera,
        started_at=start,
        fps=info.fps,
        frames=info.frames,
        width=info.width,
        height=info.height,
        digest=digest,
        suffix=recording.suffix,
        timing=info.timing,
        notes=info.notes,
    )


def _check(path: Path) -> None:
    """Raise BadVideo unless the first frame decodes."""
    try:
        index.check(path)
    except (OSError, ValueError) as error:  # FFmpeg's answer to what it cannot read
        raise _undecodable(path.name, error) from None


def _probe(path: Path, name: str) -> VideoInfo:
    """Return the properties of a copied recording. Raises BadVideo, which names the source."""
    try:
        return video.probe(path, name)
    except (OSError, ValueError) as error:
        raise _undecodable(name, error) from None


def _undecodable(name: str, error: Exception) -> BadVideo:
    text = getattr(error, "strerror", None) or type(error).__name__
    return BadVideo(
        f"{name} cannot be decoded to its end ({text}): copy it again or convert it to MP4"
    )


def _has_changed(recording: Recording, copy: Path | None = None) -> bool:
    """Check whether a source has changed since it was found, or has not the bytes of its copy."""
    look = recording.look_again()
    if copy and recording.local_file and look.size != copy.stat().st_size:
        return True
    return look != recording.look


def _still_written(recording: Recording) -> str:
    return f"{recording.name} is still being written: it is left for the next pass"


def _chapter_key(recording: Recording) -> tuple[str, str]:
    path = Path(recording.path)
    number, _ = layouts.chapter_in(path.name) or ("", 0)
    return str(path.parent), number


def _digest(*parts: str) -> str:
    return hashlib.sha256(os.fsencode("\0".join(parts))).hexdigest()


def copy_recording(recording: Recording, target: Path, max_gb: float) -> str:
    """Copy the bytes of a recording and return their sha256.

    Raises:
        BadVideo: the source cannot be read; or it is on another machine, and is larger than
            `max_gb`, or does not end before the disk is nearly full.
    """
    digest, count = hashlib.sha256(), 0
    is_remote = recording.local_file is None
    if is_remote:
        check_length(recording.name, recording.look.size or 0, max_gb)
    with target.open("wb") as file:
        for chunk in recording.chunks():  # what its reading raises is no trouble of our disk
            count += len(chunk)
            if is_remote:  # nobody knows how long a stream goes on
                check_length(recording.name, count, max_gb)
                check_space(target.parent, recording.name)
            digest.update(chunk)
            with files.guard(target.parent):
                file.write(chunk)
        with files.guard(target.parent):
            file.flush()
    return digest.hexdigest()


def check_length(name: str, size: int, max_gb: float) -> None:
    """Raise BadVideo where a recording of another machine has more than `max_gb`."""
    if size > max_gb * 1e9:
        raise BadVideo(
            f"{name} has more than {max_gb:g} GB: raise max_source_gb, or give a recording that "
            "ends"
        )


def check_space(folder: Path, name: str) -> None:
    """Raise BadVideo where a recording leaves too little space for all else on the disk."""
    usage = shutil.disk_usage(folder)
    floor = min(LEAST_FREE, int(usage.total * LEAST_FREE_SHARE))
    if usage.free < floor:
        raise BadVideo(
            f"{name} fills the disk: less than {max(floor >> 20, 1):,} MB are free; free some, or "
            "give a recording that ends"
        )

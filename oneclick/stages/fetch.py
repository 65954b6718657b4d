"""Fetch: recordings from files, folders and URLs into the workspace, each of them once."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core import ids, progress
from oneclick.core.clips import Video
from oneclick.core.errors import BadVideo
from oneclick.core.results import BatchResult
from oneclick.storage import cameras, cards, failure_log, files
from oneclick.storage.cameras import CodePolicy
from oneclick.storage.workspace import Workspace
from oneclick.video import index, recordings
from oneclick.video.recordings import Recording

LEAST_FREE = 2 << 30
"""Bytes of the disk that recordings of other machines leave free."""
LEAST_FREE_SHARE = 0.05
"""Share of the disk that they leave free where that is less."""


@dataclass(frozen=True, kw_only=True)
class _FetchContext:
    """The workspace, its catalog, and what the caller says of the camera and the start."""

    workspace: Workspace
    catalog: Catalog
    camera: str | None
    started_at: datetime | None
    codes: CodePolicy
    max_gb: float
    cameras_in_use: Collection[str]
    """Cameras that have recordings."""

    def camera_of(self, recording: Recording) -> str:
        """Return the camera of a recording: its name, or the code that stands for it."""
        text, is_typed = self.camera or recording.camera, bool(self.camera)
        in_use = self.cameras_in_use
        return cameras.camera_of(self.workspace, text, in_use, self.codes, is_typed)

    def source_key(self, recording: Recording) -> str:
        """Return a digest of the source's state and the arguments that it is fetched with.

        A digest, because a URL may hold secrets that must not lie in a file.
        """
        parts = (recording.state, self.camera_of(recording), str(self.started_at))
        return hashlib.sha256(os.fsencode("\0".join(parts))).hexdigest()

    def source_file(self, fetched: Video) -> Path:
        """Return the file that holds the source key of a video."""
        return self.workspace.video_card(fetched.camera, fetched.id).with_suffix(".source")

    def video_ids_by_source(self) -> dict[str, str]:
        """Return the video of each source key, for the recordings of the catalog."""
        video_ids = {}
        for fetched in self.catalog.videos():
            try:
                video_ids[self.source_file(fetched).read_text()] = fetched.id
            except (OSError, UnicodeDecodeError):
                continue  # without its key the recording is only read again
        return video_ids


def fetch(
    home: Path,
    sources: Sequence[str],
    camera: str | None = None,
    started_at: datetime | None = None,
    codes: CodePolicy = "auto",
    max_gb: float = math.inf,
) -> BatchResult:
    """Copy every recording of the sources into the workspace and the catalog.

    A source is a file, a folder (searched to its depth), or an fsspec URL. The camera is `camera`,
    else the folder, else the file's name; the start (UTC) is `started_at`, else what the recorder
    wrote into the file, else a time in the file's name. A camera whose name looks like a person's
    gets a code (see `storage.cameras`). A recording fetched before is skipped
    without reading it again; a bad one stands in `failed`, and nothing of it stays. So does one of
    another machine that is larger than `max_gb` (10⁹ bytes), or never ends.

    Raises:
        NoSpace: the device is full. Unavailable: the workspace cannot be written, or the package
            that a kind of URL needs is missing.
    """
    workspace, result = Workspace(home), BatchResult()
    candidates = recordings.find(sources, result.failed)
    with Catalog.open(home) as catalog:
        cameras_in_use = {fetched.camera for fetched in catalog.videos()}
        context = _FetchContext(
            workspace=workspace,
            catalog=catalog,
            camera=camera,
            started_at=started_at,
            codes=codes,
            max_gb=max_gb,
            cameras_in_use=cameras_in_use,
        )
        video_ids = context.video_ids_by_source()
        for recording in progress.track("fetch", candidates, len(candidates)):
            with failure_log.isolate(
                result.failed, workspace, recording.name, f"fetch {recording.name}"
            ):
                source_key = context.source_key(recording)
                if source_key in video_ids:
                    result.skipped.append(video_ids[source_key])
                    continue
                fetched, is_new = _fetch_recording(context, recording)
                files.write_atomic(context.source_file(fetched), source_key)
                (result.done if is_new else result.skipped).append(fetched.id)
    return result


def _fetch_recording(context: _FetchContext, recording: Recording) -> tuple[Video, bool]:
    """Copy, probe and register one recording; return its Video and whether it is new."""
    camera = context.camera_of(recording)
    if local := recording.local_file:
        index.check(local)  # before it fills the disk
    name = Path(recording.name).name
    folder = context.workspace.home / "videos" / camera
    with files.temporary_name(folder / f"incoming{recording.suffix}") as temporary:
        digest = copy_recording(recording, temporary, context.max_gb)
        info = video.probe(temporary, name)
        start = context.started_at or info.started_at or recording.started_at
        fetched = Video(
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
        return fetched, register_video(context.workspace, context.catalog, fetched, temporary)


def copy_recording(recording: Recording, target: Path, max_gb: float) -> str:
    """Copy the bytes of a recording and return their sha256.

    Raises:
        BadVideo: the source cannot be read; or it is on another machine, and is larger than
            `max_gb`, or does not end before the disk is nearly full.
    """
    digest, count = hashlib.sha256(), 0
    is_remote = recording.local_file is None
    if is_remote:
        check_length(recording.name, recording.remote_size(), max_gb)
    with files.guard(target.parent), target.open("wb") as file:
        for chunk in recording.chunks():
            count += len(chunk)
            if is_remote:  # nobody knows how long a stream goes on
                check_length(recording.name, count, max_gb)
                check_space(target.parent, recording.name)
            digest.update(chunk)
            file.write(chunk)
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


def register_video(workspace: Workspace, catalog: Catalog, fetched: Video, temporary: Path) -> bool:
    """Move the file into place, write the card, then the catalog row; False if it was there.

    In this order, so that a row means a whole recording.

    Raises:
        BadVideo: another recording has taken its id.
    """
    card = workspace.video_card(fetched.camera, fetched.id)
    existing = cards.load_video_card(card) if card.exists() else None
    if existing and existing.digest != fetched.digest:
        raise BadVideo(
            f"{fetched.id} is taken by another recording with the same camera and start: "
            "give this one another camera or start"
        )
    registered = existing or fetched
    file = workspace.video_file(registered)
    if existing is None or not file.exists():
        with files.guard(file):
            files.flush(temporary)
            temporary.replace(file)
        cards.save_video_card(workspace, registered)
    return catalog.add_video(registered)

"""Files to Encord: found, or brought; and compared with what was cut before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from encord.exceptions import ResourceNotFoundError
from encord.http.utils import CloudUploadSettings
from encord.orm.dataset import LongPollingStatus
from encord.orm.storage import CustomerProvidedVideoMetadata, DataUploadItems, DataUploadVideo
from encord.storage import StorageItem

from oneclick.core.clips import Clip
from oneclick.core.errors import BadInput, PlatformRefused
from oneclick.platforms.encord.load import Load
from oneclick.platforms.encord.project import Place
from oneclick.platforms.encord.records import code, title
from oneclick.services.training_server import Server, Stamp
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

JOB_SECONDS = 120
FPS_WITHIN = 1e-3


class Upload:
    """Brings files into the folder of a place, or into our bucket and its name into the folder."""

    def __init__(self, workspace: Workspace, place: Place) -> None:
        self._workspace, self._place = workspace, place
        self._options, self._line = place.options, place.line

    def ready(self) -> None:
        """Ask for what all uploads share, so that several may run at once."""
        assert self._place.folder
        if self._options.upload == "bucket":
            assert self._place.integration

    def bring(self, load: Load) -> StorageItem:
        """Have the file there, and seen to be the same.

        Raises:
            BadInput: the file here is not what was cut, or Encord sees it otherwise.
            PlatformRefused: Encord will not have it, or has not decoded it yet.
        """
        item = self._decoded(load, self._line.ask("upload a clip", lambda: self._item(load)))
        if (item.client_metadata or {}).get("sha256") not in (None, load.clip.digest):
            raise PlatformRefused(
                f"Encord holds another file for clip {load.clip.id}: oneclick review erase it first"
            )
        self._compare(load, item)
        return item

    def find(self, clip_id: str) -> list[StorageItem]:
        """Files of a clip in the folder, oldest first."""
        found = self._place.folder.list_items(search=title(clip_id, self._options))
        mine = [one for one in found if (one.client_metadata or {}).get("clip") == code(clip_id)]
        return sorted(mine, key=lambda one: (one.created_at, str(one.uuid)))

    def _item(self, load: Load) -> StorageItem:
        found = self.find(load.clip.id)
        if found:
            return found[0]
        bring = self._register if self._options.upload == "bucket" else self._upload
        return self._line.within(self._line.patience.upload, lambda: bring(load))

    def _upload(self, load: Load) -> StorageItem:
        uuid = self._place.folder.upload_video(
            self._file(load.clip),
            title=load.title,
            client_metadata=_metadata(load),
            cloud_upload_settings=CloudUploadSettings(max_retries=0, backoff_factor=0),
        )
        return self._place.client.get_storage_item(uuid)

    def _register(self, load: Load) -> StorageItem:
        address = (self._options.bucket_url or self._options.bucket).rstrip("/")
        size = self._into_bucket(load)
        video = DataUploadVideo(
            object_url=f"{address}/{load.title}",
            title=load.title,
            client_metadata=_metadata(load),
            video_metadata=_sizes(load, size) if self._options.strict else None,
        )
        folder = self._place.folder
        job = folder.add_private_data_to_folder_start(
            self._place.integration, DataUploadItems(videos=[video], skip_duplicate_urls=True)
        )
        state = folder.add_private_data_to_folder_get_result(job, timeout_seconds=JOB_SECONDS)
        if state.status == LongPollingStatus.ERROR:
            raise PlatformRefused(
                f"Encord cannot read {address}/{load.title}: {'; '.join(state.errors)}"
            )
        found = self.find(load.clip.id)
        if not found:
            raise TimeoutError(f"{load.title} is not registered after {JOB_SECONDS} s")
        return found[0]

    def _into_bucket(self, load: Load) -> int:
        """Copy the file where Encord may read it; its bytes."""
        path, bucket = self._file(load.clip), Server(self._options.bucket, "bucket")
        stamp = Stamp(path.stat().st_size, load.clip.digest)
        if bucket.stamp(load.title) != stamp:
            bucket.put(path, load.title, stamp, link=False)
        return stamp.size

    def _file(self, clip: Clip) -> Path:
        path = self._workspace.clip_file(clip.id)
        if not path.exists():
            raise BadInput(f"{path} is missing: restore it, then oneclick clips retry {clip.id}")
        if clip.digest and files.sha256(path) != clip.digest:
            raise BadInput(f"{path} was changed after it was cut: cut it again")
        return path

    def _decoded(self, load: Load, item: StorageItem) -> StorageItem:
        """The item once Encord has counted its frames."""
        uuid = item.uuid
        for wait in self._line.patience.looks:
            if item.frame_count is not None:
                return item
            self._line.pause(wait)
            item = self._line.ask("see a clip", lambda: self._place.client.get_storage_item(uuid))
        if item.frame_count is None:
            raise PlatformRefused(
                f"clip {load.clip.id}: Encord has not decoded the file yet; the next run goes on"
            )
        return item

    def _compare(self, load: Load, item: StorageItem) -> None:
        """What Encord sees of the file with what we cut; boxes would be misplaced."""
        ours = (load.labels.frames, load.clip.fps, load.labels.width, load.labels.height)
        theirs = (item.frame_count, item.fps, item.width, item.height)
        same_fps = theirs[1] is not None and abs(theirs[1] - ours[1]) <= FPS_WITHIN
        if same_fps and (ours[0], *ours[2:]) == (theirs[0], *theirs[2:]):
            return
        # The file is of no use there, and a clip that was cut again must not meet it.
        self._line.ask("delete a clip", lambda: _deleted(item))
        raise BadInput(
            f"clip {load.clip.id}: Encord sees {_sight(theirs)}, we cut {_sight(ours)}; boxes "
            "would be misplaced, so it is not sent"
        )


def _metadata(load: Load) -> dict[str, str]:
    """What Encord keeps beside the file: nothing about camera, place or time."""
    return {"clip": load.code, "sha256": load.clip.digest, "made_by": "oneclick"}


def _sizes(load: Load, size: int) -> CustomerProvidedVideoMetadata:
    found = load.labels
    return CustomerProvidedVideoMetadata(
        fps=load.clip.fps,
        duration=found.frames / load.clip.fps,
        width=found.width,
        height=found.height,
        file_size=size,
        mime_type="video/mp4",
    )


def _deleted(item: StorageItem) -> None:
    with suppress(ResourceNotFoundError):
        item.delete()


def _sight(seen: Sequence[float | None]) -> str:
    return f"{seen[0]} frames of {seen[2]}×{seen[3]} at {seen[1]} fps"

"""Files to Encord: uploaded where they are missing, and compared with the cut before labelling."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from encord.exceptions import ResourceNotFoundError
from encord.http.utils import CloudUploadSettings
from encord.orm.dataset import LongPollingStatus
from encord.orm.storage import CustomerProvidedVideoMetadata, DataUploadItems, DataUploadVideo
from encord.storage import StorageItem

from oneclick.core import ids
from oneclick.core.clips import Clip
from oneclick.core.errors import BadInput, PlatformRefused
from oneclick.platforms.encord.load import ClipUpload
from oneclick.platforms.encord.project import EncordProject
from oneclick.platforms.encord.records import clip_title
from oneclick.services.training_server import FileStamp, RemoteFolder
from oneclick.storage import files
from oneclick.storage.workspace import Workspace

JOB_SECONDS = 120
FPS_TOLERANCE = 1e-3


class Uploader:
    """Uploads files to a storage folder, or copies them to our bucket and registers them."""

    def __init__(self, workspace: Workspace, encord: EncordProject) -> None:
        self._workspace, self._encord = workspace, encord
        self._options, self._retrier = encord.options, encord.retrier

    def prepare(self) -> None:
        """Request what all uploads share, so that several may run in parallel afterwards."""
        assert self._encord.folder
        if self._options.upload == "bucket":
            assert self._encord.integration

    def ensure_uploaded(self, upload: ClipUpload) -> StorageItem:
        """Upload the file of a clip if it is missing, and compare it with what was cut.

        Raises:
            BadInput: the file here is not what was cut, or Encord decodes it otherwise.
            PlatformRefused: Encord refuses the file, or has not decoded it yet.
        """
        item = self._retrier.call("upload a clip", lambda: self.find_or_upload(upload))
        item = self.wait_until_decoded(upload, item)
        if (item.client_metadata or {}).get("sha256") not in (None, upload.clip.digest):
            raise PlatformRefused(
                f"Encord holds another file for clip {upload.clip.id}: delete it there, then send "
                "the clip again"
            )
        self.compare(upload, item)
        return item

    def find(self, clip_id: str) -> list[StorageItem]:
        """List the files of a clip in the folder, oldest first."""
        items = self._encord.folder.list_items(search=clip_title(clip_id, self._options))
        code = ids.pseudonym(clip_id)
        matches = [item for item in items if (item.client_metadata or {}).get("clip") == code]
        return sorted(matches, key=lambda item: (item.created_at, str(item.uuid)))

    def find_or_upload(self, upload: ClipUpload) -> StorageItem:
        """Return the file of a clip; upload or register it where there is none."""
        items = self.find(upload.clip.id)
        if items:
            return items[0]
        in_bucket = self._options.upload == "bucket"
        step = self.register if in_bucket else self.upload_file
        return self._retrier.run_with_timeout(
            self._retrier.policy.upload_timeout, lambda: step(upload)
        )

    def upload_file(self, upload: ClipUpload) -> StorageItem:
        """Upload the file to Encord's own storage."""
        uuid = self._encord.folder.upload_video(
            self._file(upload.clip),
            title=upload.title,
            client_metadata=_client_metadata(upload),
            cloud_upload_settings=CloudUploadSettings(max_retries=0, backoff_factor=0),
        )
        return self._encord.client.get_storage_item(uuid)

    def register(self, upload: ClipUpload) -> StorageItem:
        """Copy the file into our bucket, and register its address with Encord.

        Raises:
            PlatformRefused: Encord cannot read the bucket.
            TimeoutError: Encord did not register the file in JOB_SECONDS.
        """
        title = upload.title
        url = f"{(self._options.bucket_url or self._options.bucket).rstrip('/')}/{title}"
        path, bucket = self._file(upload.clip), RemoteFolder(self._options.bucket, "bucket")
        stamp = FileStamp(path.stat().st_size, upload.clip.digest)
        if bucket.stamp(title) != stamp:
            bucket.put(path, title, stamp)
            bucket.flush([title])
        video = DataUploadVideo(
            object_url=url,
            title=title,
            client_metadata=_client_metadata(upload),
            video_metadata=video_metadata(upload, stamp.size) if self._options.strict else None,
        )
        folder = self._encord.folder
        job = folder.add_private_data_to_folder_start(
            self._encord.integration, DataUploadItems(videos=[video], skip_duplicate_urls=True)
        )
        state = folder.add_private_data_to_folder_get_result(job, timeout_seconds=JOB_SECONDS)
        if state.status == LongPollingStatus.ERROR:
            raise PlatformRefused(f"Encord cannot read {url}: {'; '.join(state.errors)}")
        items = self.find(upload.clip.id)
        if not items:
            raise TimeoutError(f"{title} is not registered after {JOB_SECONDS} s")
        return items[0]

    def _file(self, clip: Clip) -> Path:
        """Return the video of a clip. Raises BadInput where it is missing or was changed."""
        path = self._workspace.clip_file(clip.id)
        if not path.exists():
            raise BadInput(f"{path} is missing: restore it, then oneclick clips retry {clip.id}")
        if clip.digest and files.sha256(path) != clip.digest:
            raise BadInput(f"{path} was changed after it was cut: cut it again")
        return path

    def wait_until_decoded(self, upload: ClipUpload, item: StorageItem) -> StorageItem:
        """Poll until Encord has decoded a file. Raises PlatformRefused after the last poll."""
        uuid = item.uuid
        for delay in self._retrier.policy.poll_delays:
            if item.frame_count is not None:
                return item
            self._retrier.wait(delay)
            item = self._retrier.call(
                "see a clip", lambda: self._encord.client.get_storage_item(uuid)
            )
        if item.frame_count is None:
            raise PlatformRefused(
                f"clip {upload.clip.id}: Encord has not decoded the file yet; the next run goes on"
            )
        return item

    def compare(self, upload: ClipUpload, item: StorageItem) -> None:
        """Compare frames, size and frame rate with what was cut; delete a file that differs.

        Boxes would be misplaced on it, and a clip that is cut again must not find it.

        Raises:
            BadInput: they differ.
        """
        labels, fps = upload.labels, upload.clip.fps
        same_fps = item.fps is not None and abs(item.fps - fps) <= FPS_TOLERANCE
        size = (labels.frames, labels.width, labels.height)
        if same_fps and size == (item.frame_count, item.width, item.height):
            return
        self._retrier.call("delete a clip", lambda: delete(item))
        raise BadInput(
            f"clip {upload.clip.id}: Encord sees "
            f"{_describe(item.frame_count, item.width, item.height, item.fps)}, we cut "
            f"{_describe(*size, fps)}; boxes would be misplaced, so it is not sent"
        )


def _client_metadata(upload: ClipUpload) -> dict[str, str]:
    """Return what Encord stores beside the file: nothing about camera, place or time."""
    return {"clip": upload.code, "sha256": upload.clip.digest, "made_by": "oneclick"}


def video_metadata(upload: ClipUpload, file_size: int) -> CustomerProvidedVideoMetadata:
    """Return the metadata of a video that Encord's servers cannot read; `file_size` in bytes."""
    labels, fps = upload.labels, upload.clip.fps
    return CustomerProvidedVideoMetadata(
        fps=fps,
        duration=labels.frames / fps,
        width=labels.width,
        height=labels.height,
        file_size=file_size,
        mime_type="video/mp4",
    )


def delete(item: StorageItem) -> None:
    """Delete a file; one that is gone is no error."""
    with suppress(ResourceNotFoundError):
        item.delete()


def _describe(
    frames: float | None, width: float | None, height: float | None, fps: float | None
) -> str:
    return f"{frames} frames of {width}×{height} at {fps} fps"

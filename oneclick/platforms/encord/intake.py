"""Clips to Encord, batch by batch: the files, then a data unit for each, then the labels.

Each step checks what is there before it acts, so that an interrupted one is simply repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from oneclick.core.errors import BadInput, OneclickError, PlatformAway, PlatformRefused
from oneclick.platforms.base import Offer, SendResult
from oneclick.platforms.encord import load
from oneclick.platforms.encord.load import ClipUpload
from oneclick.platforms.encord.prelabel import Prelabeller
from oneclick.platforms.encord.project import EncordProject
from oneclick.platforms.encord.records import EncordRecord, EncordRecords
from oneclick.platforms.encord.upload import Uploader


class ClipSender:
    """Sends clips to one project."""

    def __init__(self, encord: EncordProject, records: EncordRecords, uploader: Uploader) -> None:
        self._encord, self._records, self._uploader = encord, records, uploader
        self._prelabeller = Prelabeller(encord, records)

    def send(self, offers: Iterable[Offer]) -> Iterator[SendResult]:
        """Upload and pre-label clips; see Platform.send."""
        self._encord.retrier.cancelled.clear()
        for batch in load.batches(offers, self._encord.options):
            self._encord.extend_ontology(*load.label_vocabulary(batch))
            self._uploader.prepare()
            errors = self._upload_in_parallel(batch)
            yield from [
                SendResult(upload.clip.id, error)
                for upload, error in zip(batch, errors, strict=True)
                if error
            ]
            yield from self._label([upload for upload in batch if upload.item])

    def _upload_in_parallel(self, batch: list[ClipUpload]) -> list[OneclickError | None]:
        """Upload several files at once; after one that raises, no further upload begins."""
        with ThreadPoolExecutor(self._encord.options.uploads) as pool:
            futures = [pool.submit(self.upload, upload) for upload in batch]
            try:
                return [future.result() for future in futures]
            except BaseException:
                self._encord.retrier.cancelled.set()
                pool.shutdown(cancel_futures=True)
                raise

    def upload(self, upload: ClipUpload) -> OneclickError | None:
        """Upload the file of a clip; return the error if only this clip is concerned."""
        try:
            upload.item = self._uploader.ensure_uploaded(upload)
        except PlatformAway:
            raise
        except (BadInput, PlatformRefused) as error:
            self._check_access(error)
            return error
        return None

    def _label(self, uploads: list[ClipUpload]) -> Iterator[SendResult]:
        """Link and pre-label clips together; if that is refused, by halves, to find the cause."""
        if not uploads:
            return
        try:
            pending = self.link(uploads)
            linked = [upload for upload in uploads if upload not in pending]
            self._encord.retrier.call("pre-label clips", lambda: self._prelabeller.label(linked))
        except PlatformAway:
            raise
        except OneclickError as error:
            if len(uploads) == 1:
                self._check_access(error)
                yield SendResult(uploads[0].clip.id, error)
                return
            half = len(uploads) // 2
            yield from self._label(uploads[:half])
            yield from self._label(uploads[half:])
            return
        for upload in pending:
            refusal = PlatformRefused(
                f"clip {upload.clip.id}: Encord has made no task for it yet; the next run goes on"
            )
            yield SendResult(upload.clip.id, refusal)
        for upload in linked:
            self.record(upload)
            yield SendResult(upload.clip.id)

    def link(self, uploads: list[ClipUpload]) -> list[ClipUpload]:
        """Link files into the dataset; return those that have no row after a while."""
        retrier = self._encord.retrier
        retrier.call("link clips", lambda: self._prelabeller.link(uploads))
        pending = retrier.call("find rows", lambda: self._prelabeller.find_rows(uploads))
        for delay in retrier.policy.poll_delays:
            if pending:
                retrier.wait(delay)
                pending = retrier.call("find rows", lambda: self._prelabeller.find_rows(uploads))
        return pending

    def record(self, upload: ClipUpload) -> None:
        """Record which labels annotators see; a row that had labels before keeps its record."""
        clip_id = upload.clip.id
        if upload.item is None or (not upload.is_unlabelled and self._records.find(clip_id)):
            return
        self._records.save(
            EncordRecord(
                clip=clip_id,
                title=upload.title,
                item=str(upload.item.uuid),
                data=upload.data_hash,
                branch=upload.branch,
                revision=upload.labels.revision,
                sent_at=datetime.now(UTC),
            )
        )

    def _check_access(self, error: OneclickError) -> None:
        """Raise PlatformAway if a refusal means that the key has lost access to the project."""
        if isinstance(error, PlatformRefused):
            self._encord.check_access()

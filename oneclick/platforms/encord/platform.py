"""Review on Encord, behind the same interface as our own queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from encord.exceptions import AuthorisationError, ResourceNotFoundError
from encord.objects import LabelRowV2
from encord.storage import StorageItem

from oneclick.core.errors import PlatformRefused
from oneclick.core.review import Verdict
from oneclick.platforms.base import ErasureReport, Offer, PlatformOptions, SendResult
from oneclick.platforms.encord import upload
from oneclick.platforms.encord.connect import DEFAULT_RETRY_POLICY, Retrier, RetryPolicy
from oneclick.platforms.encord.import_corrections import CorrectionImporter
from oneclick.platforms.encord.import_verdicts import VerdictImporter
from oneclick.platforms.encord.intake import ClipSender
from oneclick.platforms.encord.label_rows import RowReader
from oneclick.platforms.encord.options import EncordOptions
from oneclick.platforms.encord.project import EncordProject
from oneclick.platforms.encord.records import EncordRecords, clip_title
from oneclick.platforms.encord.upload import Uploader
from oneclick.platforms.verdict_inbox import VerdictInbox
from oneclick.services.training_server import RemoteFolder
from oneclick.storage.workspace import Workspace


class EncordPlatform:
    """One project on Encord, and what we know of it in a folder of the workspace.

    records/<clip>.json    ids of a clip on Encord
    cursor.json            until when the log of actions was read
    corrections.json       until when edits of clips that were collected were listed
    verdicts/, archive/    as in verdict_inbox.py
    """

    name = "encord"

    def __init__(
        self,
        setup: PlatformOptions,
        workspace: Workspace,
        retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY,
    ) -> None:
        root = workspace.review_dir() / self.name
        self._setup = setup
        self._options: EncordOptions = setup.section or EncordOptions()
        self._records, self._inbox = EncordRecords(root / "records"), VerdictInbox(root)
        self._retrier = Retrier(self._options, retry_policy)
        self._encord = EncordProject(self._options, self._retrier)
        self._uploader = Uploader(workspace, self._encord)
        self._sender = ClipSender(self._encord, self._records, self._uploader)
        self._reader = RowReader(self._encord)
        self._importer = VerdictImporter(
            workspace=workspace,
            encord=self._encord,
            records=self._records,
            inbox=self._inbox,
            cursor=root / "cursor.json",
            reader=self._reader,
        )
        self._corrections = CorrectionImporter(
            workspace=workspace,
            encord=self._encord,
            records=self._records,
            inbox=self._inbox,
            progress=root / "corrections.json",
            reader=self._reader,
        )

    def setup(self) -> list[str]:
        """Create ontology, dataset, folder and project where they are missing."""
        lines = self._encord.setup(self._setup.classes, self._setup.attributes)
        return [*lines, self._encord.check()]

    def check(self) -> str:
        """Check key, region, project and stages, without changing anything."""
        return self._encord.check()

    def send(self, offers: Iterable[Offer]) -> Iterator[SendResult]:
        """Upload, compare and pre-label clips; those that are on Encord are only compared."""
        return self._sender.send(offers)

    def fetch(self, waiting: Sequence[str], thorough: bool = True) -> None:
        """Import verdicts on clips that reached a final stage, and corrections made after that."""
        self._reader.unreadable.clear()
        started_at = datetime.now(UTC)
        self._importer.fetch(waiting, thorough)
        self._corrections.fetch(waiting, started_at)

    def collect(self) -> Iterator[Verdict]:
        """Yield verdicts that were fetched and not acknowledged."""
        return self._inbox.collect()

    def unreadable(self) -> dict[str, str]:
        """Return the clips that were decided and whose verdict cannot be read, with the reason."""
        return self._reader.unreadable | self._inbox.unreadable()

    def acknowledge(self, verdict: Verdict) -> None:
        """Move the verdict to the archive; the record stays, for erasure."""
        self._inbox.archive(verdict.clip)

    def erase(self, clip: str) -> ErasureReport:
        """Delete data unit, labels of all branches, file and record, then look for each again.

        Raises:
            PlatformRefused: something is left.
        """
        title = clip_title(clip, self._options)
        rows = self._retrier.call("find labels", lambda: self._list_rows(title))
        items = self._retrier.call("find files", lambda: self._uploader.find(clip))
        units = sorted({row.data_hash for row in rows})
        deleted = [f"data unit {data_hash}" for data_hash in units]
        deleted += [f"labels {r.label_hash} ({r.branch_name})" for r in rows if r.label_hash]
        deleted += [f"file {item.uuid}" for item in items]
        self._retrier.call("delete data", lambda: self.delete(units, items))
        bucket = self._options.bucket
        if bucket and RemoteFolder(bucket, "bucket").remove(title):
            deleted.append(f"{bucket}/{title}")
        checked = self.verify_erasure(clip, title, items)
        self._records.delete(clip)
        return ErasureReport(clip, tuple(deleted), checked)

    def delete(self, units: Iterable[str], items: Iterable[StorageItem]) -> None:
        """Delete data units and files; what is gone is no error."""
        for data_hash in units:
            with suppress(ResourceNotFoundError):
                self._encord.dataset.delete_data([data_hash])
        for item in items:
            upload.delete(item)

    def verify_erasure(self, clip: str, title: str, items: list[StorageItem]) -> tuple[str, ...]:
        """Verify that nothing is left of a clip; return what was checked.

        Raises:
            PlatformRefused: something is left.
        """
        rows = self._retrier.call("look", lambda: self._list_rows(title))
        leftovers = [f"row {row.data_hash}" for row in rows]
        found_items = self._retrier.call("look", lambda: self._uploader.find(clip))
        leftovers += [f"file {item.uuid}" for item in found_items]
        leftovers += [f"file {item.uuid}" for item in items if self.can_open(item.uuid)]
        if leftovers:
            raise PlatformRefused(
                f"clip {clip}: Encord still has {', '.join(leftovers)}; erase it again"
            )
        checked = (f"no row is called {title}", f"no file is called {title}")
        return (*checked, *(f"file {item.uuid} cannot be opened" for item in items))

    def can_open(self, uuid: UUID) -> bool:
        """Check whether a file still exists and can be read."""

        def get_item() -> bool:
            try:
                self._encord.client.get_storage_item(uuid)
            except (ResourceNotFoundError, AuthorisationError):
                return False
            return True

        return self._retrier.call("look for a file", get_item)

    def _list_rows(self, title: str) -> list[LabelRowV2]:
        project = self._encord.project
        return project.list_label_rows_v2(data_title_eq=title, include_all_label_branches=True)

"""Review on Encord, behind the same interface as our own queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from uuid import UUID

from encord.exceptions import AuthorisationError, ResourceNotFoundError
from encord.objects import LabelRowV2
from encord.storage import StorageItem

from oneclick.core.errors import PlatformRefused
from oneclick.core.review import Verdict
from oneclick.platforms.base import Erased, Offer, Sent
from oneclick.platforms.encord.connect import PATIENT, Line, Patience
from oneclick.platforms.encord.import_verdicts import Outcome
from oneclick.platforms.encord.intake import Intake
from oneclick.platforms.encord.project import Place
from oneclick.platforms.encord.records import Records, title
from oneclick.platforms.encord.upload import Upload
from oneclick.platforms.options import Choice
from oneclick.platforms.verdict_inbox import Spool
from oneclick.services.training_server import Server
from oneclick.storage.workspace import Workspace


class EncordPlatform:
    """One project on Encord, and what we know of it in a folder of the workspace.

    records/<clip>.json    where a clip stands there
    cursor.json            until when the log of actions was read
    verdicts/, archive/    as in spool.py
    """

    name = "encord"

    def __init__(self, choice: Choice, workspace: Workspace, patience: Patience = PATIENT) -> None:
        root = workspace.review_dir() / self.name
        self._choice, self._options = choice, choice.encord
        self._known, self._spool = Records(root / "records"), Spool(root)
        self._line = Line(self._options, patience)
        self._place = Place(self._options, self._line)
        self._upload = Upload(workspace, self._place)
        self._intake = Intake(self._place, self._known, self._upload)
        cursor = root / "cursor.json"
        self._outcome = Outcome(workspace, self._place, self._known, self._spool, cursor)

    def setup(self) -> list[str]:
        """Make ontology, dataset, folder and project where they are missing."""
        made = self._place.setup(self._choice.classes, self._choice.attributes)
        return [*made, self._place.check()]

    def check(self) -> str:
        """Key, region, project and stages, without changing anything."""
        return self._place.check()

    def send(self, offers: Iterable[Offer]) -> Iterator[Sent]:
        """Upload, compare and pre-label; clips that are there already are only looked at."""
        return self._intake.send(offers)

    def fetch(self, waiting: Sequence[str], thorough: bool = True) -> None:
        """Bring verdicts on clips that reached a final stage."""
        self._outcome.broken.clear()
        self._outcome.fetch(waiting, thorough)

    def collect(self) -> Iterator[Verdict]:
        """Verdicts that were fetched and are not done yet."""
        return self._spool.collect()

    def broken(self) -> dict[str, str]:
        """Clips that were decided and whose verdict cannot be had."""
        return self._outcome.broken | self._spool.broken()

    def done(self, verdict: Verdict) -> None:
        """Move the verdict to the archive; the record stays, for erasure."""
        self._spool.done(verdict.clip)

    def erase(self, clip: str) -> Erased:
        """Delete data unit, labels of all branches, file and record, then look for each again."""
        name = title(clip, self._options)
        rows = self._line.ask("find labels", lambda: self._rows(name))
        items = self._line.ask("find files", lambda: self._upload.find(clip))
        units = sorted({row.data_hash for row in rows})
        held = [f"data unit {data}" for data in units]
        held += [f"labels {row.label_hash} ({row.branch_name})" for row in rows if row.label_hash]
        held += [f"file {item.uuid}" for item in items]
        self._line.ask("delete data", lambda: self._delete(units, items))
        if self._options.bucket and Server(self._options.bucket, "bucket").remove(name):
            held.append(f"{self._options.bucket}/{name}")
        checked = self._look_again(clip, name, items)
        self._known.forget(clip)
        return Erased(clip, tuple(held), checked)

    def _rows(self, name: str) -> list[LabelRowV2]:
        project = self._place.project
        return project.list_label_rows_v2(data_title_eq=name, include_all_label_branches=True)

    def _delete(self, units: list[str], items: list[StorageItem]) -> None:
        for data in units:
            with suppress(ResourceNotFoundError):
                self._place.dataset.delete_data([data])
        for item in items:
            with suppress(ResourceNotFoundError):
                item.delete()

    def _look_again(self, clip: str, name: str, items: list[StorageItem]) -> tuple[str, ...]:
        """How it was seen that nothing is left.

        Raises:
            PlatformRefused: something is left.
        """
        left = [f"row {row.data_hash}" for row in self._line.ask("look", lambda: self._rows(name))]
        found = self._line.ask("look", lambda: self._upload.find(clip))
        left += [f"file {item.uuid}" for item in found]
        left += [f"file {item.uuid}" for item in items if self._opens(item.uuid)]
        if left:
            raise PlatformRefused(
                f"clip {clip}: Encord still has {', '.join(left)}; erase it again"
            )
        looked = (f"no row is called {name}", f"no file is called {name}")
        return (*looked, *(f"file {item.uuid} cannot be opened" for item in items))

    def _opens(self, uuid: UUID) -> bool:
        def step() -> bool:
            try:
                self._place.client.get_storage_item(uuid)
            except (ResourceNotFoundError, AuthorisationError):
                return False
            return True

        return self._line.ask("look for a file", step)

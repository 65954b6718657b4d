"""Clips to Encord: find or upload the file, compare what Encord sees of it, link it, pre-label.

Each step looks before it acts, so that one that was cut off is simply taken again. Our labels go to
a branch of ours; from there Encord itself copies them to `main`, and only where nothing is: a row
that a person has touched is never written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from encord.exceptions import AuthorisationError, InvalidArgumentsError, ResourceNotFoundError
from encord.http.utils import CloudUploadSettings
from encord.objects import LabelRowV2
from encord.orm.dataset import LongPollingStatus
from encord.orm.storage import CustomerProvidedVideoMetadata, DataUploadItems, DataUploadVideo
from encord.storage import StorageItem
from encord.workflow.stages.agent import AgentStage

from oneclick.core.clips import Clip
from oneclick.core.errors import BadInput, OneclickError, PlatformAway, PlatformRefused
from oneclick.core.labels import LabelSet
from oneclick.io import files
from oneclick.io.server import Server, Stamp
from oneclick.io.workspace import Workspace
from oneclick.platforms.base import Offer, Sent
from oneclick.platforms.encord import convert
from oneclick.platforms.encord.connect import Line, within
from oneclick.platforms.encord.place import Place
from oneclick.platforms.encord.records import Record, Records, code, title
from oneclick.platforms.options import EncordOptions

MAIN = "main"
CLIPS, BOXES = 20, 20_000
"""Most of each in one request: 20,000 boxes are about 8 MB."""
JOB_SECONDS = 120
FPS_WITHIN = 1e-3


@dataclass
class _Load:
    """One clip on its way."""

    clip: Clip
    labels: LabelSet
    title: str
    item: StorageItem | None = None
    data: str = ""

    @property
    def branch(self) -> str:
        return f"oneclick-r{self.labels.revision}"


class Intake:
    """Sends clips into one place."""

    def __init__(
        self, workspace: Workspace, place: Place, line: Line, options: EncordOptions, known: Records
    ) -> None:
        self._workspace, self._place, self._line = workspace, place, line
        self._options, self._known = options, known
        self._copies = True
        """Whether Encord copies branches to main; it says so once."""

    def send(self, offers: Iterable[Offer]) -> Iterator[Sent]:
        """As Platform.send."""
        for part in _parts(offers):
            loads = [_Load(clip, found, title(clip.id, self._options)) for clip, found in part]
            self._place.grow(*_vocabulary(loads))
            ready: list[_Load] = []
            for load in loads:
                trouble = self._brought(load)
                if trouble:
                    yield Sent(load.clip.id, trouble)
                else:
                    ready.append(load)
            yield from self._label(ready)

    # Files

    def _brought(self, load: _Load) -> OneclickError | None:
        """Have the file there and seen to be the same; why not, if it is a matter of this clip."""
        try:
            load.item = self._line.ask("upload a clip", lambda: self._item(load))
            self._handshake(load)
        except PlatformAway:
            raise
        except (BadInput, PlatformRefused) as error:
            self._welcome(error)
            return error
        return None

    def _item(self, load: _Load) -> StorageItem:
        found = self.find_items(load.clip.id)
        if found:
            return found[0]
        bring = self._register if self._options.upload == "bucket" else self._upload
        return within(self._line.patience.upload, lambda: bring(load))

    def find_items(self, clip_id: str) -> list[StorageItem]:
        """Files of a clip in the folder, oldest first."""
        found = self._place.folder.list_items(search=title(clip_id, self._options))
        mine = [one for one in found if (one.client_metadata or {}).get("clip") == code(clip_id)]
        return sorted(mine, key=lambda one: (one.created_at, str(one.uuid)))

    def _upload(self, load: _Load) -> StorageItem:
        uuid = self._place.folder.upload_video(
            self._file(load.clip),
            title=load.title,
            client_metadata=_metadata(load.clip),
            cloud_upload_settings=CloudUploadSettings(max_retries=0, backoff_factor=0),
        )
        return self._place.client.get_storage_item(uuid)

    def _register(self, load: _Load) -> StorageItem:
        path, name = self._file(load.clip), load.title
        bucket = Server(self._options.bucket, "bucket")
        stamp = Stamp(path.stat().st_size, load.clip.digest)
        if bucket.stamp(name) != stamp:
            bucket.put(path, name, stamp, link=False)
        address = (self._options.bucket_url or self._options.bucket).rstrip("/")
        video = DataUploadVideo(
            object_url=f"{address}/{name}",
            title=name,
            client_metadata=_metadata(load.clip),
            video_metadata=_sizes(load, stamp.size) if self._options.strict else None,
        )
        folder = self._place.folder
        job = folder.add_private_data_to_folder_start(
            self._place.integration, DataUploadItems(videos=[video], skip_duplicate_urls=True)
        )
        state = folder.add_private_data_to_folder_get_result(job, timeout_seconds=JOB_SECONDS)
        if state.status == LongPollingStatus.ERROR:
            raise PlatformRefused(f"Encord cannot read {address}/{name}: {'; '.join(state.errors)}")
        found = self.find_items(load.clip.id)
        if not found:
            raise TimeoutError(f"{name} is not registered after {JOB_SECONDS} s")
        return found[0]

    def _file(self, clip: Clip) -> Path:
        path = self._workspace.clip_file(clip.id)
        if not path.exists():
            raise BadInput(f"{path} is missing: restore it, then oneclick clips retry {clip.id}")
        if clip.digest and files.sha256(path) != clip.digest:
            raise BadInput(f"{path} was changed after it was cut: cut it again")
        return path

    def _handshake(self, load: _Load) -> None:
        """Compare what Encord sees of the file with what we cut; boxes would be misplaced."""
        item = self._decoded(load)
        if (item.client_metadata or {}).get("sha256") not in (None, load.clip.digest):
            raise PlatformRefused(
                f"Encord holds another file for clip {load.clip.id}: oneclick review erase it first"
            )
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

    def _decoded(self, load: _Load) -> StorageItem:
        """The item once Encord has counted its frames."""
        assert load.item is not None
        item, uuid = load.item, load.item.uuid
        for wait in self._line.patience.looks:
            if item.frame_count is not None:
                return item
            self._line.patience.sleep(wait)
            item = self._line.ask("see a clip", lambda: self._place.client.get_storage_item(uuid))
        if item.frame_count is None:
            raise PlatformRefused(
                f"clip {load.clip.id}: Encord has not decoded the file yet; the next run goes on"
            )
        return item

    # Labels

    def _label(self, loads: list[_Load]) -> Iterator[Sent]:
        """Link and pre-label together; where that is refused, in halves, to find the one."""
        if not loads:
            return
        try:
            self._line.ask("link clips", lambda: self._link(loads))
            self._line.ask("pre-label clips", lambda: self._prelabel(loads))
        except PlatformAway:
            raise
        except OneclickError as error:
            if len(loads) == 1:
                self._welcome(error)
                yield Sent(loads[0].clip.id, error)
                return
            half = len(loads) // 2
            yield from self._label(loads[:half])
            yield from self._label(loads[half:])
            return
        for load in loads:
            self._known.keep(self._record(load))
            yield Sent(load.clip.id)

    def _link(self, loads: list[_Load]) -> None:
        """Have a data unit for each item."""
        items = {load.item.uuid: load for load in loads if load.item}
        for unit in self._place.dataset.link_items(list(items)):
            if unit.backing_item_uuid in items:
                items[unit.backing_item_uuid].data = unit.uid
        for load in loads:
            if not load.data:
                load.data = self._unit(load)

    def _unit(self, load: _Load) -> str:
        """The data unit of an item that was linked before."""
        assert load.item is not None
        for row in self._place.project.list_label_rows_v2(data_title_eq=load.title):
            if row.backing_item_uuid in (load.item.uuid, None):
                return row.data_hash
        raise PlatformRefused(
            f"clip {load.clip.id}: Encord has made no task for it yet; the next run goes on"
        )

    def _prelabel(self, loads: list[_Load]) -> None:
        """Labels on our branch, then on main where nothing is."""
        rows = self._rows(loads, MAIN)
        fresh = [load for load in loads if rows[load.data].label_hash is None]
        for branch in sorted({load.branch for load in fresh}):
            part = [load for load in fresh if load.branch == branch]
            ours = self._rows(part, branch)
            self._begin(part, ours)
            self._save(part, ours)
            if self._copied(part, branch) < len(part):
                self._first_save(part)
        # A row that we made and could not fill before we were cut off.
        others = [load for load in loads if load not in fresh]
        self._first_save([load for load in others if self._known.find(load.clip.id) is None])
        self._let_go(loads)

    def _rows(self, loads: list[_Load], branch: str) -> dict[str, LabelRowV2]:
        """Rows of a branch by data unit."""
        rows = self._place.project.list_label_rows_v2(
            data_hashes=[load.data for load in loads], branch_name=branch
        )
        found = {row.data_hash: row for row in rows}
        for load in loads:
            if load.data not in found:
                raise PlatformRefused(
                    f"clip {load.clip.id}: Encord shows no row for it; the next run tries again"
                )
        return found

    def _begin(self, loads: list[_Load], rows: dict[str, LabelRowV2]) -> None:
        """Read rows, which makes those that are not there yet."""
        with self._place.project.create_bundle() as bundle:
            for load in loads:
                rows[load.data].initialise_labels(bundle=bundle)

    def _save(self, loads: list[_Load], rows: dict[str, LabelRowV2]) -> None:
        """Fill rows without labels and save them."""
        with self._place.project.create_bundle() as bundle:
            for load in loads:
                row = rows[load.data]
                if not row.get_object_instances():
                    convert.fill(row, load.labels, code(load.clip.id))
                    row.save(bundle=bundle)

    def _copied(self, loads: list[_Load], branch: str) -> int:
        """Have Encord copy a branch to main, where there is no row; for how many clips it did."""
        if not self._copies:
            return 0
        try:
            return self._place.project.copy_labels_to_branch(
                MAIN, source_branch=branch, data_hashes=[load.data for load in loads]
            )
        except (InvalidArgumentsError, AuthorisationError, ResourceNotFoundError):
            self._copies = False
            return 0

    def _first_save(self, loads: list[_Load]) -> None:
        """Where Encord did not copy to main: save there, if the row is empty and nobody is at it.

        Saving has no condition, so we look before we read and again before we save, whether
        anything changed. Between the last look and the save there is no protection.
        """
        if not loads:
            return
        there = self._rows(loads, MAIN)
        self._begin([load for load in loads if there[load.data].label_hash is None], there)
        rows = self._rows(loads, MAIN)
        # Before reading: labels carry their time in whole seconds only.
        looked = {data: row.last_edited_at for data, row in rows.items()}
        self._begin(loads, rows)
        empty = [load for load in loads if not rows[load.data].get_object_instances()]
        for load in empty:
            convert.fill(rows[load.data], load.labels, code(load.clip.id))
        now = self._rows(empty, MAIN) if empty else {}
        with self._place.project.create_bundle() as bundle:
            for load in empty:
                row = now[load.data]
                if row.assigned_user_email is None and row.last_edited_at == looked[load.data]:
                    rows[load.data].save(bundle=bundle)

    def _let_go(self, loads: list[_Load]) -> None:
        """Send clips on from the stage where they wait for their labels."""
        if not self._options.hold:
            return
        stage = self._place.project.workflow.get_stage(name=self._options.hold, type_=AgentStage)
        pathway = stage.pathways[0].uuid
        with self._place.project.create_bundle() as bundle:
            for task in stage.get_tasks(data_hash=[load.data for load in loads]):
                task.proceed(pathway_uuid=pathway, bundle=bundle)

    def _record(self, load: _Load) -> Record:
        assert load.item is not None
        return Record(
            load.clip.id,
            load.title,
            str(load.item.uuid),
            load.data,
            load.branch,
            load.labels.revision,
            datetime.now(UTC),
        )

    def _welcome(self, error: OneclickError) -> None:
        """A refusal may mean that nothing is allowed any more."""
        if isinstance(error, PlatformRefused):
            self._place.welcome()


def _parts(offers: Iterable[Offer]) -> Iterator[list[Offer]]:
    """Offers in parts that one request can carry."""
    part: list[Offer] = []
    boxes = 0
    for clip, labels in offers:
        if part and (len(part) == CLIPS or boxes + labels.boxes() > BOXES):
            yield part
            part, boxes = [], 0
        part.append((clip, labels))
        boxes += labels.boxes()
    if part:
        yield part


def _vocabulary(loads: Sequence[_Load]) -> tuple[list[str], dict[str, list[str]]]:
    """Classes, and attributes with their values, in the labels."""
    classes = sorted({name for load in loads for name in load.labels.classes})
    attributes: dict[str, set[str]] = {}
    for load in loads:
        for track in load.labels.tracks:
            for name, ranges in track.attributes.items():
                attributes.setdefault(name, set()).update(value for _, _, value in ranges)
    return classes, {name: sorted(values) for name, values in sorted(attributes.items())}


def _metadata(clip: Clip) -> dict[str, str]:
    """What Encord keeps beside the file: nothing about camera, place or time."""
    return {"clip": code(clip.id), "sha256": clip.digest, "made_by": "oneclick"}


def _sizes(load: _Load, size: int) -> CustomerProvidedVideoMetadata:
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

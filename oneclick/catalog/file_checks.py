"""Checks of every file of a workspace: that it can be read, and that the catalog tells the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from oneclick.catalog import rows, schema
from oneclick.catalog.catalog import Catalog
from oneclick.catalog.filler import MARKED_FILES, clip_folders
from oneclick.catalog.rows import ClipRecord, LabelRevisionRecord
from oneclick.core import progress
from oneclick.core.clips import ChosenBy, ClipStage, Video
from oneclick.core.errors import OneclickError
from oneclick.storage import (
    cards,
    datasets,
    exclusions,
    files,
    incidents,
    inventories,
    jpeg,
    labels,
    model_cards,
    model_registry,
    predictions,
    receipts,
    sealed_archives,
    sealed_files,
)
from oneclick.storage.inventories import Inventory

T = TypeVar("T")
_WITHOUT_FRAMES = (ClipStage.CUT, ClipStage.QUARANTINED)
_WITHOUT_LABELS = (*_WITHOUT_FRAMES, ClipStage.EXTRACTED)


class FileCheck:
    """Reads files of one kind, and collects a sentence about each that is wrong."""

    def __init__(self, catalog: Catalog, deep: bool) -> None:
        self.catalog, self.workspace, self.deep = catalog, catalog.workspace, deep
        self.problems: list[str] = []

    def add(self, name: str, problem: str) -> None:
        """Add a sentence about the thing `name`."""
        self.problems.append(f"{name}: {problem}")

    def read(self, name: str, read: Callable[..., T], *arguments: Any) -> T | None:
        """Return what `read` returns; None, with a sentence, where the file is broken."""
        try:
            return read(*arguments)
        except OneclickError as error:
            self.add(name, str(error))
            return None

    def compare(self, name: str, path: Path, content: object, row: object) -> None:
        """Compare what a file and what the catalog tell."""
        if content != row:
            self.add(name, f"{path} tells something else than the catalog")

    def compare_digest(self, name: str, path: Path, digest: str) -> None:
        """Compare the sha256 of a file that exists with the one on record."""
        if files.sha256(path) != digest:
            self.add(name, f"{path} was changed, its sha256 is not the one on record")

    def missing_files(self, name: str, inventory: Inventory) -> list[Path]:
        """Return the files that a list of files names and that are not there."""
        return self.read(name, inventories.missing_files, self.workspace, inventory) or []

    def paths(self, pattern: str) -> list[Path]:
        """Return the files of the workspace that match, sorted, without temporaries."""
        found_paths = self.workspace.home.glob(pattern)
        return sorted(path for path in found_paths if not path.name.startswith("."))


class VideoCheck(FileCheck):
    """Video cards, hits, predictions, signals, and (deep) recordings."""

    def run(self) -> list[str]:
        """Return a sentence for each problem."""
        videos = {video.id: video for video in self.catalog.videos()}
        for video in videos.values():
            self._check_video(video)
        self._check_needed(videos)
        for path in self.paths("videos/*/*.json"):
            if path.stem not in videos:
                self.problems.append(f"video {path.stem} lies on disk, but not in the catalog")
        self._check_hits()
        for step, folder in MARKED_FILES.items():
            for video_id, key in self.catalog.marks(step):
                path = self.workspace.home / folder / video_id / f"{key}.parquet"
                if not path.exists():
                    self.add(f"video {video_id}", f"{path} is missing: run again, or restore it")
        for path in self.missing_files("novelty", Inventory.NOVELTY_MODELS):
            self.add("novelty", f"{path} is missing: restore it, or train it again")
        if self.deep:
            for path in Inventory.NOVELTY_MODELS.files(self.workspace):
                self.read("novelty", sealed_archives.read, path)
            for path in self.paths("predictions/*/*.parquet"):
                self.read(f"video {path.parent.name}", predictions.load, path)
            for path in self.paths("signals/*/*.parquet"):
                self.read(f"video {path.parent.name}", predictions.load_signal, path)
        return self.problems

    def _check_video(self, video: Video) -> None:
        name, path = f"video {video.id}", self.workspace.video_card(video.camera, video.id)
        if not path.exists():
            self.add(name, f"{path} is missing")
        elif card := self.read(name, cards.load_video_card, path):
            self.compare(name, path, card, video)
        recording = self.workspace.video_file(video)  # deleted after its retention time
        if self.deep and recording.exists():
            self.compare_digest(name, recording, video.digest)

    def _check_needed(self, videos: Mapping[str, Video]) -> None:
        """Check that recordings are there which clips are still cut from, or incidents keep."""
        reasons = {
            part.video: f"incident {incident.id} keeps it"
            for incident in incidents.load(self.workspace)
            if incident.released_at is None
            for part in incident.parts
        }
        for clip in self.catalog.selections(uncut_only=True):
            reasons[clip.video] = f"clip {clip.id} is to be cut from it"
        for video_id in sorted(reasons.keys() & videos.keys()):
            path = self.workspace.video_file(videos[video_id])
            if not path.exists():
                self.add(f"video {video_id}", f"{path} is missing, and {reasons[video_id]}")

    def _check_hits(self) -> None:
        """Compare the newest hits and the selections of every video that triggers have scanned."""
        table, hits = schema.selections, defaultdict(list)
        with self.catalog.reading() as connection:
            query = sa.select(table).order_by(table.c.seq)
            selections = {row.id: rows.clip_from_row(row) for row in connection.execute(query)}
        for video_id, hit in self.catalog.hits():
            hits[video_id].append(hit)
        scanned = {video_id for video_id, _ in self.catalog.marks(cards.SCAN_STEP)}
        videos = {path.stem for path in self.paths("hits/*.json")} | hits.keys() | scanned
        for video_id in sorted(videos):
            name, path = f"video {video_id}", self.workspace.hits(video_id)
            if not path.exists():
                self.add(name, f"{path} is missing")
            elif card := self.read(name, cards.load_hits, path):
                self.compare(name, path, list(card.hits), hits[video_id])
                for clip in card.selections:
                    if selections.get(clip.id) != clip:
                        self.add(name, f"{path}: the catalog knows selection {clip.id} otherwise")
        for path in self.paths("selections/*.json"):
            if picked := self.read(f"selection {path.stem}", cards.load_clip_card, path):
                self.compare(
                    f"selection {path.stem}", path, picked, selections.pop(path.stem, None)
                )
        for clip in selections.values():
            if (
                clip.chosen_by is ChosenBy.VIEWER
                and not (path := self.workspace.picked_selection(clip.id)).exists()
            ):
                self.add(f"selection {clip.id}", f"{path} is missing")


class ClipCheck(FileCheck):
    """Cards, videos, frames and label revisions of clips."""

    def run(self) -> list[str]:
        """Return a sentence for each problem."""
        clips = self.catalog.clips()
        self.erased = receipts.erased_clips(self.workspace)
        self.gone = receipts.clips_erased_everywhere(self.workspace)
        revisions: defaultdict[str, list[LabelRevisionRecord]] = defaultdict(list)
        for revision in self.catalog.revision_rows():
            revisions[revision.clip].append(revision)
        for row in progress.track("verify", clips, len(clips)):
            self._check_clip(row)
            if row.clip.id not in self.gone:
                self._check_labels(row, revisions[row.clip.id])
        if self.deep:
            for path in self.paths("clips/*/*/predictions/*.parquet"):
                self.read(f"clip {path.parent.parent.name}", predictions.load, path)
        clip_ids = {row.clip.id for row in clips}
        for clip_id, folder in clip_folders(self.workspace):
            if clip_id in clip_ids:
                continue
            if (folder / "clip.json").exists():
                self.problems.append(f"clip {clip_id} lies on disk, but not in the catalog")
        return self.problems

    def _check_clip(self, row: ClipRecord) -> None:
        """Check the files that the stage of a clip requires."""
        clip, workspace, name = row.clip, self.workspace, f"clip {row.clip.id}"
        if row.stage is ClipStage.QUARANTINED:
            path = workspace.quarantine_card(clip.id)
            if not path.exists():
                self.add(name, f"{path} is missing")
            elif card := self.read(name, cards.load_quarantine, path):
                self.compare(name, path, card.reason, row.error)
            if row.failed_from is None:
                return  # it was never cut
        video, path = workspace.clip_file(clip.id), workspace.clip_card(clip.id)
        if not path.exists():
            self.add(name, f"{path} is missing")
        elif clip_card := self.read(name, cards.load_clip_card, path):
            self.compare(name, path, clip_card, clip)
        if clip.id in self.gone:
            return  # nothing but the card is left
        if not video.exists():
            self.add(name, f"{video} is missing")
        elif self.deep:
            self.compare_digest(name, video, clip.digest)
        if row.stage is ClipStage.REJECTED and clip.id in self.erased:
            return  # from wherever it stood
        if row.stage not in _WITHOUT_LABELS and not row.revision:
            self.add(name, f"stands at {row.stage} without labels")
        if row.stage not in _WITHOUT_FRAMES:
            self._check_frames(row)

    def _check_frames(self, row: ClipRecord) -> None:
        folder = self.workspace.frames_dir(row.clip.id)
        if not self.workspace.frame_file(row.clip.id, 0).exists():
            self.add(f"clip {row.clip.id}", f"{folder} is missing or empty")
        elif self.deep:
            for number in range(len(row.clip.span)):
                path = self.workspace.frame_file(row.clip.id, number)
                size = (row.clip.height, row.clip.width)
                self.read(f"clip {row.clip.id}", jpeg.check, path, size)

    def _check_labels(self, row: ClipRecord, revisions: Iterable[LabelRevisionRecord]) -> None:
        """Compare the label revisions of a clip with its label files."""
        name, workspace = f"clip {row.clip.id}", self.workspace
        paths = {labels.revision(path): path for path in labels.revisions(workspace, row.clip.id)}
        for revision in revisions:
            path = paths.pop(revision.revision, None)
            if path is None:
                self.add(name, f"the file of label revision {revision.revision} is missing")
            elif label_set := self.read(name, labels.load, path):
                digest = files.sha256(path) if self.deep else revision.digest
                self.compare(name, path, rows.revision_record(label_set, digest), revision)
        for number in paths:
            self.add(name, f"label revision {number} lies on disk, but not in the catalog")


class ResultCheck(FileCheck):
    """Dataset versions, models, and which model is in service."""

    def run(self) -> list[str]:
        """Return a sentence for each problem."""
        for row in self.catalog.datasets():
            self._check_dataset(row)
        for model in self.catalog.models():
            self._check_model(model)
        name = "model in service"
        lost_registries = self.missing_files(name, Inventory.REGISTRIES)
        for path in [*Inventory.REGISTRIES.files(self.workspace), *lost_registries]:
            labeller = model_registry.labeller_of(path)
            registry = self.read(name, model_registry.read, self.workspace, labeller)
            if registry and not self.workspace.model_dir(registry.model).is_dir():
                self.add(name, f"{path} names {registry.model}, which is not there")
        self.missing_files("exclusions", Inventory.EXCLUSIONS)  # the lost ones are read below
        for clip_id in sorted(exclusions.excluded_clips(self.workspace)):
            self.read(f"clip {clip_id}", exclusions.load, self.workspace, clip_id)
        for path in self.paths("learned/*.json"):
            self.read("what reviews taught", sealed_files.read, path)
        workspace = self.workspace
        for path in (workspace.cameras_file, workspace.retention_file, workspace.users_file):
            if path.exists():
                self.read(path.stem, sealed_files.read, path)
        return self.problems

    def _check_dataset(self, row: rows.DatasetRecord) -> None:
        folder, name = self.workspace.dataset_dir(row.name), f"dataset version {row.name}"
        if not (folder / datasets.VERSION).exists():
            return  # named as missing
        version = self.read(name, datasets.load, folder)
        if version is None:
            return
        told = rows.DatasetRecord(
            name=version.name,
            digest=version.digest,
            parent=version.parent,
            clips=len(version.clips),
            images=version.images(),
            made_at=datasets.publication_time(folder),
        )
        self.compare(name, folder / datasets.VERSION, told, row)
        clips = {(clip.clip, clip.revision, clip.split) for clip in version.clips}
        self.compare(name, folder / datasets.MANIFEST, clips, self.catalog.clips_of(row.name))
        for file, content in datasets.read_documents(folder).items():
            path = folder / file
            if path.exists() and path.read_bytes() != content:
                self.add(name, f"{path} is not what the manifest tells; delete it")

    def _check_model(self, model: rows.ModelRecord) -> None:
        row_card, name = model.card, f"model {model.id}"
        path = self.workspace.model_dir(model.id) / model_cards.CARD_FILE
        if not path.exists():
            return  # named as missing
        card: Any = self.read(name, sealed_files.read, path)
        if card is not None:
            told = msgspec.to_builtins(row_card)
            self.compare(name, path, card, told)
        weights = path.with_name(model_cards.WEIGHTS_FILE)
        if not weights.exists():
            self.add(name, f"{weights} is missing")
        elif self.deep and isinstance(digest := row_card.get("weights"), str):
            self.compare_digest(name, weights, digest)

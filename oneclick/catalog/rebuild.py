"""The catalog made again from the files of the workspace alone.

No file holds the earlier events of clips, flow runs and leases: these begin anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from oneclick.catalog import engine as engines
from oneclick.catalog import migrate, schema
from oneclick.catalog.catalog import Catalog
from oneclick.catalog.rows import VerdictRecord
from oneclick.catalog.store import utc_now
from oneclick.core import progress
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.errors import OneclickError, Unavailable
from oneclick.storage import cards, datasets, files, labels
from oneclick.storage.workspace import Workspace

T = TypeVar("T")
BY = "rebuild"


class ArchivedVerdict(msgspec.Struct, kw_only=True):
    """The part of an archived verdict file that the catalog keeps."""

    clip: str
    decision: str
    by: str
    at: datetime
    seconds: float = 0.0
    edits: int = 0
    reason: str = ""


def rebuild(home: Path) -> list[str]:
    """Replace the catalog of a workspace by one made from its files.

    Returns:
        One sentence for each broken file that was left out.

    Raises:
        Unavailable: a process holds leases on clips.
    """
    workspace = Workspace(Path(home))
    try:
        with Catalog.open(workspace.home, readonly=True) as catalog:
            holders = catalog.holders()
    except OneclickError:
        holders = {}  # no catalog, or an unreadable one: nothing to protect
    if holders:
        owner, clips = next(iter(holders.items()))
        raise Unavailable(f"{owner} works on {clips} clips now: let it end, then rebuild")
    with _replaced_catalog(workspace) as catalog, catalog.transaction():
        return CatalogFiller(catalog).fill()


@contextmanager
def _replaced_catalog(workspace: Workspace) -> Iterator[Catalog]:
    """Open an empty catalog that replaces the old one when the block ends without an error."""
    url = Catalog.url(workspace)
    if url.get_backend_name() != "sqlite":
        with Catalog.open(workspace.home) as catalog, catalog.transaction() as connection:
            for table in reversed(schema.metadata.sorted_tables):
                connection.execute(table.delete())
            yield catalog
        return
    target = Path(url.database or "")
    with files.atomic_file(target) as temporary:
        engine = engines.connect(engines.default_url(temporary), scratch=True)
        with Catalog(workspace, engine, utc_now) as catalog:
            migrate.ensure(engine)
            yield catalog
        # SQLite would apply a remaining log of the old file to the new one.
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)


class CatalogFiller:
    """Adds the files of a workspace to its empty catalog, leaving out broken ones."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.workspace = catalog.workspace
        self.problems: list[str] = []
        self.verdicts: dict[str, ArchivedVerdict] = {}
        self.published: set[str] = set()

    def fill(self) -> list[str]:
        """Add everything, in the order of the references; return what was left out."""
        self.add_videos()
        self.add_hits()
        for path in self._files("review/archive/*.json"):
            if verdict := self._attempt(files.read_json, path, ArchivedVerdict):
                self.verdicts[verdict.clip] = verdict
        self.add_datasets()
        clips = self.load_clips()
        for clip, at in progress.track("rebuild", clips, len(clips)):
            self._attempt(self.add_clip, clip, at)
        for clip in self.catalog.selections():
            self.restore_quarantine(clip.id)
        self.add_models()
        return self.problems

    def _attempt(self, function: Callable[..., T], *arguments: Any) -> T | None:
        """Call the function, or note its error and return None."""
        try:
            return function(*arguments)
        except Unavailable:
            raise
        except OneclickError as error:
            self.problems.append(f"left out: {error}")
            return None

    def _files(self, pattern: str) -> list[Path]:
        # Temporary files of running processes begin with a dot.
        paths = self.workspace.home.glob(pattern)
        return sorted(path for path in paths if not path.name.startswith("."))

    def add_videos(self) -> None:
        """Add all videos, and the marks of those that have predictions."""
        for path in self._files("videos/*/*.json"):
            if video := self._attempt(cards.load_video_card, path):
                self._attempt(self.catalog.add_video, video)
                for predictions in self._files(f"predictions/{video.id}/*.parquet"):
                    self.catalog.mark(video.id, "predict", predictions.stem)

    def add_hits(self) -> None:
        """Add the hits and selections of all videos."""
        for path in self._files("hits/*.json"):
            if hits := self._attempt(cards.load_hits, path):
                self._attempt(self.add_video_hits, hits)

    def add_video_hits(self, hits: cards.HitsCard) -> None:
        """Add the hits and selections of one video.

        Raises:
            UnknownName: the video is not in the catalog.
        """
        marks = [(hits.video, cards.SCAN_STEP, key) for key in hits.looks]
        self.catalog.replace_hits(hits.video, hits.hits, hits.key)
        self.catalog.add_selections(hits.selections, marks)

    def add_datasets(self) -> None:
        """Add all dataset versions, and note which clips are published."""
        for name in datasets.names(self.workspace):
            folder = self.workspace.dataset_dir(name)
            if version := self._attempt(datasets.load, folder):
                self.catalog.add_dataset(version, datasets.publication_time(folder))
                self.published.update(clip.clip for clip in version.clips)

    def load_clips(self) -> list[tuple[Clip, datetime]]:
        """Return all clips with the times at which their cards were written, oldest first."""
        clips = []
        for path in self._files("clips/*/*/clip.json"):
            if clip := self._attempt(cards.load_clip_card, path):
                clips.append((clip, datetime.fromtimestamp(path.stat().st_mtime, UTC)))
        return sorted(clips, key=lambda pair: (pair[1], pair[0].id))

    def add_clip(self, clip: Clip, at: datetime) -> None:
        """Add a clip at the stage that its files show, with its labels and its verdict.

        Raises:
            UnknownName: its video is not in the catalog.
        """
        self.catalog.video(clip.video)
        verdict = self.verdicts.get(clip.id)
        decision = verdict.decision if verdict else ""
        stage = stage_on_disk(self.workspace, clip.id, decision, clip.id in self.published)
        self.catalog.insert_clip(clip, stage, BY, at)
        for path in labels.revisions(self.workspace, clip.id):
            if label_set := self._attempt(labels.load, path):
                self.catalog.add_revision(label_set, files.sha256(path))
        if verdict:
            columns = msgspec.structs.asdict(verdict) | {"images": len(clip.span)}
            self.catalog.insert_verdict(VerdictRecord(**columns))
        self.restore_quarantine(clip.id)

    def restore_quarantine(self, clip_id: str) -> None:
        """Move a clip or selection to QUARANTINED if it has a quarantine card."""
        path = self.workspace.quarantine_card(clip_id)
        if path.exists() and (card := self._attempt(cards.load_quarantine, path)):
            self._attempt(self.catalog.quarantine, clip_id, card.reason, BY)

    def add_models(self) -> None:
        """Add all trained models."""
        for path in self._files("models/*/card.json"):
            card = self._attempt(files.read_json, path, dict[str, Any])
            if card is not None:
                dataset = card.get("dataset")
                name = dataset.get("name") if isinstance(dataset, dict) else dataset
                self.catalog.add_model(path.parent.name, name, card)


def stage_on_disk(workspace: Workspace, clip_id: str, decision: str, published: bool) -> ClipStage:
    """Return the furthest stage that the files of a clip show, apart from QUARANTINED."""
    kinds = {path.stem.partition("-")[2] for path in labels.revisions(workspace, clip_id)}
    if published:
        return ClipStage.PUBLISHED
    if decision == "reject":
        return ClipStage.REJECTED
    if decision == "accept":
        return ClipStage.ACCEPTED
    # Before the labels: a process killed while it stores a verdict leaves task and human labels.
    if (workspace.review_dir() / "tasks" / f"{clip_id}.json").exists():
        return ClipStage.IN_REVIEW
    if "human" in kinds:
        return ClipStage.ACCEPTED
    if kinds:
        return ClipStage.LABELLED
    return ClipStage.EXTRACTED if workspace.frames_dir(clip_id).is_dir() else ClipStage.CUT

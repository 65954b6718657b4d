"""The catalog made again from the files alone.

What no file holds begins anew: the moves before this one, flow runs, and leases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from oneclick.catalog import engine as engines
from oneclick.catalog import migrate, schema
from oneclick.catalog.rows import VerdictRow
from oneclick.catalog.store import utc_now
from oneclick.core import progress
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.errors import OneclickError, Unavailable
from oneclick.storage import cards, datasets, files, labels
from oneclick.storage.workspace import Workspace

if TYPE_CHECKING:
    from oneclick.catalog.catalog import Catalog

T = TypeVar("T")
BY = "rebuild"


class _Archived(msgspec.Struct):
    """The part of a Verdict file that the catalog keeps."""

    clip: str
    decision: str
    by: str
    at: datetime
    seconds: float = 0.0
    edits: int = 0
    reason: str = ""


def rebuild(kind: type[Catalog], workspace: Workspace) -> list[str]:
    """Fill a new catalog and put it in the place of the old; sentences on what was left out.

    Raises:
        Unavailable: somebody works on clips now.
    """
    _refuse_if_in_use(kind, workspace)
    with _fresh(kind, workspace) as catalog, catalog.transaction():
        return Filler(catalog).fill()


def _refuse_if_in_use(kind: type[Catalog], workspace: Workspace) -> None:
    try:
        with kind.open(workspace.home, readonly=True) as catalog:
            holders = catalog.holders()
    except OneclickError:
        return  # nothing there, or beyond reading: all the more reason
    if holders:
        owner, clips = next(iter(holders.items()))
        raise Unavailable(f"{owner} works on {clips} clips now: let it end, then rebuild")


@contextmanager
def _fresh(kind: type[Catalog], workspace: Workspace) -> Iterator[Catalog]:
    """An empty catalog that takes the old one's place if all goes well."""
    url = kind.url(workspace)
    if url.get_backend_name() != "sqlite":
        with kind.open(workspace.home) as catalog, catalog.transaction() as connection:
            for table in reversed(schema.metadata.sorted_tables):
                connection.execute(table.delete())
            yield catalog
        return
    target = Path(url.database or "")
    with files.atomic_file(target) as temporary:
        engine = engines.connect(engines.default_url(temporary), scratch=True)
        with kind(workspace, engine, utc_now) as catalog:
            migrate.ensure(engine)
            yield catalog
        # A log left of the old file would be played into the new one.
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)


class Filler:
    """Reads the workspace into an empty catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.workspace = catalog.workspace
        self.problems: list[str] = []
        self.decisions: dict[str, _Archived] = {}
        self.published: set[str] = set()

    def fill(self) -> list[str]:
        """Everything, in the order in which one thing needs the other."""
        self._videos()
        self._hits()
        self._decisions()
        self._datasets()
        found = self._clip_cards()
        for clip, at in progress.track("rebuild", found, len(found)):
            self._try(self._clip, clip, at)
        self._uncut()
        self._models()
        return self.problems

    def _try(self, act: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return act(*arguments)
        except Unavailable:
            raise
        except OneclickError as error:
            self.problems.append(f"left out: {error}")
            return None

    def _glob(self, pattern: str) -> list[Path]:
        # Temporaries of running processes begin with a dot.
        found = self.workspace.home.glob(pattern)
        return sorted(path for path in found if not path.name.startswith("."))

    def _videos(self) -> None:
        for path in self._glob("videos/*/*.json"):
            if video := self._try(cards.load_video_card, path):
                self._try(self.catalog.add_video, video)
                for predicted in self._glob(f"predictions/{video.id}/*.parquet"):
                    self.catalog.mark(video.id, "predict", predicted.stem)

    def _hits(self) -> None:
        for path in self._glob("hits/*.json"):
            if found := self._try(cards.load_hits, path):
                self._try(self._found, found)

    def _found(self, found: cards.Found) -> None:
        marks = [(found.video, cards.LOOKED, key) for key in found.looks]
        self.catalog.put_hits(found.video, found.hits, found.key)
        self.catalog.put_selection(found.selections, marks)

    def _decisions(self) -> None:
        for path in self._glob("review/archive/*.json"):
            if verdict := self._try(files.read_json, path, _Archived):
                self.decisions[verdict.clip] = verdict

    def _datasets(self) -> None:
        for name in datasets.names(self.workspace):
            folder = self.workspace.dataset_dir(name)
            if version := self._try(datasets.load, folder):
                self.catalog.add_dataset(version, datasets.made_at(folder))
                self.published.update(clip.clip for clip in version.clips)

    def _clip_cards(self) -> list[tuple[Clip, datetime]]:
        """Clips in the order in which their cards were written."""
        found = []
        for path in self._glob("clips/*/*/clip.json"):
            if clip := self._try(cards.load_clip_card, path):
                at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                found.append((clip, at))
        return sorted(found, key=lambda item: (item[1], item[0].id))

    def _clip(self, clip: Clip, at: datetime) -> None:
        self.catalog.video(clip.video)
        self.catalog.put_clip(clip, self._stage(clip.id), BY, at)
        for path in labels.revisions(self.workspace, clip.id):
            if found := self._try(labels.load, path):
                self.catalog.add_revision(found, files.sha256(path))
        if said := self.decisions.get(clip.id):
            self.catalog.put_verdict(_verdict(said, len(clip.span)))
        self._quarantine(clip.id)

    def _stage(self, clip_id: str) -> ClipStage:
        """Where the files say that a clip stands."""
        return stage_on_disk(
            self.workspace,
            clip_id,
            self.decisions[clip_id].decision if clip_id in self.decisions else "",
            clip_id in self.published,
        )

    def _quarantine(self, clip_id: str) -> None:
        path = self.workspace.quarantine_card(clip_id)
        if path.exists() and (card := self._try(cards.load_quarantine, path)):
            self._try(self.catalog.quarantine, clip_id, card.reason, BY)

    def _uncut(self) -> None:
        for clip in self.catalog.selections():
            self._quarantine(clip.id)

    def _models(self) -> None:
        for path in self._glob("models/*/card.json"):
            card = self._try(files.read_json, path, dict[str, Any])
            if card is not None:
                self.catalog.add_model(path.parent.name, _dataset(card), card)


def stage_on_disk(workspace: Workspace, clip_id: str, decision: str, published: bool) -> ClipStage:
    """The furthest stage whose files are there; quarantine comes on top."""
    kinds = {path.stem.partition("-")[2] for path in labels.revisions(workspace, clip_id)}
    if published:
        return ClipStage.PUBLISHED
    if decision == "reject":
        return ClipStage.REJECTED
    if decision == "accept":
        return ClipStage.ACCEPTED
    # Before the labels: whoever is killed while taking in a verdict leaves task and human labels.
    if (workspace.review_dir() / "tasks" / f"{clip_id}.json").exists():
        return ClipStage.IN_REVIEW
    if "human" in kinds:
        return ClipStage.ACCEPTED
    if kinds:
        return ClipStage.LABELLED
    return ClipStage.EXTRACTED if workspace.frames_dir(clip_id).is_dir() else ClipStage.CUT


def _verdict(said: _Archived, images: int) -> VerdictRow:
    return VerdictRow(
        said.clip, said.decision, said.by, said.at, said.seconds, said.edits, images, said.reason
    )


def _dataset(card: dict[str, Any]) -> str | None:
    named = card.get("dataset")
    return named.get("name") if isinstance(named, dict) else named

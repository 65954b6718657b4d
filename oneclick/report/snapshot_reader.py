"""The reader of Snapshots: one view of the catalog, and nothing at all where nothing changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TypeVar

from oneclick.catalog import Catalog, counters, utc_now
from oneclick.catalog.store import Clock
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, OneclickError
from oneclick.report import action_items, buckets, hitmap, numbers, people, scores
from oneclick.report.snapshot import Goals, Need, RunNow, Serving, Snapshot, StageNow, Zoom
from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace
from oneclick.training import model

T = TypeVar("T")
R = TypeVar("R")
RUNS = 60
"""Flow runs that are looked at."""
ENDED = (ClipStage.PUBLISHED, ClipStage.REJECTED)
"""Where clips wait for nothing."""


class Reader:
    """Reads Snapshots of one workspace; keeps its catalog open between two of them.

    Raises, as `read` does:
        Unavailable: the catalog is locked, gone, or of an older version. BadInput: it is broken.
    """

    def __init__(
        self,
        home: Path,
        goals: Goals | None = None,
        clock: Clock = utc_now,
        zone: tzinfo | None = None,
    ) -> None:
        self.home = home
        self._goals = goals or Goals()
        self._clock = clock
        self._zone = zone
        self._catalog: Catalog | None = None
        self._file: object = None
        self._last: object = None
        self._models = _Models(home)
        self._lock = threading.Lock()
        """Two threads may ask at once, for the present and for the past."""

    def read(self, zoom: Zoom = Zoom.DAY, at: datetime | None = None) -> Snapshot | None:
        """The present, or an earlier moment; None if it would be the same as the last one read."""
        with self._lock:
            try:
                catalog, key = self._key(zoom, at)
                if key == self._last:
                    return None
                with catalog.reading():
                    found = self._snapshot(catalog, zoom, at or self._clock(), at is not None)
            except Exception:
                self.close()
                raise
            self._last = key
            return found

    def changed(self, zoom: Zoom = Zoom.DAY, at: datetime | None = None) -> bool:
        """Whether `read` would give anything, or say what is wrong; costs next to nothing."""
        with self._lock:
            try:
                return self._key(zoom, at)[1] != self._last
            except OneclickError:
                return True

    def _key(self, zoom: Zoom, at: datetime | None) -> tuple[Catalog, object]:
        """What a Snapshot depends on."""
        catalog, moment = self._open(), at or self._clock()
        version = (catalog.version(), self._models.version())
        return catalog, (version, zoom, at, buckets.minute(moment))

    def close(self) -> None:
        """Let go of the catalog."""
        if self._catalog is not None:
            self._catalog.close()
        self._catalog = self._last = None

    def _open(self) -> Catalog:
        """The catalog, opened anew if another file has taken its place."""
        file = _inode(Workspace(self.home).catalog_file)
        if self._catalog is None or file != self._file:
            self.close()
            self._catalog = Catalog.open(self.home, clock=self._clock, readonly=True)
            self._file = file
        return self._catalog

    def _snapshot(self, catalog: Catalog, zoom: Zoom, at: datetime, past: bool) -> Snapshot:
        then = buckets.minute(at) if past else None
        stages = tuple(_stages(catalog, zoom, at, then))
        serving = _serving(catalog, self._models, at)
        runs = tuple(_runs(catalog, at, past))
        kept = numbers.kept_of(catalog, then)
        return Snapshot(
            at,
            past,
            self.home,
            zoom,
            kept.videos,
            stages,
            hitmap.heat(catalog, zoom, at),
            kept,
            self._goals,
            people.reviewing(catalog, at, self._goals.images, self._zone),
            serving,
            runs,
            (
                *action_items.needs(catalog, stages, serving, runs, kept.videos),
                *(
                    Need("broken", why, "train", ("models", "list"))
                    for why in self._models.problems
                ),
                *action_items.platform(self.home),
                *action_items.space(self.home),
            ),
        )


def read(
    home: Path,
    zoom: Zoom = Zoom.DAY,
    at: datetime | None = None,
    goals: Goals | None = None,
    clock: Clock = utc_now,
    zone: tzinfo | None = None,
) -> Snapshot:
    """One Snapshot. Raises as `Reader`."""
    reader = Reader(home, goals, clock, zone)
    try:
        found = reader.read(zoom, at)
        assert found is not None
        return found
    finally:
        reader.close()


class _Models:
    """Cards and terms of service, read again only where a file was written."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._seen: object = None
        self.cards: list[model.Card] = []
        self.terms: tuple[model_registry.Term, ...] = ()
        self.problems: list[str] = []
        """Files that cannot be read."""

    def version(self) -> object:
        """Another value after a training or a promotion."""
        workspace = Workspace(self._home)
        folder = workspace.champion_file.parent
        seen = (_written(folder), _written(workspace.champion_file))
        if seen != self._seen:
            self.problems = []
            found = [self._try(model.read_card, path) for path in scores.folders(self._home)]
            self.cards = sorted((c for c in found if c), key=lambda card: (card.made_at, card.id))
            serving = self._try(model_registry.read, workspace)
            self.terms = serving.history if serving else ()
            self._seen = seen
        return seen

    def _try(self, read: Callable[[T], R | None], what: T) -> R | None:
        try:
            return read(what)
        except BadInput as error:
            self.problems.append(str(error))
            return None


def _stages(
    catalog: Catalog, zoom: Zoom, at: datetime, then: datetime | None
) -> Iterator[StageNow]:
    """The funnel; how long clips have waited is known of the present only."""
    clips = catalog.counts(then)
    since = buckets.minute(at) - zoom.length
    moved = catalog.grown(counters.MOVED, since=since, until=then)
    oldest = catalog.oldest() if then is None else {}
    for stage in ClipStage:
        first = oldest.get(stage) if stage not in ENDED else None
        yield StageNow(stage.value, clips[stage], int(moved.get(("", stage.value), 0)), first)


def _serving(catalog: Catalog, models: _Models, at: datetime) -> Serving:
    cards = {card.id: card for card in models.cards if card.made_at <= at}
    terms = [term for term in models.terms if term.since <= at]
    judged = [card for card in cards.values() if card.decision]
    newest = judged[-1] if judged else None
    told = (newest.decision or {}) if newest else {}
    versions = [version for version in catalog.datasets() if version.made_at <= at]
    return Serving(
        terms[-1].model if terms else None,
        tuple(
            (term.since, term.model, cards[term.model].metrics["map"])
            for term in terms
            if term.model in cards
        ),
        newest.id if newest else None,
        told.get("verdict", ""),
        tuple(told.get("reasons", ())),
        versions[-1].name if versions else None,
        versions[-1].images if versions else 0,
    )


def _runs(catalog: Catalog, at: datetime, past: bool) -> Iterator[RunNow]:
    """Flow runs as they stood then; one that had not ended was running."""
    for row in catalog.runs(RUNS, until=at if past else None):
        running = past and (row.ended is None or row.ended > at)
        state, ended = ("Running", None) if running else (row.state, row.ended)
        detail = "" if running else row.detail
        share = None if running or ended else row.progress
        yield RunNow(row.id, row.flow, state, row.started, ended, detail, share)


def _inode(path: Path) -> object:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _written(path: Path) -> object:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None

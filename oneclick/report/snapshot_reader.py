"""Reading of Snapshots in one transaction of the catalog, and only where something changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TypeVar

from oneclick.catalog import Catalog, counters, run_owners, utc_now
from oneclick.catalog.store import Clock
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, OneclickError
from oneclick.report import action_items, buckets, flows, hitmap, numbers, people, scores
from oneclick.report.snapshot import (
    ActionItem,
    FlowRunRow,
    Goals,
    ModelStatus,
    Snapshot,
    StageRow,
    Zoom,
)
from oneclick.storage import files, model_registry
from oneclick.storage.files import FileVersion
from oneclick.storage.model_cards import ModelCard
from oneclick.storage.workspace import Workspace

T = TypeVar("T")
R = TypeVar("R")
MAX_RUNS = 60
"""Flow runs of a Snapshot."""
FINAL_STAGES = (ClipStage.PUBLISHED, ClipStage.REJECTED)
"""Stages where clips wait for nothing."""


class SnapshotReader:
    """Reader of the Snapshots of one workspace; it keeps the catalog open between two reads.

    Raises, as `read` does:
        Unavailable: the catalog is locked, missing, or of an older version. BadInput: it is broken.
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
        self._catalog_inode: object = None
        self._last_key: object = None
        self._models = ModelCache(home)
        self._lock = threading.Lock()
        """Two threads may ask at once, for the present and for the past."""

    def read(self, zoom: Zoom = Zoom.DAY, at: datetime | None = None) -> Snapshot | None:
        """Return the state now, or at an earlier time; None if the last read returned the same."""
        with self._lock:
            try:
                catalog, key = self._open_catalog(zoom, at)
                if key == self._last_key:
                    return None
                with catalog.reading():
                    snapshot = self._read_snapshot(catalog, zoom, at)
            except Exception:
                self.close()
                raise
            self._last_key = key
            return snapshot

    def changed(self, zoom: Zoom = Zoom.DAY, at: datetime | None = None) -> bool:
        """Check cheaply whether `read` would return a Snapshot or raise."""
        with self._lock:
            try:
                return self._open_catalog(zoom, at)[1] != self._last_key
            except OneclickError:
                return True

    def close(self) -> None:
        """Close the catalog."""
        if self._catalog is not None:
            self._catalog.close()
        self._catalog = self._last_key = None

    def _open_catalog(self, zoom: Zoom, at: datetime | None) -> tuple[Catalog, object]:
        """Return the catalog, reopened if its file was replaced, and a key of the Snapshot.

        Equal keys mean equal Snapshots.
        """
        stamp = _file_version(Workspace(self.home).catalog_file)
        inode = stamp and stamp[0]
        if self._catalog is None or inode != self._catalog_inode:
            self.close()
            self._catalog = Catalog.open(self.home, clock=self._clock, readonly=True)
            self._catalog_inode = inode
        alerts = _file_version(Workspace(self.home).alerts_file)
        version = (self._catalog.version(), self._models.version(), alerts)
        return self._catalog, (version, zoom, at, buckets.full_minute(at or self._clock()))

    def _read_snapshot(self, catalog: Catalog, zoom: Zoom, past: datetime | None) -> Snapshot:
        at = past or self._clock()
        minute = buckets.full_minute(past) if past else None
        stages = tuple(stage_rows(catalog, zoom, at, minute))
        serving = model_status(catalog, self._models, at)
        runs = tuple(flow_run_rows(catalog, self.home, past))
        kept_video = numbers.kept_video_in(catalog, minute)
        videos = kept_video.videos + kept_video.edge_videos
        needs = [
            *action_items.catalog_action_items(catalog, stages, serving, runs, videos),
            *(
                ActionItem("broken", problem, "train", ("models", "list"))
                for problem in self._models.problems
            ),
            *action_items.platform_action_items(self.home),
            *action_items.alert_action_items(self.home, self._clock()),
            *action_items.disk_space_action_items(self.home),
        ]
        return Snapshot(
            at=at,
            past=past is not None,
            home=self.home,
            zoom=zoom,
            videos=kept_video.videos,
            stages=stages,
            heat=hitmap.hit_heatmap(catalog, zoom, at),
            kept=kept_video,
            goals=self._goals,
            reviewing=people.review_progress(catalog, at, self._goals.images, self._zone),
            serving=serving,
            runs=runs,
            needs=tuple(needs),
        )


def read_snapshot(
    home: Path,
    zoom: Zoom = Zoom.DAY,
    at: datetime | None = None,
    goals: Goals | None = None,
    clock: Clock = utc_now,
    zone: tzinfo | None = None,
) -> Snapshot:
    """Read one Snapshot. Raises as `SnapshotReader`."""
    reader = SnapshotReader(home, goals, clock, zone)
    try:
        snapshot = reader.read(zoom, at)
        assert snapshot is not None
        return snapshot
    finally:
        reader.close()


class ModelCache:
    """Model cards and periods of service, read again only after a file was written."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._version: object = None
        self.cards: list[ModelCard] = []
        self.periods: tuple[model_registry.ServicePeriod, ...] = ()
        self.problems: list[str] = []
        """Error messages of files that cannot be read."""

    def version(self) -> object:
        """Return a value that changes after a training or a promotion, and reread if it did."""
        workspace = Workspace(self._home)
        paths = (workspace.champion_file.parent, workspace.champion_file)
        version = tuple(_file_version(path) for path in paths)
        if version != self._version:
            self.problems = []
            cards = [self._try(scores.read_card, path) for path in scores.folders(self._home)]
            self.cards = sorted(filter(None, cards), key=lambda card: (card.made_at, card.id))
            registry = self._try(model_registry.read, workspace)
            self.periods = registry.history if registry else ()
            self._version = version
        return version

    def _try(self, read: Callable[[T], R | None], source: T) -> R | None:
        try:
            return read(source)
        except BadInput as error:
            self.problems.append(str(error))
            return None


def stage_rows(
    catalog: Catalog, zoom: Zoom, at: datetime, minute: datetime | None
) -> Iterator[StageRow]:
    """Yield the clips at each stage, now or at an earlier full minute.

    How long clips have waited is known for the present only.
    """
    clips = catalog.counts(minute)
    since = buckets.full_minute(at) - zoom.length
    changes = catalog.growth(counters.MOVED, since=since, until=minute)
    oldest = catalog.oldest_by_stage() if minute is None else {}
    for stage in ClipStage:
        change = int(changes.get(("", stage.value), 0))
        arrival = None if stage in FINAL_STAGES else oldest.get(stage)
        yield StageRow(stage.value, clips[stage], change, arrival)


def model_status(catalog: Catalog, models: ModelCache, at: datetime) -> ModelStatus:
    """Return the champion, the newest decision and the newest dataset version at a time."""
    cards = {card.id: card for card in models.cards if card.made_at <= at}
    periods = [period for period in models.periods if period.since <= at]
    judged = [card for card in cards.values() if card.decision]
    decision = (judged[-1].decision or {}) if judged else {}
    versions = [version for version in catalog.datasets() if version.made_at <= at]
    return ModelStatus(
        champion=periods[-1].model if periods else None,
        history=tuple(
            (period.since, period.model, cards[period.model].metrics["map"])
            for period in periods
            if period.model in cards
        ),
        candidate=judged[-1].id if judged else None,
        verdict=decision.get("verdict", ""),
        reasons=tuple(decision.get("reasons", ())),
        dataset=versions[-1].name if versions else None,
        images=versions[-1].images if versions else 0,
    )


def flow_run_rows(catalog: Catalog, home: Path, past: datetime | None) -> Iterator[FlowRunRow]:
    """Yield the flow runs, now or as they were; one that had not ended in the past was running."""
    dead = run_owners.dead_runs(home)
    for run in catalog.runs(MAX_RUNS, until=past):
        row = flows.run_row(run, dead)
        if past and (run.ended is None or run.ended > past):
            row = replace(row, state="Running", ended=None, detail="", progress=None)
        elif row.ended:
            row = replace(row, progress=None)
        yield row


def _file_version(path: Path) -> FileVersion | None:
    """Return what changes with a file, None if it is missing."""
    try:
        return files.version(path)
    except OSError:
        return None

"""The reader of Snapshots: one view of the catalog, and nothing at all where nothing changed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TypeVar

from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput
from oneclick.core.review import POLICY
from oneclick.io import registry
from oneclick.io.catalog import Catalog, counters, utc_now
from oneclick.io.catalog.store import Clock
from oneclick.io.workspace import Workspace
from oneclick.report import numbers, scores
from oneclick.report.snapshot import (
    Goals,
    Heat,
    HeatRow,
    Need,
    Reviewer,
    Reviewing,
    RunNow,
    Serving,
    Snapshot,
    StageNow,
    Zoom,
)
from oneclick.training import model

T = TypeVar("T")
R = TypeVar("R")
RUNS = 60
"""Flow runs that are looked at."""
HOURS = 12
"""Of an annotator's work."""
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ENDED = (ClipStage.PUBLISHED, ClipStage.REJECTED)
"""Where clips wait for nothing."""
BAD = ("Failed", "Crashed", "TimedOut")
FULL = 0.95
"""Share of the disk in use from which on somebody must make room."""


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

    def read(self, zoom: Zoom = Zoom.DAY, at: datetime | None = None) -> Snapshot | None:
        """The present, or an earlier moment; None if it would be the same as the last one read."""
        try:
            catalog = self._open()
            moment = at or self._clock()
            version = catalog.version()
            key = (version, self._models.version(), zoom, at, _minute(moment))
            if key == self._last:
                return None
            with catalog.reading():
                found = self._snapshot(catalog, zoom, moment, at is not None)
        except Exception:
            self.close()
            raise
        self._last = key
        return found

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
        then = _minute(at) if past else None
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
            _heat(catalog, zoom, at),
            kept,
            self._goals,
            _reviewing(catalog, at, self._goals.images, self._zone),
            serving,
            runs,
            (
                *_needs(catalog, stages, serving, runs, kept.videos),
                *(
                    Need("broken", why, "train", ("models", "list"))
                    for why in self._models.problems
                ),
                *_space(self.home),
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
        self.terms: tuple[registry.Term, ...] = ()
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
            serving = self._try(registry.read, workspace)
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
    since = _minute(at) - zoom.length
    moved = catalog.grown(counters.MOVED, since=since, until=then)
    oldest = catalog.oldest() if then is None else {}
    for stage in ClipStage:
        first = oldest.get(stage) if stage not in ENDED else None
        yield StageNow(stage.value, clips[stage], int(moved.get(("", stage.value), 0)), first)


def _heat(catalog: Catalog, zoom: Zoom, at: datetime) -> Heat:
    now = _next(at, zoom.bucket)
    last = catalog.last(counters.RECORDED, now)
    behind = last is not None and last <= now - zoom.length
    stop = _next(last, zoom.bucket) if behind and last else now
    start, bucket = stop - zoom.length, zoom.bucket
    size = max(size for size in counters.EVERY if bucket % size == 0)
    hits = catalog.series(counters.HIT_CAMERA, "", start, stop, bucket, size)
    video = _recorded(catalog, start, stop, bucket)
    begins = [int(start.timestamp()) + k * bucket for k in range(zoom.columns)]
    totals = catalog.totals(counters.RECORDED)
    fired = catalog.totals(counters.HIT_TRIGGER)
    return Heat(
        start,
        stop,
        bucket,
        tuple(_row(camera, begins, hits.get(camera, {}), video) for camera, _ in sorted(totals)),
        _fired(catalog, start, stop),
        int(fired.get(("", counters.UNDATED), 0)),
        behind,
    )


def _recorded(catalog: Catalog, start: datetime, stop: datetime, bucket: int) -> _Recorded:
    """Where there is video, by the quarter of an hour or coarser."""
    size = max([s for s in counters.COARSE if bucket % s == 0], default=counters.QUARTER)
    low = start - timedelta(seconds=start.timestamp() % size)
    extents = catalog.extents(counters.RECORDED, low, stop, size)
    gaps = any(last - first != (count - 1) * size for first, last, count in extents.values())
    cells = catalog.series(counters.RECORDED, "", low, stop, size, size) if gaps else {}
    return _Recorded(size, extents, cells)


class _Recorded:
    """Starts of the stretches with video by camera: a range where there is no gap."""

    def __init__(
        self,
        size: int,
        extents: dict[str, tuple[int, int, int]],
        cells: dict[str, dict[int, int]],
    ) -> None:
        self._size = size
        self._starts: dict[str, Container[int]] = {
            camera: cells.get(camera, range(first, last + 1, size))
            for camera, (first, last, _) in extents.items()
        }

    def of(self, camera: str, begins: Sequence[int]) -> list[bool]:
        """Whether there is video at each of these moments."""
        starts, size = self._starts.get(camera, ()), self._size
        return [begin - begin % size in starts for begin in begins]


def _row(camera: str, begins: Sequence[int], hits: dict[int, int], video: _Recorded) -> HeatRow:
    there = video.of(camera, begins)
    cells = tuple(
        hits.get(begin, 0 if seen else None) for begin, seen in zip(begins, there, strict=True)
    )
    return HeatRow(camera, cells, sum(hits.values()))


def _fired(catalog: Catalog, start: datetime, stop: datetime) -> tuple[tuple[str, int], ...]:
    found = catalog.grown(counters.HIT_TRIGGER, since=start, until=stop)
    counted = [(name, int(hits)) for (_, name), hits in found.items() if hits]
    return tuple(sorted(counted, key=lambda item: (-item[1], item[0])))


def _reviewing(
    catalog: Catalog, at: datetime, goal: tuple[int, int], zone: tzinfo | None
) -> Reviewing:
    end = _next(at, 60)
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    today = _images(catalog, midnight, end)
    first = _next(at, 3600) - HOURS * HOUR
    hours = _hours(catalog, first, end)
    people = tuple(
        Reviewer(name, tuple(hours.get(name, [0] * HOURS)), today[name])
        for name in sorted({*hours, *today})
    )
    total, pace = sum(today.values()), sum(_images(catalog, end - HOUR, end).values())
    missing = goal[0] - total
    reached = at + HOUR * (missing / pace) if pace and missing > 0 else None
    return Reviewing(people, total, pace, reached, goal, at)


def _hours(catalog: Catalog, first: datetime, end: datetime) -> dict[str, list[int]]:
    """Images of each annotator by the hour: whole quarters, and the minutes since the last one."""
    quarter = end - timedelta(seconds=end.timestamp() % counters.QUARTER)
    hours: dict[str, list[int]] = {}
    size = counters.QUARTER
    found = catalog.series(counters.REVIEWED, "images", first, quarter, 3600, size)
    for who, images in found.items():
        if not who.startswith(POLICY):
            line = hours.setdefault(who, [0] * HOURS)
            for begin, number in images.items():
                line[int(begin - first.timestamp()) // 3600] += number
    for who, number in _images(catalog, quarter, end).items():
        hours.setdefault(who, [0] * HOURS)[-1] += number
    return hours


def _images(catalog: Catalog, since: datetime, until: datetime) -> Counter[str]:
    """Images by annotator."""
    found: Counter[str] = Counter()
    for (who, what), value in catalog.grown(counters.REVIEWED, since=since, until=until).items():
        if what == "images" and value and not who.startswith(POLICY):
            found[who] += int(value)
    return found


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


def _needs(
    catalog: Catalog,
    stages: Sequence[StageNow],
    serving: Serving,
    runs: Sequence[RunNow],
    videos: int,
) -> Iterator[Need]:
    """What only a person can do, most urgent first."""
    clips = {row.stage: row.clips for row in stages}
    if not videos:
        yield Need("start", "no video yet: begin with one of yours", "pipeline", ("run", "VIDEO"))
    if waiting := clips[ClipStage.IN_REVIEW]:
        yield Need("review", f"{_n(waiting)} for review", "review", ("review", "list"))
    if aside := clips[ClipStage.QUARANTINED]:
        why = catalog.newest_error() or "see each for its reason"
        text = f"{_n(aside, 'is', 'are')} set aside: {why}"
        yield Need("quarantined", text, "clips", ("clips", "retry", "--all"))
    for run in _fallen(runs):
        text = f"{run.flow} {run.state.lower()}: {run.detail or 'see its log'}"
        yield Need("flow", text, "flows", ("flows", "logs", run.id))
    if serving.candidate and serving.verdict and serving.verdict != "promote":
        text = f"{serving.candidate} was not promoted: {serving.verdict}"
        yield Need("gate", text, "train", ("models", "show", serving.candidate))


def _space(home: Path) -> Iterator[Need]:
    used = shutil.disk_usage(home)
    if used.used > FULL * used.total:
        text = f"the disk is {used.used / used.total:.0%} full: {used.free / 1e9:.1f} GB left"
        yield Need("space", text, "system", ("doctor",))


def _n(clips: int, one: str = "waits", many: str = "wait") -> str:
    return f"1 clip {one}" if clips == 1 else f"{clips:,} clips {many}"


def _fallen(runs: Sequence[RunNow]) -> Iterator[RunNow]:
    """The newest run of each flow, if it fell."""
    newest: dict[str, RunNow] = {}
    for run in runs:
        newest.setdefault(run.flow, run)
    return (run for run in newest.values() if run.state in BAD)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _next(at: datetime, seconds: int) -> datetime:
    """The end of the bucket in which a moment lies; a bucket's own start is the end of the last."""
    return at + timedelta(seconds=-at.timestamp() % seconds)


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

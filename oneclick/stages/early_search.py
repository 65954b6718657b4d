"""Search of predictions while they arrive: their Hits stand in the catalog within seconds.

A segment that grows has a Video with the Hits known so far, which `stages.intake` completes under
the same id once the segment is closed: then they are those of a replay of what is stored. All that
a search knows follows from the segment, so that one that was killed is simply done again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.edge_messages import EdgeFrame, EdgeSource
from oneclick.core.errors import Unavailable
from oneclick.core.hits import Hit
from oneclick.core.results import BatchResult
from oneclick.feedback import arrivals
from oneclick.feedback.early_hits import EarlyScanner
from oneclick.stages import arrived_videos
from oneclick.storage import failure_log, intake_log, locks
from oneclick.storage.cards import ModelPair, ModelRef
from oneclick.storage.workspace import Workspace
from oneclick.triggers import RuleSet

SEARCH_SECONDS = 5.0
"""Least time between two searches of a camera."""
SEARCH_SHARE = 0.25
"""Most of the time that is spent on searches: with many cameras they are rarer."""


@dataclass(eq=False)
class _Stretch:
    """Pictures without a break, of which the first is that of the Video with number `start`."""

    scanner: EarlyScanner
    start: int


@dataclass(eq=False)
class GrowingSegment:
    """The newest segment of one camera, as far as it has been read."""

    path: Path
    rules: RuleSet
    offset: int = 0
    source: EdgeSource | None = None
    first: EdgeFrame | None = None
    names: frozenset[str] = frozenset()
    """Signals that every picture has."""
    times: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    settled: list[Hit] = field(default_factory=list)
    published: list[Hit] = field(default_factory=list)
    stretch: _Stretch | None = None

    def read(self) -> bool:
        """Take what was added to the segment; return whether there was anything.

        Raises:
            BadInput: a record is broken.
        """
        frames: list[EdgeFrame] = []
        for record in intake_log.records(self.path, self.offset):
            batch, self.offset = record.batch, record.stop
            self.source = batch.source or self.source
            frames += batch.frames
        if not frames or self.source is None:
            return False
        names = set.intersection(*(set(frame.signals) for frame in frames))
        if self.first is None:
            self.first, self.names = frames[0], frozenset(names)
        if not self.names <= names:
            self._start_over(self.names & names)
            return self.read()
        self._add(self.source, frames)
        return True

    def find(self) -> list[Hit]:
        """Return the Hits so far, in order of time."""
        assert self.source is not None
        assert self.stretch is not None
        early = self.stretch.scanner.find(arrivals.frame_rate(self.times, self.source.fps))
        start = self.stretch.start
        self.settled += [hit.shifted(start) for hit in early.settled]
        return [*self.settled, *(hit.shifted(start) for hit in early.open)]

    def describe(self) -> Video:
        """Return the Video so far."""
        assert self.source is not None
        assert self.first is not None
        digest = sha256(f"{self.path.name} {len(self.times)}".encode()).hexdigest()
        notes = [arrivals.GROWING]
        return arrivals.describe_video(self.source, self.first, self.times, digest, notes)

    @property
    def models(self) -> ModelPair:
        """Return the model of the device."""
        assert self.source is not None
        return ModelPair(ModelRef(self.source.model, self.source.threshold))

    def _start_over(self, names: frozenset[str]) -> None:
        """Read from the start again, with fewer signals; what was published stays."""
        self.offset, self.times, self.settled = 0, np.zeros(0), []
        self.stretch, self.names = None, names

    def _add(self, source: EdgeSource, frames: Sequence[EdgeFrame]) -> None:
        """Feed pictures to the triggers; a break ends the stretch before it."""
        count = len(self.times)
        self.times = np.concatenate([self.times, [frame.time for frame in frames]])
        first = max(0, count - 1)
        breaks = arrivals.breaks_of(self.times[first:], source.fps) + first - count
        for number, places in enumerate(np.split(np.arange(len(frames)), breaks)):
            if number or self.stretch is None:
                self._begin_stretch(source, count + int(places[0]))
            if len(places) and self.stretch is not None:
                part = frames[places[0] : places[-1] + 1]
                chunk = arrivals.chunk_of(source, part, source.fps, sorted(self.names))
                self.stretch.scanner.feed(chunk)

    def _begin_stretch(self, source: EdgeSource, start: int) -> None:
        if self.stretch is not None:
            self.settled = self.find()
        scanner = EarlyScanner(self.rules, [source.threshold], source.width, source.height)
        self.stretch = _Stretch(scanner, start)


class EarlySearch:
    """Searches the segments of all cameras as they grow, as long as it lives.

    Args:
        home: the workspace folder.
        rules: the triggers.
        options_key: digest of triggers and parameters.
    """

    def __init__(self, home: Path, rules: RuleSet, options_key: str) -> None:
        self._workspace, self._rules, self._key = Workspace(home), rules, options_key
        self._segments: dict[str, GrowingSegment] = {}
        self._broken: set[Path] = set()
        self._only = contextlib.ExitStack()
        self._is_alone = False
        self._next = 0.0

    def run_if_due(self) -> BatchResult:
        """Run unless that was a moment ago, or another process searches. Raises as `run`."""
        begin = time.monotonic()
        if begin < self._next or not self._is_only():
            return BatchResult()
        result = self.run()
        cost = time.monotonic() - begin
        self._next = begin + max(SEARCH_SECONDS, cost / SEARCH_SHARE)
        return result

    def close(self) -> None:
        """Let another process search."""
        self._only.close()
        self._is_alone = False

    def run(self) -> BatchResult:
        """Search what has arrived, and write the Hits that are new or have changed.

        `done` has the ids of the Videos whose Hits were written.

        Raises:
            NoSpace, Unavailable: the disk or the catalog refuses.
        """
        result = BatchResult()
        changes: list[tuple[GrowingSegment, list[Hit]]] = []
        for segment in self._grown_segments():
            camera = segment.path.parent.name
            with self._isolated(result, segment, f"search what arrived of {camera}"):
                if segment.read() and (hits := segment.find()) != segment.published:
                    changes.append((segment, hits))
        if changes:
            work_lock = locks.file_lock(self._workspace.locks_dir / "intake-work")
            with work_lock, Catalog.open(self._workspace.home) as catalog:
                for segment, hits in changes:
                    with self._isolated(
                        result, segment, f"write hits of {segment.path.parent.name}"
                    ):
                        self._publish(catalog, segment, hits, result)
        return result

    def _grown_segments(self) -> list[GrowingSegment]:
        """Return the segments that have grown since they were read; others are forgotten."""
        paths = intake_log.newest_segments(self._workspace.intake_dir)
        segments, grown = {}, []
        for path in paths:
            try:
                size = path.stat().st_size
            except FileNotFoundError:  # completed and taken in meanwhile
                continue
            segment = self._segments.get(path.parent.name)
            # A writer cuts off what a full disk refused to keep.
            if segment is None or segment.path != path or size < segment.offset:
                segment = GrowingSegment(path, self._rules)
            segments[path.parent.name] = segment
            if size > segment.offset and path not in self._broken:
                grown.append(segment)
        self._segments, self._broken = segments, self._broken & set(paths)
        return grown

    def _publish(
        self, catalog: Catalog, segment: GrowingSegment, hits: list[Hit], result: BatchResult
    ) -> None:
        """Write the Video so far and its Hits, unless the segment was completed meanwhile."""
        if intake_log.segments(segment.path.parent)[-1:] != [segment.path]:
            return
        video = segment.describe()
        arrived_videos.put_video(self._workspace, catalog, video)
        arrived_videos.put_hits(
            self._workspace, catalog, video.id, segment.models, options_key=self._key, hits=hits
        )
        segment.published = hits
        result.done.append(video.id)

    @contextlib.contextmanager
    def _isolated(
        self, result: BatchResult, segment: GrowingSegment, action: str
    ) -> Iterator[None]:
        """Let one segment fail alone; it is left to `stages.intake`."""
        name = f"{segment.path.parent.name}-{segment.path.stem}"

        def leave(_reason: str) -> None:
            self._broken.add(segment.path)

        with failure_log.isolate(result.failed, self._workspace, name, action, leave):
            yield

    def _is_only(self) -> bool:
        """Become the only process that searches early; False where another one does."""
        if not self._is_alone:
            lock = locks.file_lock(self._workspace.locks_dir / "intake-early", wait=False)
            try:
                self._only.enter_context(lock)
            except Unavailable:
                return False
            self._is_alone = True
        return True

"""Videos, the steps done with them, their Hits and the Clips selected from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from oneclick.catalog import counters, rows, schema
from oneclick.catalog.counters import CounterChanges
from oneclick.catalog.rollups import RollupsMixin
from oneclick.core.clips import Clip, Video
from oneclick.core.errors import BadInput, UnknownName
from oneclick.core.hits import Hit
from oneclick.storage import cards

Mark = tuple[str, str, str]
"""(video, step, key): this step, with this model or these parameters, is done with this Video."""


class HitOutline(NamedTuple):
    """A Hit without its boxes: a busy hour has thousands, and their boxes cost most of reading."""

    trigger: str
    start: int
    stop: int
    score: float
    why: str


class ClipOutline(NamedTuple):
    """When a Clip was recorded, and how far it is."""

    id: str
    camera: str
    stage: str
    """Empty for a selection that is not cut yet."""
    start: float
    """Seconds since 1970."""
    stop: float


class VideosMixin(RollupsMixin):
    """Videos, Hits and selections in the catalog."""

    def add_video(self, video: Video) -> bool:
        """Add a Video; return False if the catalog has it already.

        Raises:
            BadInput: another recording has this id.
        """
        with self.transaction():
            added_at = self._clock()
            columns = rows.video_columns(video) | {"added_at": added_at}
            if self._insert_missing(schema.videos, [columns]):
                self._add_counts(counters.video_changes(video, added_at))
                return True
            if self.video(video.id).digest != video.digest:
                raise BadInput(
                    f"video {video.id} is there already with other content: "
                    "name another camera or another start"
                )
            return False

    def replace_part(self, part: Video, whole: Video) -> bool:
        """Put the whole of a recording in place of a part of it; False if the part stays beside.

        It stays where something depends on it, unless both have one id.
        """
        table = schema.videos
        with self.transaction() as connection:
            rows_of_part = self._fetch(sa.select(table).where(table.c.id == part.id))
            if rows_of_part and (part.id == whole.id or not self.is_used(part.id)):
                (row,) = rows_of_part
                self._add_counts(self._changes_of(rows.video_from_row(row), row.added_at).negated())
                if part.id != whole.id:
                    connection.execute(sa.delete(table).where(table.c.id == part.id))
                else:
                    columns = rows.video_columns(whole)
                    connection.execute(
                        sa.update(table).where(table.c.id == part.id).values(columns)
                    )
                    self._add_counts(self._changes_of(whole, row.added_at))
            self.add_video(whole)
            return not self._fetch(
                sa.select(table).where(table.c.id == part.id, table.c.digest == part.digest)
            )

    def _changes_of(self, video: Video, added_at: datetime | None) -> CounterChanges:
        """Return what a Video, its Hits and its scans add to the counters."""
        changes, hits = counters.video_changes(video, added_at), schema.hits.c
        query = sa.select(hits.trigger, hits.start).where(hits.video == video.id)
        changes.add(counters.hit_changes(video, [(row[0], row[1]) for row in self._fetch(query)]))
        if self.marks(cards.SCAN_STEP, video.id):
            changes.add(counters.coverage_changes(counters.SCANNED, video))
        return changes

    def is_used(self, video_id: str) -> bool:
        """Check whether predictions, signals, hits, selections or clips depend on a Video."""
        tables = (schema.video_marks, schema.hits, schema.selections, schema.clips)
        queries = (sa.select(table.c.video).where(table.c.video == video_id) for table in tables)
        return any(self._fetch(query.limit(1)) for query in queries)

    def videos_from(self, camera: str, started_at: datetime | None) -> list[Video]:
        """Return the Videos of a camera that began at one time, or of which none is known."""
        table = schema.videos
        query = sa.select(table).where(table.c.camera == camera).order_by(table.c.id)
        if started_at is None:
            query = query.where(table.c.started_at.is_(None))
        else:
            query = query.where(table.c.started_at == started_at)
        return [rows.video_from_row(row) for row in self._fetch(query)]

    def videos_around(self, camera: str, at: datetime) -> tuple[Video | None, Video | None]:
        """Return the last Video of a camera that began at a time or before, and the next one."""
        table = schema.videos
        query = sa.select(table).where(table.c.camera == camera).limit(1)
        before = query.where(table.c.started_at <= at).order_by(table.c.started_at.desc())
        after = query.where(table.c.started_at > at).order_by(table.c.started_at)
        first, second = (
            next(map(rows.video_from_row, self._fetch(each)), None) for each in (before, after)
        )
        return first, second

    def video_with_digest(self, digest: str) -> Video | None:
        """Return the Video of a content, the first by id; None if there is none."""
        table = schema.videos
        query = sa.select(table).where(table.c.digest == digest).order_by(table.c.id).limit(1)
        return next(map(rows.video_from_row, self._fetch(query)), None)

    def video(self, video_id: str) -> Video:
        """Return one Video.

        Raises:
            UnknownName: no Video has this id.
        """
        video_rows = self._fetch(sa.select(schema.videos).where(schema.videos.c.id == video_id))
        if not video_rows:
            raise UnknownName("video", video_id)
        return rows.video_from_row(video_rows[0])

    def videos(self) -> list[Video]:
        """Return all Videos, sorted by id."""
        query = sa.select(schema.videos).order_by("id")
        return [rows.video_from_row(row) for row in self._fetch(query)]

    def cameras(self) -> list[str]:
        """Return the cameras that Videos are of, sorted."""
        camera = schema.videos.c.camera
        return [row.camera for row in self._fetch(sa.select(camera).distinct().order_by(camera))]

    def videos_between(
        self, since: datetime | None, until: datetime | None, camera: str | None = None
    ) -> list[Video]:
        """Return the Videos of known start that overlap `[since, until)`, by camera and start."""
        table = schema.videos
        query = sa.select(table).where(_overlap(since, until, camera))
        query = query.order_by(table.c.camera, table.c.started_at, table.c.id)
        return [rows.video_from_row(row) for row in self._fetch(query)]

    def extent_between(
        self, since: datetime | None, until: datetime | None, camera: str | None = None
    ) -> tuple[int, datetime | None, datetime | None]:
        """Return number, earliest start and latest end of what `videos_between` returns."""
        table = schema.videos.c
        columns = sa.func.count(), sa.func.min(table.started_at), sa.func.max(table.ended_at)
        number, start, stop = self._fetch(
            sa.select(*columns).where(_overlap(since, until, camera))
        )[0]
        return number, start, stop

    def undated_videos(self, camera: str | None = None) -> list[Video]:
        """Return the Videos of unknown start, sorted by id."""
        table = schema.videos
        query = sa.select(table).where(table.c.started_at.is_(None)).order_by(table.c.id)
        if camera is not None:
            query = query.where(table.c.camera == camera)
        return [rows.video_from_row(row) for row in self._fetch(query)]

    def count_unscanned(
        self, since: datetime | None, until: datetime | None, camera: str | None = None
    ) -> int:
        """Count the Videos that no trigger has scanned: undated, or overlapping the window."""
        table, marks = schema.videos.c, schema.video_marks.c
        scanned = sa.select(marks.video).where(marks.step == cards.SCAN_STEP)
        undated = table.started_at.is_(None)
        query = sa.select(sa.func.count()).where(table.id.not_in(scanned))
        query = query.where(undated | _overlap(since, until))
        if camera is not None:
            query = query.where(table.camera == camera)
        return int(self._fetch(query)[0][0])

    def scanned_videos(self, video_ids: Sequence[str]) -> set[str]:
        """Return those of the Videos that triggers have scanned; at most 30,000 are named."""
        marks = schema.video_marks.c
        query = sa.select(marks.video).where(
            marks.step == cards.SCAN_STEP, marks.video.in_(video_ids)
        )
        return {row.video for row in self._fetch(query)}

    def mark(self, video_id: str, step: str, *keys: str) -> None:
        """Record that `step` with each of the keys is done with a Video."""
        self._add_marks([(video_id, step, key) for key in keys])

    def marks(self, step: str, video_id: str | None = None) -> list[tuple[str, str]]:
        """Return (video id, key) of the marks of a step on one Video or on all, sorted."""
        table = schema.video_marks.c
        query = sa.select(table.video, table.key).where(table.step == step)
        if video_id is not None:
            query = query.where(table.video == video_id)
        return [(row.video, row.key) for row in self._fetch(query.order_by("video", "key"))]

    def marks_between(
        self, step: str, since: datetime, until: datetime, camera: str | None = None
    ) -> list[tuple[str, str]]:
        """Return the marks of a step, as `marks`, on the Videos that `videos_between` returns."""
        marks = schema.video_marks.c
        videos = sa.select(schema.videos.c.id).where(_overlap(since, until, camera))
        query = sa.select(marks.video, marks.key).where(marks.step == step)
        query = query.where(marks.video.in_(videos)).order_by("video", "key")
        return [(row.video, row.key) for row in self._fetch(query)]

    def is_marked(self, video_id: str, step: str, key: str) -> bool:
        """Check whether `step` with `key` is done with a Video."""
        table = schema.video_marks.c
        query = sa.select(table.at).where(
            table.video == video_id, table.step == step, table.key == key
        )
        return bool(self._fetch(query))

    def unmarked(self, step: str, key: str | None = None) -> list[str]:
        """Return the ids of the Videos without the mark, or without any mark of the step."""
        videos, marks = schema.videos.c, schema.video_marks.c
        marked_ids = sa.select(marks.video).where(marks.step == step)
        if key is not None:
            marked_ids = marked_ids.where(marks.key == key)
        query = sa.select(videos.id).where(videos.id.not_in(marked_ids)).order_by("id")
        return [row.id for row in self._fetch(query)]

    def replace_hits(self, video_id: str, hits: Sequence[Hit], key: str) -> None:
        """Replace the Hits of a Video; `key` identifies the trigger pass that produced them."""
        table = schema.hits
        with self.transaction() as connection:
            video = self.video(video_id)
            query = sa.select(table.c.trigger, table.c.start).where(table.c.video == video_id)
            old_starts = [(trigger, start) for trigger, start in connection.execute(query)]
            connection.execute(sa.delete(table).where(table.c.video == video_id))
            if hits:
                columns = [rows.hit_columns(video_id, key, hit) for hit in hits]
                connection.execute(sa.insert(table), columns)
            new_starts = [(hit.trigger, hit.span.start) for hit in hits]
            self._add_counts(
                counters.hit_changes(video, new_starts),
                counters.hit_changes(video, old_starts).negated(),
            )

    def hits(
        self, video_id: str | None = None, trigger: str | None = None
    ) -> list[tuple[str, Hit]]:
        """Return (video id, Hit), by video and in the order of `replace_hits`."""
        table = schema.hits
        query = sa.select(table).order_by(table.c.video, table.c.id)
        if video_id is not None:
            query = query.where(table.c.video == video_id)
        if trigger is not None:
            query = query.where(table.c.trigger == trigger)
        return [(row.video, rows.hit_from_row(row)) for row in self._fetch(query)]

    def hits_within(
        self, video_id: str, first: int, stop: int, trigger: str | None = None
    ) -> list[HitOutline]:
        """Return the Hits of a Video that begin in `[first, stop)`, in order, without boxes."""
        c = schema.hits.c
        query = sa.select(c.trigger, c.start, c.stop, c.score, c.why).where(
            c.video == video_id, c.start >= first, c.start < stop
        )
        if trigger is not None:
            query = query.where(c.trigger == trigger)
        outlines = self._fetch(query.order_by(c.start, c.id))
        return [HitOutline._make(outline) for outline in outlines]

    def hits_between(
        self, since: datetime, until: datetime, camera: str | None = None
    ) -> dict[str, list[HitOutline]]:
        """Return the Hits of the dated Videos that overlap a window, by Video, without boxes."""
        c = schema.hits.c
        query = (
            sa.select(c.video, c.trigger, c.start, c.stop, c.score, c.why)
            .where(c.video == schema.videos.c.id, _overlap(since, until, camera))
            .order_by(c.video, c.start, c.id)
        )
        outlines: dict[str, list[HitOutline]] = {}
        for video_id, *outline in self._fetch(query):
            outlines.setdefault(video_id, []).append(HitOutline._make(outline))
        return outlines

    def hits_of_undated(self, camera: str | None = None) -> dict[str, dict[str, int]]:
        """Return the number of Hits by Video of unknown start and trigger, sorted."""
        c, videos = schema.hits.c, schema.videos.c
        is_shown = videos.started_at.is_(None) & (videos.camera == camera if camera else True)
        query = sa.select(c.video, c.trigger, sa.func.count()).group_by(c.video, c.trigger)
        query = query.where(c.video.in_(sa.select(videos.id).where(is_shown)))
        numbers: dict[str, dict[str, int]] = {}
        for video_id, trigger, number in self._fetch(query.order_by(c.video, c.trigger)):
            numbers.setdefault(video_id, {})[trigger] = number
        return numbers

    def hit_counts(self) -> dict[str, int]:
        """Return the number of Hits by trigger, from the counters."""
        numbers: Counter[str] = Counter()
        for (_, trigger), hits in self.totals(counters.HIT).items():
            numbers[trigger] += int(hits)
        return {trigger: numbers[trigger] for trigger in sorted(numbers) if numbers[trigger]}

    def clip_outlines(
        self, since: datetime, until: datetime, camera: str | None = None
    ) -> list[ClipOutline]:
        """Return the Clips and selections of the dated Videos that overlap a window, by id."""
        v, outlines = schema.videos.c, []
        for table in (schema.clips, schema.selections):
            stage = table.c.stage if table is schema.clips else sa.literal("")
            columns = table.c.id, table.c.start, table.c.stop, stage
            query = sa.select(*columns, v.camera, v.started_at, v.fps, v.timing).where(
                table.c.video == v.id, _overlap(since, until, camera)
            )
            if table is schema.selections:
                query = query.where(~sa.exists().where(schema.clips.c.id == table.c.id))
            for clip_id, start, stop, at, name, started, fps, timing in self._fetch(query):
                times = rows.timing_from_json(timing)
                first, end = (
                    started.timestamp() + times.seconds_at(frame, fps) for frame in (start, stop)
                )
                outlines.append(ClipOutline(clip_id, name, at, first, end))
        return sorted(outlines)

    def add_selections(self, clips: Sequence[Clip], marks: Sequence[Mark] = ()) -> None:
        """Add Clips that are to be cut, and set the marks, in one transaction."""
        with self.transaction():
            self._insert_missing(schema.selections, [rows.clip_columns(clip) for clip in clips])
            self._add_marks(marks)

    def selections(self, uncut_only: bool = True) -> list[Clip]:
        """Return the selected Clips in order of selection, by default only those not cut yet."""
        table = schema.selections
        query = sa.select(table).order_by(table.c.seq)
        if uncut_only:
            cut = sa.exists().where(schema.clips.c.id == table.c.id)
            query = query.where(~cut)
        return [rows.clip_from_row(row) for row in self._fetch(query)]

    def _add_marks(self, marks: Sequence[Mark]) -> None:
        at = self._clock()
        columns = [
            {"video": video_id, "step": step, "key": key, "at": at} for video_id, step, key in marks
        ]
        with self.transaction():
            scanned = {video_id for video_id, step, _ in marks if step == cards.SCAN_STEP}
            new = [each for each in sorted(scanned) if not self.marks(cards.SCAN_STEP, each)]
            self._insert_missing(schema.video_marks, columns)
            for video_id in new:
                video = self.video(video_id)
                self._add_counts(counters.coverage_changes(counters.SCANNED, video))


def _overlap(
    since: datetime | None, until: datetime | None, camera: str | None = None
) -> sa.ColumnElement[bool]:
    """Return the condition that a Video of known start overlaps a window."""
    table = schema.videos.c
    conditions: list[sa.ColumnElement[bool]] = [table.started_at.is_not(None)]
    if camera is not None:
        conditions.append(table.camera == camera)
    if since is not None:
        conditions.append(table.ended_at > since)
    if until is not None:
        conditions.append(table.started_at < until)
    return sa.and_(*conditions)

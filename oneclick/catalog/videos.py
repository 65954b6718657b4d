"""Videos, what was done with them, Hits in them and Spans selected of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from oneclick.catalog import counters, rows, schema
from oneclick.catalog.rollups import Rollups
from oneclick.core.clips import Clip, Video
from oneclick.core.errors import BadInput, UnknownName
from oneclick.core.hits import Hit

Mark = tuple[str, str, str]
"""(video, step, key): this step, with this model or these parameters, is done with this Video."""


class Videos(Rollups):
    """The part of the catalog that knows Videos."""

    def add_video(self, video: Video) -> bool:
        """False if it is there already.

        Raises:
            BadInput: another recording has this id.
        """
        with self.transaction():
            now = self._clock()
            if self._put(schema.videos, [rows.from_video(video) | {"added_at": now}]):
                size = (video.frames, video.fps)
                self._count(counters.of_video(video.camera, video.started_at, *size, now))
                return True
            if self.video(video.id).digest != video.digest:
                raise BadInput(
                    f"video {video.id} is there already with other content: "
                    "name another camera or another start"
                )
            return False

    def video(self, video_id: str) -> Video:
        """One Video.

        Raises:
            UnknownName: there is none of that id.
        """
        found = self._rows(sa.select(schema.videos).where(schema.videos.c.id == video_id))
        if not found:
            raise UnknownName("video", video_id)
        return rows.video(found[0])

    def videos(self) -> list[Video]:
        """All Videos by id."""
        return [rows.video(row) for row in self._rows(sa.select(schema.videos).order_by("id"))]

    def mark(self, video_id: str, step: str, key: str) -> None:
        """Remember that `step` with `key` is done with a Video."""
        self._mark([(video_id, step, key)])

    def marked(self, video_id: str, step: str, key: str) -> bool:
        """Whether the mark was set."""
        table = schema.video_marks.c
        query = sa.select(table.at).where(
            table.video == video_id, table.step == step, table.key == key
        )
        return bool(self._rows(query))

    def unmarked(self, step: str, key: str | None = None) -> list[str]:
        """Ids of the Videos without the mark; without any mark of the step if no key is given."""
        table = schema.video_marks.c
        done = sa.select(table.video).where(table.step == step)
        if key is not None:
            done = done.where(table.key == key)
        query = sa.select(schema.videos.c.id).where(schema.videos.c.id.not_in(done)).order_by("id")
        return [row.id for row in self._rows(query)]

    def put_hits(self, video_id: str, hits: Sequence[Hit], key: str) -> None:
        """Replace the Hits of a Video; `key` says which look found them."""
        table = schema.hits
        with self.transaction() as connection:
            video = self.video(video_id)
            of = (video.camera, video.started_at, video.fps)
            old = sa.select(table.c.trigger, table.c.start).where(table.c.video == video_id)
            before = [(name, start) for name, start in connection.execute(old)]
            connection.execute(sa.delete(table).where(table.c.video == video_id))
            if hits:
                values = [rows.from_hit(video_id, key, hit) for hit in hits]
                connection.execute(sa.insert(table), values)
            found = [(hit.trigger, hit.span.start) for hit in hits]
            self._count(
                counters.of_hits(*of, found), counters.negative(counters.of_hits(*of, before))
            )

    def hits(
        self, video_id: str | None = None, trigger: str | None = None
    ) -> list[tuple[str, Hit]]:
        """(video id, Hit) in order of videos, as they were put."""
        table = schema.hits
        query = sa.select(table).order_by(table.c.video, table.c.id)
        if video_id is not None:
            query = query.where(table.c.video == video_id)
        if trigger is not None:
            query = query.where(table.c.trigger == trigger)
        return [(row.video, rows.hit(row)) for row in self._rows(query)]

    def hit_starts(
        self,
        camera: str | None = None,
        trigger: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[tuple[str, str, int]]:
        """(video id, trigger, first frame) of every Hit, without its boxes.

        Of Videos that started in `[since, until)`, and of those whose start nobody knows.
        """
        table, of = schema.hits.c, schema.videos.c
        undated = of.started_at.is_(None)
        query = sa.select(table.video, table.trigger, table.start).join(schema.videos)
        if camera is not None:
            query = query.where(of.camera == camera)
        if trigger is not None:
            query = query.where(table.trigger == trigger)
        if since is not None:
            query = query.where(undated | (of.started_at >= since))
        if until is not None:
            query = query.where(undated | (of.started_at < until))
        return [(video, name, start) for video, name, start in self._rows(query)]

    def hit_counts(self) -> dict[str, int]:
        """Hits by trigger, from the rollup."""
        found: Counter[str] = Counter()
        for (_, trigger), hits in self.totals(counters.HIT).items():
            found[trigger] += int(hits)
        return {name: found[name] for name in sorted(found) if found[name]}

    def put_selection(self, clips: Sequence[Clip], marks: Sequence[Mark] = ()) -> None:
        """Remember what is to be cut, and set the marks, in one transaction."""
        with self.transaction():
            self._put(schema.selections, [rows.from_clip(clip) for clip in clips])
            self._mark(marks)

    def selections(self, uncut_only: bool = True) -> list[Clip]:
        """Selected Clips in order of selection; without those that are clips by now."""
        table = schema.selections
        query = sa.select(table).order_by(table.c.seq)
        if uncut_only:
            cut = sa.exists().where(schema.clips.c.id == table.c.id)
            query = query.where(~cut)
        return [rows.clip(row) for row in self._rows(query)]

    def _mark(self, marks: Iterable[Mark]) -> None:
        now = self._clock()
        names = ("video", "step", "key")
        self._put(
            schema.video_marks, [{**dict(zip(names, m, strict=True)), "at": now} for m in marks]
        )

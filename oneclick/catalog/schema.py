"""The database tables.

A change here needs a revision in `migrations/versions` and a new REVISION.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

REVISION = "0008"
"""The newest revision in `migrations/versions`."""


class Utc(sa.TypeDecorator[datetime]):
    """A timezone-aware UTC time, also on databases that store no time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Convert to UTC; a naive time is taken as UTC."""
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Attach the UTC time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData()
AutoIncrement = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Integer type that auto-increments as a primary key, on SQLite too."""


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **options)


def _integer(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, **options)


def _real(name: str, **options: Any) -> sa.Column[float]:
    return sa.Column(name, sa.Float, nullable=False, **options)


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, Utc, nullable=False)


def _clip_columns() -> list[sa.Column[Any]]:
    """Return the columns that `selections` and `clips` share: core.clips.Clip without its id."""
    return [
        _text("camera"),
        sa.Column("video", sa.ForeignKey("videos.id"), nullable=False),
        _integer("start"),
        _integer("stop"),
        _real("fps"),
        _integer("width"),
        _integer("height"),
        _text("chosen_by"),
        _text("hits"),  # JSON
        _text("split"),
        _text("digest"),
        _text("led_by", server_default=""),
        _real("stands_for", server_default="0"),
    ]


videos = sa.Table(
    "videos",
    metadata,
    _text("id", primary_key=True),
    _text("camera"),
    sa.Column("started_at", Utc),
    _real("fps"),
    _integer("frames"),
    _integer("width"),
    _integer("height"),
    _text("digest"),
    _text("suffix"),
    sa.Column("added_at", Utc),
    sa.Column("timing", sa.Text),
    sa.Column("notes", sa.Text),
    sa.Column("ended_at", Utc),
    sa.Index("videos_by_time", "camera", "started_at", "ended_at"),
)

video_marks = sa.Table(
    "video_marks",
    metadata,
    sa.Column("video", sa.ForeignKey("videos.id"), primary_key=True),
    _text("step", primary_key=True),
    _text("key", primary_key=True),
    _time("at"),
)

hits = sa.Table(
    "hits",
    metadata,
    sa.Column("id", AutoIncrement, primary_key=True),
    sa.Column("video", sa.ForeignKey("videos.id"), nullable=False),
    _text("key"),
    _text("trigger"),
    _integer("start"),
    _integer("stop"),
    _real("score"),
    _text("boxes"),  # JSON
    _text("why"),
    sa.Index("hits_of_video", "video", "start"),
    sa.Index("hits_of_trigger", "trigger", "video"),
)

counters = sa.Table(
    "counters",
    metadata,
    _text("kind", primary_key=True),
    _integer("size", primary_key=True),
    sa.Column("start", sa.BigInteger, primary_key=True, nullable=False),
    _text("who", primary_key=True),
    _text("what", primary_key=True),
    _real("value"),
    sa.Index(
        "counters_by_lane",
        *("kind", "size", "who", "what", "start", "value"),
        sqlite_where=sa.text("kind = 'hit'"),
        postgresql_where=sa.text("kind = 'hit'"),
    ),
    comment="rollups of all other tables (counters.py)",
    sqlite_with_rowid=False,
)

selections = sa.Table(
    "selections",
    metadata,
    sa.Column("seq", AutoIncrement, primary_key=True),
    _text("id", unique=True),
    *_clip_columns(),
)

clips = sa.Table(
    "clips",
    metadata,
    sa.Column("seq", AutoIncrement, primary_key=True),
    _text("id", unique=True),
    *_clip_columns(),
    _text("stage"),
    _integer("revision"),
    _text("error"),
    sa.Column("failed_from", sa.Text),
    _integer("attempts"),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Utc),
    _time("created_at"),
    _time("moved_at"),
    sa.Index("clips_at_stage", "stage", "seq"),
    sa.Index("clips_waiting", "stage", "moved_at"),
    sa.Index("clips_of_camera", "camera", "seq"),
    sa.Index("clips_of_video", "video", "seq"),
    sa.Index("clips_leased", "lease_owner"),
)

clip_events = sa.Table(
    "clip_events",
    metadata,
    sa.Column("id", AutoIncrement, primary_key=True),
    _text("clip"),
    _time("at"),
    sa.Column("old", sa.Text),
    _text("new"),
    _text("by"),
    _text("detail"),
    sa.Index("events_of_clip", "clip", "id"),
)

label_revisions = sa.Table(
    "label_revisions",
    metadata,
    sa.Column("clip", sa.ForeignKey("clips.id"), primary_key=True),
    _integer("revision", primary_key=True),
    _text("kind"),
    sa.Column("parent", sa.Integer),
    _text("made_by"),
    _time("made_at"),
    _text("digest"),
    _integer("boxes"),
    _text("origins"),  # JSON
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    sa.Column("clip", sa.ForeignKey("clips.id"), primary_key=True),
    sa.Column("at", Utc, primary_key=True),
    _text("by", primary_key=True),
    _text("decision"),
    _real("seconds"),
    _integer("edits"),
    _integer("images"),
    _text("reason"),
)

datasets = sa.Table(
    "datasets",
    metadata,
    _text("name", primary_key=True),
    _text("digest"),
    sa.Column("parent", sa.Text),
    _integer("clips"),
    _integer("images"),
    _time("made_at"),
)

dataset_clips = sa.Table(
    "dataset_clips",
    metadata,
    sa.Column("dataset", sa.ForeignKey("datasets.name"), primary_key=True),
    _text("clip", primary_key=True),
    _integer("revision"),
    _text("split"),
    sa.Index("datasets_of_clip", "clip"),
)

models = sa.Table(
    "models",
    metadata,
    _text("id", primary_key=True),
    sa.Column("dataset", sa.Text),
    _time("made_at"),
    _text("card"),  # JSON
)

flow_runs = sa.Table(
    "flow_runs",
    metadata,
    _text("id", primary_key=True),
    _text("flow"),
    _text("state"),
    sa.Column("started", Utc),
    sa.Column("ended", Utc),
    _text("detail"),
    sa.Column("progress", sa.Float),
    sa.Index("flow_runs_by_start", "started"),
)

generations = sa.Table(
    "generations",
    metadata,
    _text("catalog", primary_key=True),
    _integer("number"),
    comment="one row (generations.py)",
)

web_sessions = sa.Table(
    "web_sessions",
    metadata,
    _text("digest", primary_key=True),
    _text("user"),
    _time("created_at"),
    _time("seen_at"),
    sa.Index("sessions_of_user", "user"),
    comment="sessions of the review pages; the digest is of a token that only the browser has",
)

review_queue = sa.Table(
    "review_queue",
    metadata,
    _text("clip", primary_key=True),
    _text("camera"),
    _integer("frames"),
    _integer("revision"),
    _integer("doubts"),
    _real("expected"),
    _text("why"),
    sa.Column("holder", sa.Text),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("until", Utc),
    sa.Column("barred", sa.Text),
    sa.Index("queue_by_worth", "expected", "clip"),
    comment="clips that wait in our own queue, and who reviews them (review_queue.py)",
)

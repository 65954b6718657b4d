"""The first tables. A released revision is never changed, since later ones build on it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Column = sa.Column[Any]


def upgrade() -> None:
    """Create the tables."""
    create_video_tables()
    create_clip_tables()
    create_review_tables()
    create_history_tables()


def downgrade() -> None:
    """Drop all tables."""
    referring = (
        "verdicts",
        "label_revisions",
        "video_marks",
        "selections",
        "hits",
        "dataset_clips",
    )
    referred = ("clips", "videos", "stage_counts", "hit_counts", "clip_events")
    for name in (*referring, *referred, "datasets", "models", "flow_runs"):
        op.drop_table(name)


def create_video_tables() -> None:
    """Create the tables of videos and hits."""
    op.create_table(
        "videos",
        _text("id", primary_key=True),
        _text("camera"),
        _time("started_at", nullable=True),
        _real("fps"),
        *_integers("frames", "width", "height"),
        _text("digest"),
        _text("suffix"),
    )
    op.create_table(
        "video_marks",
        _text("video", sa.ForeignKey("videos.id"), primary_key=True),
        _text("step", primary_key=True),
        _text("key", primary_key=True),
        _time("at"),
    )
    op.create_table(
        "hits",
        _number("id"),
        _text("video", sa.ForeignKey("videos.id")),
        _text("key"),
        _text("trigger"),
        *_integers("start", "stop"),
        _real("score"),
        _text("boxes"),
        _text("why"),
    )
    op.create_index("hits_of_video", "hits", ["video", "trigger"])
    op.create_index("hits_of_trigger", "hits", ["trigger", "video"])
    op.create_table(
        "hit_counts",
        _text("camera", primary_key=True),
        _text("trigger", primary_key=True),
        *_integers("hits"),
        comment="rollup of hits",
    )


def create_clip_tables() -> None:
    """Create the tables of selections, clips and their events."""
    op.create_table("selections", _number("seq"), _text("id", unique=True), *_clip_columns())
    op.create_table(
        "clips",
        _number("seq"),
        _text("id", unique=True),
        *_clip_columns(),
        _text("stage"),
        *_integers("revision"),
        _text("error"),
        _text("failed_from", nullable=True),
        *_integers("attempts"),
        _text("lease_owner", nullable=True),
        _time("lease_until", nullable=True),
        _time("created_at"),
        _time("moved_at"),
    )
    op.create_index("clips_at_stage", "clips", ["stage", "seq"])
    op.create_index("clips_of_camera", "clips", ["camera", "seq"])
    op.create_index("clips_of_video", "clips", ["video", "seq"])
    op.create_index("clips_leased", "clips", ["lease_owner"])
    op.create_table(
        "clip_events",
        _number("id"),
        _text("clip"),
        _time("at"),
        _text("old", nullable=True),
        _text("new"),
        _text("by"),
        _text("detail"),
    )
    op.create_index("events_of_clip", "clip_events", ["clip", "id"])
    op.create_table(
        "stage_counts",
        _text("camera", primary_key=True),
        _text("stage", primary_key=True),
        *_integers("clips"),
        comment="rollup of clips",
    )


def create_review_tables() -> None:
    """Create the tables of label revisions and verdicts."""
    op.create_table(
        "label_revisions",
        _text("clip", sa.ForeignKey("clips.id"), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        _text("kind"),
        sa.Column("parent", sa.Integer),
        _text("made_by"),
        _time("made_at"),
        _text("digest"),
        *_integers("boxes"),
        _text("origins"),
    )
    op.create_table(
        "verdicts",
        _text("clip", sa.ForeignKey("clips.id"), primary_key=True),
        _time("at", primary_key=True),
        _text("by", primary_key=True),
        _text("decision"),
        _real("seconds"),
        *_integers("edits", "images"),
        _text("reason"),
    )


def create_history_tables() -> None:
    """Create the tables of datasets, models and flow runs."""
    op.create_table(
        "datasets",
        _text("name", primary_key=True),
        _text("digest"),
        _text("parent", nullable=True),
        *_integers("clips", "images"),
        _time("made_at"),
    )
    op.create_table(
        "dataset_clips",
        _text("dataset", sa.ForeignKey("datasets.name"), primary_key=True),
        _text("clip", primary_key=True),
        *_integers("revision"),
        _text("split"),
    )
    op.create_index("datasets_of_clip", "dataset_clips", ["clip"])
    op.create_table(
        "models",
        _text("id", primary_key=True),
        _text("dataset", nullable=True),
        _time("made_at"),
        _text("card"),
    )
    op.create_table(
        "flow_runs",
        _text("id", primary_key=True),
        _text("flow"),
        _text("state"),
        _time("started", nullable=True),
        _time("ended", nullable=True),
        _text("detail"),
    )


def _clip_columns() -> list[Column]:
    return [
        _text("camera"),
        _text("video", sa.ForeignKey("videos.id")),
        *_integers("start", "stop"),
        _real("fps"),
        *_integers("width", "height"),
        _text("chosen_by"),
        _text("hits"),
        _text("split"),
        _text("digest"),
    ]


def _number(name: str) -> Column:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, primary_key=True)


def _text(name: str, *more: Any, nullable: bool = False, **options: Any) -> Column:
    return sa.Column(name, sa.Text, *more, nullable=nullable, **options)


def _time(name: str, nullable: bool = False, **options: Any) -> Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, **options)


def _real(name: str) -> Column:
    return sa.Column(name, sa.Float, nullable=False)


def _integers(*names: str) -> list[Column]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]

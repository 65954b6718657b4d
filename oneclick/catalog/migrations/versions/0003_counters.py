"""One table of counters for all rollups, the time a video was added, progress of flow runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade from 0002. `migrate.upgrade` fills the counters once the schema is the newest."""
    op.drop_table("stage_counts")
    op.drop_table("hit_counts")
    op.create_table(
        "counters",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("size", sa.Integer, primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True),
        sa.Column("who", sa.Text, primary_key=True),
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
        comment="rollups of all other tables (counters.py)",
        sqlite_with_rowid=False,
    )
    op.add_column("videos", sa.Column("added_at", sa.DateTime(timezone=True)))
    op.add_column("flow_runs", sa.Column("progress", sa.Float))
    op.create_index("clips_waiting", "clips", ["stage", "moved_at"])
    op.create_index("flow_runs_by_start", "flow_runs", ["started"])


def downgrade() -> None:
    """Revert to 0002; `catalog rebuild` makes the totals of that version."""
    op.drop_index("flow_runs_by_start", "flow_runs")
    op.drop_index("clips_waiting", "clips")
    with op.batch_alter_table("videos") as batch:
        batch.drop_column("added_at")
    with op.batch_alter_table("flow_runs") as batch:
        batch.drop_column("progress")
    op.drop_table("counters")
    for name, keys in (
        ("stage_counts", ("camera", "stage")),
        ("hit_counts", ("camera", "trigger")),
    ):
        op.create_table(
            name,
            *(sa.Column(key, sa.Text, primary_key=True) for key in keys),
            sa.Column("clips" if name == "stage_counts" else "hits", sa.Integer, nullable=False),
        )

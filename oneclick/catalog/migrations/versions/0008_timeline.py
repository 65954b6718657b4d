"""When each recording ended, and hits in order of time: what a timeline of one hour reads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade from 0007. `migrate.upgrade` fills the times and counters of the timeline."""
    op.add_column("videos", sa.Column("ended_at", sa.DateTime(timezone=True)))
    op.create_index("videos_by_time", "videos", ["camera", "started_at", "ended_at"])
    op.drop_index("hits_of_video", "hits")
    op.create_index("hits_of_video", "hits", ["video", "start"])
    op.create_index(
        "counters_by_lane",
        "counters",
        ["kind", "size", "who", "what", "start", "value"],
        sqlite_where=sa.text("kind = 'hit'"),
        postgresql_where=sa.text("kind = 'hit'"),
    )


def downgrade() -> None:
    """Revert to 0007."""
    op.execute("DELETE FROM counters WHERE size = 3600 OR kind = 'scanned'")
    op.drop_index("counters_by_lane", "counters")
    op.drop_index("hits_of_video", "hits")
    op.create_index("hits_of_video", "hits", ["video", "trigger"])
    op.drop_index("videos_by_time", "videos")
    op.drop_column("videos", "ended_at")

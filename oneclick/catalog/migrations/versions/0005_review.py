"""Tables of the review pages: the sessions of users who signed in, the queue with its leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade from 0004."""
    op.create_table(
        "web_sessions",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        comment="sessions of the review pages; the digest is of a token that only the browser has",
    )
    op.create_index("sessions_of_user", "web_sessions", ["user"])
    op.create_table(
        "review_queue",
        sa.Column("clip", sa.Text, primary_key=True),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("doubts", sa.Integer, nullable=False),
        sa.Column("expected", sa.Float, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        comment="clips that wait in our own queue, and who reviews them (review_queue.py)",
    )
    op.create_index("queue_by_worth", "review_queue", ["expected", "clip"])


def downgrade() -> None:
    """Revert to 0004; everybody signs in again, and leases end."""
    op.drop_index("queue_by_worth", "review_queue")
    op.drop_table("review_queue")
    op.drop_index("sessions_of_user", "web_sessions")
    op.drop_table("web_sessions")

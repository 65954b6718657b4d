"""Who may not review a clip: a second look is blind, and not for whom looked first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade from 0005."""
    op.add_column("review_queue", sa.Column("barred", sa.Text))


def downgrade() -> None:
    """Revert to 0005; clips of second looks leave the queue until it is compared with the files."""
    op.execute("DELETE FROM review_queue WHERE barred IS NOT NULL")
    op.drop_column("review_queue", "barred")

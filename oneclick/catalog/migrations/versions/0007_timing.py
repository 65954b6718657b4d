"""True times of the frames of a recording where they are uneven, and what was done to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade from 0006."""
    for name in ("timing", "notes"):
        op.add_column("videos", sa.Column(name, sa.Text))


def downgrade() -> None:
    """Revert to 0006; recordings count as evenly spaced until the catalog is rebuilt."""
    for name in ("timing", "notes"):
        op.drop_column("videos", name)

"""Which trigger is charged for a clip, and how much video a control clip stands for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("selections", "clips")


def upgrade() -> None:
    """Upgrade from 0001: older clips are charged to no trigger and stand for no video."""
    for table in TABLES:
        op.add_column(table, sa.Column("led_by", sa.Text, nullable=False, server_default=""))
        op.add_column(table, sa.Column("stands_for", sa.Float, nullable=False, server_default="0"))


def downgrade() -> None:
    """Revert to 0001."""
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("stands_for")
            batch.drop_column("led_by")

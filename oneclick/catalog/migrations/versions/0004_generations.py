"""The generation of the catalog, by which it is known to be behind its files."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Upgrade from 0003."""
    table = op.create_table(
        "generations",
        sa.Column("catalog", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        comment="one row (generations.py)",
    )
    op.bulk_insert(table, [{"catalog": uuid.uuid4().hex, "number": 0}])


def downgrade() -> None:
    """Revert to 0003."""
    op.drop_table("generations")

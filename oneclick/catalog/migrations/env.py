"""Alembic environment: migrates on the connection, and in the transaction, of the caller."""

from __future__ import annotations

from alembic import context

from oneclick.catalog import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    render_as_batch=True,  # SQLite changes a column by copying the table
)
with context.begin_transaction():
    context.run_migrations()

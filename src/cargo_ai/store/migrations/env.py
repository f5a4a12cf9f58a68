"""The environment of a migration: the connection that `store.migrate` opened, one transaction per migration."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()

"""What Alembic runs: the missing steps, on the connection that `open_database` hands in."""

from __future__ import annotations

from alembic import context

# The connection is in a transaction that holds the store's lock, so every step lands or none.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()

"""Collections, jobs and runs belong to a project; names are unique in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NAMED = ("runs", "collections")
_OWN = "uq_{table}_project_name"
# The constraint of the first versions: SQLite has no name for it, PostgreSQL made one up.
_FORMER = {"sqlite": "uq_{table}_name", "postgresql": "{table}_name_key"}
_CONVENTION = {"uq": "uq_%(table_name)s_%(column_0_name)s"}


def upgrade() -> None:
    for table in ("jobs", *_NAMED):
        op.add_column(
            table, sa.Column("project", sa.String(64), nullable=False, server_default="default")
        )
    _exchange(_FORMER[op.get_bind().dialect.name], _OWN, "project", "name")


def downgrade() -> None:
    """Fails where two projects have a name in common."""
    _exchange(_OWN, _FORMER[op.get_bind().dialect.name], "name")
    for table in ("jobs", *_NAMED):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("project")


def _exchange(former: str, name: str, *columns: str) -> None:
    """Make `columns` unique in place of what was."""
    for table in _NAMED:
        with op.batch_alter_table(table, naming_convention=_CONVENTION) as batch:
            batch.drop_constraint(former.format(table=table), type_="unique")
            batch.create_unique_constraint(name.format(table=table), list(columns))

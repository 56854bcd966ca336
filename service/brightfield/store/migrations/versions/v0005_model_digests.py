"""The digest of what made a collection's vectors; null for collections that are there already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("collections", sa.Column("model_digest", sa.String(64)))


def downgrade() -> None:
    with op.batch_alter_table("collections") as table:
        table.drop_column("model_digest")

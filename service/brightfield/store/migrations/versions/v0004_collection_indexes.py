"""Approximate indexes of collections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "collection_indexes",
        sa.Column("collection", sa.String(32), primary_key=True),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("filled", sa.BigInteger, nullable=False),
        sa.Column("recalls", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(["collection"], ["collections.key"], ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("collection_indexes")

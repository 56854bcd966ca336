"""Which models shall be in memory at every replica."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "model_wishes",
        sa.Column("model", sa.String(255), primary_key=True),
        sa.Column("resident", sa.Boolean, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("anew", sa.Boolean, nullable=False),
        sa.Column("replica", sa.String(64), nullable=False),
        sa.Column("cards_digest", sa.String(64), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("model_wishes")

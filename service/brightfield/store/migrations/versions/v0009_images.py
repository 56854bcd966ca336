"""Uploaded images in a table; where a replica keeps its images."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "images",
        sa.Column("project", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("used", sa.Double, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_images_used", "images", ["used"])
    op.add_column("replicas", sa.Column("images", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_table("images")
    with op.batch_alter_table("replicas") as batch:
        batch.drop_column("images")

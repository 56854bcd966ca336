"""Collections of vectors, their items, and maps of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "collections",
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(128), nullable=False, unique=True),
        sa.Column("properties", sa.JSON, nullable=False),
        sa.Column("dim", sa.Integer),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("added", sa.BigInteger, nullable=False),
        sa.Column("deletions", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "collection_items",
        sa.Column("collection", sa.String(32), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(512), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["collection"], ["collections.key"], ondelete="CASCADE"),
        sa.UniqueConstraint("collection", "id", name="uq_collection_items_id"),
    )
    for name in ("collection_thumbnails", "collection_images"):
        _create_pictures(name)
    _create_projections()


def _create_pictures(name: str) -> None:
    op.create_table(
        name,
        sa.Column("collection", sa.String(32), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["collection", "number"],
            ["collection_items.collection", "collection_items.number"],
            ondelete="CASCADE",
        ),
    )


def _create_projections() -> None:
    op.create_table(
        "projections",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("collection", sa.String(32), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("numbers", sa.LargeBinary, nullable=False),
        sa.Column("points", sa.LargeBinary, nullable=False),
        sa.Column("arrays", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["collection"], ["collections.key"], ondelete="CASCADE"),
    )
    op.create_index("ix_projections_collection", "projections", ["collection"])
    op.create_table(
        "projection_places",
        sa.Column("projection", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("point", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["projection"], ["projections.id"], ondelete="CASCADE"),
    )


def downgrade() -> None:
    for name in (
        "projection_places",
        "projections",
        "collection_images",
        "collection_thumbnails",
        "collection_items",
        "collections",
    ):
        op.drop_table(name)

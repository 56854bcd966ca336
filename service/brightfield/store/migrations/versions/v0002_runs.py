"""Evaluation runs: their chunks, and the ids that each run has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(255), unique=True),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("frame", sa.JSON(none_as_null=True)),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("touched", sa.Double, nullable=False),
    )
    op.create_index("ix_runs_created", "runs", ["created"])
    op.create_index("ix_runs_touched", "runs", ["touched"])
    op.create_table(
        "run_chunks",
        _run(),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "run_ids",
        _run(),
        sa.Column("id", sa.LargeBinary(16), primary_key=True),
        sqlite_with_rowid=False,
    )


def _run() -> sa.Column[str]:
    return sa.Column(
        "run", sa.String(64), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
    )


def downgrade() -> None:
    op.drop_table("run_ids")
    op.drop_table("run_chunks")
    op.drop_table("runs")

"""Processes say which models they serve; a job's models are known before it begins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Jobs that wait are left without models: whoever claims one that it can't run refuses it."""
    op.add_column(
        "replicas", sa.Column("scheme", sa.String(8), nullable=False, server_default="http")
    )
    op.add_column("replicas", sa.Column("serves", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "job_models",
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("model", sa.String(255), primary_key=True),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("job_models")
    with op.batch_alter_table("replicas") as batch:
        batch.drop_column("serves")
        batch.drop_column("scheme")

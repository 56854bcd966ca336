"""The tables of the store, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("endpoint", sa.String(255), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("created", sa.Double, nullable=False),  # seconds since 1970, like `finished`
    sa.Column("finished", sa.Double),
    sa.Column("problem", sa.JSON(none_as_null=True)),
    sa.Column("owner", sa.String(255), nullable=False),  # the process that runs it, see owner.py
    sa.Index("ix_jobs_state", "state"),
    sa.Index("ix_jobs_finished", "finished"),
)

# Apart from `jobs`, so that asking for a job's state never reads past a body of 100 MB.
job_results = sa.Table(
    "job_results",
    metadata,
    sa.Column("job", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255), unique=True),
    sa.Column("task", sa.String(64), nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("frame", sa.JSON(none_as_null=True)),  # what its chunks agree on; null without any
    sa.Column("created", sa.Double, nullable=False),  # seconds since 1970, like `touched`
    sa.Column("touched", sa.Double, nullable=False),
    sa.Index("ix_runs_created", "created"),
    sa.Index("ix_runs_touched", "touched"),
)

run_chunks = sa.Table(
    "run_chunks",
    metadata,
    sa.Column("run", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("media_type", sa.String(64), nullable=False),  # of the payload
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)

# The ids of all chunks of a run, as digests: an id may be longer than an index allows.
run_ids = sa.Table(
    "run_ids",
    metadata,
    sa.Column("run", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sqlite_with_rowid=False,
)

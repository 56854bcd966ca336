"""The tables of the store, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa

from brightfield.store.ownership import DEFAULT_PROJECT

metadata = sa.MetaData()


def _project() -> sa.Column[str]:
    """Whose it is, see ownership.py."""
    return sa.Column("project", sa.String(64), nullable=False, server_default=DEFAULT_PROJECT)


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
    sa.Column("owner", sa.String(255), nullable=False),  # the replica that runs it, else empty
    _project(),
    sa.Column("line", sa.String(64), nullable=False, server_default=""),  # in which it waits
    sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("told", sa.BigInteger, nullable=False, server_default="0"),  # the newest event
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

# There until the job is over, so whoever may begin it again.
job_requests = sa.Table(
    "job_requests",
    metadata,
    sa.Column("job", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("method", sa.String(16), nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),  # pairs, without what says who asked
    sa.Column("request_id", sa.String(128), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# The models that a job needs, so whoever serves them all runs it.
job_models = sa.Table(
    "job_models",
    metadata,
    sa.Column("job", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("model", sa.String(255), primary_key=True),
)

# Numbered within the job; its end is an event, too, which the job itself tells (see `told`).
job_events = sa.Table(
    "job_events",
    metadata,
    sa.Column("job", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),  # JSON
)

# The processes of the service, see replicas.py.
replicas = sa.Table(
    "replicas",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("place", sa.String(255), nullable=False),  # within which `pid` means something
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("began", sa.Double, nullable=False),
    sa.Column("address", sa.String(255), nullable=False),
    sa.Column("scheme", sa.String(8), nullable=False, server_default="http"),
    sa.Column("serves", sa.Text, nullable=False, server_default=""),  # see served_models.py
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("cards_digest", sa.String(64), nullable=False),
    sa.Column("residents", sa.JSON, nullable=False),
    sa.Column("images", sa.Text, nullable=False, server_default=""),  # where it keeps them
    sa.Column("started", sa.Double, nullable=False),  # by the database's clock, like `beat`
    sa.Column("beat", sa.Double, nullable=False),
)

# Uploaded images, where they are not in a folder.
images = sa.Table(
    "images",
    metadata,
    sa.Column("project", sa.String(64), primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("used", sa.Double, nullable=False),  # by the database's clock, to within a minute
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("ix_images_used", "used"),
)

# Of each model the newest wish, see wishes.py.
model_wishes = sa.Table(
    "model_wishes",
    metadata,
    sa.Column("model", sa.String(255), primary_key=True),
    sa.Column("resident", sa.Boolean, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False),
    sa.Column("anew", sa.Boolean, nullable=False),
    sa.Column("replica", sa.String(64), nullable=False),
    sa.Column("cards_digest", sa.String(64), nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
)

# What lives with the processes and is worth nothing to another store.
PASSING = frozenset({job_requests, job_models, job_events, replicas, images, model_wishes})

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(255)),
    sa.Column("task", sa.String(64), nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("frame", sa.JSON(none_as_null=True)),  # what its chunks agree on; null without any
    sa.Column("created", sa.Double, nullable=False),  # seconds since 1970, like `touched`
    sa.Column("touched", sa.Double, nullable=False),
    _project(),
    sa.UniqueConstraint("project", "name", name="uq_runs_project_name"),
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

collections = sa.Table(
    "collections",
    metadata,
    # Not the name, which another collection may bear after this one was deleted.
    sa.Column("key", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("properties", sa.JSON, nullable=False),
    sa.Column("dim", sa.Integer),  # unknown until the first vector
    sa.Column("model_digest", sa.String(64)),  # of all that made the vectors; see collections.py
    sa.Column("created", sa.Double, nullable=False),
    _project(),
    sa.UniqueConstraint("project", "name", name="uq_collections_project_name"),
)

# What is counted of a collection, in parts that are written to at the same time; see shards.py.
collection_shards = sa.Table(
    "collection_shards",
    metadata,
    sa.Column("collection", sa.ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("newest", sa.BigInteger, nullable=False),  # the number of the newest item
    sa.Column("changes", sa.BigInteger, nullable=False),  # how often an item came or went
    sa.Column("deletions", sa.BigInteger, nullable=False),
)

# A number is never used twice, and says the item's shard.
collection_items = sa.Table(
    "collection_items",
    metadata,
    sa.Column("collection", sa.ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(512), nullable=False),
    sa.Column("source", sa.String(80), nullable=False),  # the digest of what was sent
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),  # little-endian, of the collection's dtype
    sa.UniqueConstraint("collection", "id", name="uq_collection_items_id"),
)


def _pictures(name: str) -> sa.Table:
    """A picture for an item, apart from the items, so that reading all vectors reads none."""
    return sa.Table(
        name,
        metadata,
        sa.Column("collection", sa.String(32), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["collection", "number"],
            ["collection_items.collection", "collection_items.number"],
            ondelete="CASCADE",
        ),
    )


collection_thumbnails = _pictures("collection_thumbnails")
# The images themselves, of collections that keep them.
collection_images = _pictures("collection_images")

projections = sa.Table(
    "projections",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("collection", sa.ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("numbers", sa.LargeBinary, nullable=False),  # int64 of the items it was made of
    sa.Column("points", sa.LargeBinary, nullable=False),  # float32
    sa.Column("arrays", sa.LargeBinary, nullable=False),  # npz: what placing others needs
    sa.Index("ix_projections_collection", "collection"),
)

# What was placed later, item by item, so that two processes that place do not collide.
projection_places = sa.Table(
    "projection_places",
    metadata,
    sa.Column("projection", sa.ForeignKey("projections.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("point", sa.LargeBinary, nullable=False),  # float32
)

# Approximate indexes that were asked for; the vectors in them are in tables of their own, which
# PostgreSQL alone has (see hnsw_table.py).
collection_indexes = sa.Table(
    "collection_indexes",
    metadata,
    sa.Column("collection", sa.ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("method", sa.String(16), nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),  # its parameters and the versions that built it
    sa.Column("reach", sa.JSON, nullable=False),  # of each shard, up to where it was put in
    sa.Column("recalls", sa.JSON, nullable=False),  # as measured, for several settings of a search
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),  # the part of a key that isn't secret
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("project", sa.String(64), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),  # of the secret, with the salt
    sa.Column("limits", sa.JSON, nullable=False),
    sa.Column("created", sa.Double, nullable=False),  # seconds since 1970, like the others
    sa.Column("expires", sa.Double),
    sa.Column("revoked", sa.Double),
    sa.Column("used", sa.Double),  # to within an hour
)

"""How many bytes a project has in the store."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.store import tables
from brightfield.store.database import reading
from brightfield.store.ownership import project_of


def stored_bytes(engine: Engine) -> int:
    """Bytes of the vectors, pictures, maps, chunks, requests, results of the project of `engine`.

    Only what callers send or compute counts, not the rows around it, nor the indexes.
    """
    with reading(engine) as connection:
        return sum(connection.execute(query).scalar_one() for query in _queries(connection))


def _queries(connection: Connection) -> list[sa.Select[int]]:
    """One for each table of large values. Databases know a value's length without reading it."""
    owners = {
        tables.collections.c.key: (
            tables.collection_items.c.vector,
            tables.collection_thumbnails.c.body,
            tables.collection_images.c.body,
            tables.projections.c.arrays,
            tables.projections.c.points,
        ),
        tables.runs.c.id: (tables.run_chunks.c.payload,),
        tables.jobs.c.id: (tables.job_results.c.body, tables.job_requests.c.body),
    }
    project = project_of(connection)
    return [_total(owner, value, project) for owner, values in owners.items() for value in values]


def _total(owner: sa.Column[str], value: sa.Column[bytes], project: str) -> sa.Select[int]:
    held, owning = value.table, owner.table
    reference = next(each for each in held.c if each.name in ("collection", "run", "job"))
    size = sa.func.coalesce(sa.func.sum(sa.func.length(value)), 0)
    joined = held.join(owning, reference == owner)
    return sa.select(size).select_from(joined).where(owning.c.project == project)

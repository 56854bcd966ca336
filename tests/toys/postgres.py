"""A schema of its own on a server of PostgreSQL, for as long as a test needs it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def schema_on(server: str) -> Iterator[str]:
    """The address of a new schema, which is dropped at the end."""
    schema = f"test_{uuid.uuid4().hex}"
    address = sa.make_url(server).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(address)
    with admin.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    own = address.update_query_dict({"options": f"-csearch_path={schema}"})
    yield own.render_as_string(hide_password=False)
    with admin.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    admin.dispose()

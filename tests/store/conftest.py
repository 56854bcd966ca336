"""A store of its own for every test: SQLite, or a new schema in BRIGHTFIELD_TEST_DATABASE_URL."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from brightfield.store.database import open_database


@pytest.fixture
def store_url(tmp_path: Path) -> Iterator[str]:
    server = os.environ.get("BRIGHTFIELD_TEST_DATABASE_URL")
    if not server:
        yield f"sqlite:///{tmp_path / 'data' / 'brightfield.db'}"
        return
    schema = f"test_{uuid.uuid4().hex}"
    admin = sa.create_engine(server)
    with admin.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    address = sa.make_url(server).update_query_dict({"options": f"-csearch_path={schema}"})
    yield address.render_as_string(hide_password=False)
    with admin.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    admin.dispose()


@pytest.fixture
def engine(store_url: str) -> Iterator[sa.Engine]:
    engine = open_database(store_url)
    yield engine
    engine.dispose()

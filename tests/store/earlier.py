"""Stores of earlier versions, for tests."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from brightfield.store import migrations


def to_revision(engine: sa.Engine, revision: str) -> None:
    """The store as an earlier version left it."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        if engine.dialect.name == "sqlite":
            raw.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        held = connection.execution_options(brightfield_writes=True)
        with held.begin():
            config.attributes["connection"] = held
            command.downgrade(config, revision)

"""Watching PostgreSQL while it builds an index: its progress, and its end if nobody waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine

from brightfield.store.database import reading

_EVERY = 0.25  # seconds


@contextmanager
def watched(
    engine: Engine, connection: Connection, tell: Callable[[float], None]
) -> Iterator[None]:
    """While the block waits for the index, call `tell` with the share, 0 to 1, that is done.

    What `tell` raises ends the statement, and is raised from here.
    """
    driver: Any = connection.connection.driver_connection
    faults: list[Exception] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_EVERY):
            try:
                tell(_share(engine, driver.info.backend_pid))
            except Exception as fault:
                faults.append(fault)
                driver.cancel_safe()
                return

    thread = threading.Thread(target=watch, name="index-progress", daemon=True)
    thread.start()
    try:
        yield
    except exc.DBAPIError:
        if not faults:
            raise
    finally:
        over.set()
        thread.join()
    if faults:
        raise faults[0]


def _share(engine: Engine, pid: int) -> float:
    query = sa.text(
        "SELECT blocks_done / greatest(blocks_total, 1)::float8 "
        "FROM pg_stat_progress_create_index WHERE pid = :pid"
    )
    with reading(engine) as connection:
        share: float | None = connection.execute(query, {"pid": pid}).scalar_one_or_none()
    return min(1.0, share or 0.0)

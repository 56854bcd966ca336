"""Whose turn it is: those who write to one thing do so together, unless one must be alone.

A turn ends with its transaction. On PostgreSQL turns are advisory locks, in whose queue nobody is
overtaken: writers that come one after another all the time can't keep out for ever the one that
must be alone, as they could by locks of rows. On SQLite whoever writes is alone anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine

from brightfield.outages import StoreBusy
from brightfield.store import faults
from brightfield.store.database import writing

T = TypeVar("T")


class InTheWay(Exception):
    """What was begun together with others must be done alone."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A way of writing: together with others who do so, or alone."""

    alone: bool

    def take(self, connection: Connection, what: str) -> None:
        """Wait until it is this transaction's turn at the thing of that name."""
        if connection.dialect.name == "postgresql":
            lock = "pg_advisory_xact_lock" if self.alone else "pg_advisory_xact_lock_shared"
            name = sa.func.hashtextextended(what, 0)
            connection.execute(sa.select(getattr(sa.func, lock)(name)))

    def need_alone(self) -> None:
        """Raises `InTheWay` unless the turn is such; on SQLite, too, for the same way on both."""
        if not self.alone:
            raise InTheWay


TOGETHER, ALONE = Turn(alone=False), Turn(alone=True)


def in_turn(engine: Engine, work: Callable[[Connection, Turn], T]) -> T:
    """Do some work in a transaction together with others; where one of them is in its way, undo
    it, and do it alone.

    Others are in the way if two write the same unique value, or wait for one another. What `work`
    raises when it is alone is raised from here.
    """
    try:
        with writing(engine) as connection:
            return work(connection, TOGETHER)
    except (InTheWay, exc.IntegrityError):
        pass
    except StoreBusy as fault:
        if not faults.is_deadlock(fault):
            raise
    with writing(engine) as connection:
        return work(connection, ALONE)

"""The database's clock, which all processes have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

LeaseClock = Callable[[], sa.ColumnElement[float]]
"""Gives an expression that is a moment, in seconds since 1970."""


class database_now(FunctionElement[float]):  # noqa: N801 (it reads as a function, as sa.func.now)
    """The moment at which a statement runs, by the clock of the database."""

    type = sa.Double()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _sqlite(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_now, "postgresql")
def _postgresql(*_: Any, **__: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"

"""Which models shall be in memory at every replica: what was asked for at one, all follow."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.store import tables
from brightfield.store.channel import Channel
from brightfield.store.database import reading, writing

_LOCK_KEY = 0x6272696A  # PostgreSQL's advisory lock of wishes: any number, always the same


@dataclass(frozen=True, slots=True)
class ModelWish:
    """That a model shall be in memory, or not, everywhere."""

    model: str
    resident: bool
    pinned: bool
    anew: bool
    """Whether its card is to be read again."""
    replica: str
    """Where it was asked for."""
    cards_digest: str
    """Of all the cards of that replica afterwards."""
    generation: int = 0
    """Counts the wishes of the store; a later wish about a model takes the place of the former."""


class ModelWishes:
    """The wishes in a store. Every method may be called from any thread."""

    def __init__(self, engine: Engine, channel: Channel) -> None:
        self._engine = engine
        self._channel = channel

    def wish(self, wish: ModelWish) -> None:
        """Keep a wish, with the next generation, and tell all replicas."""
        table = tables.model_wishes
        with writing(self._engine) as connection:
            _in_turn(connection)
            last = sa.select(sa.func.coalesce(sa.func.max(table.c.generation), 0))
            values = asdict(wish) | {"generation": connection.execute(last).scalar_one() + 1}
            connection.execute(sa.delete(table).where(table.c.model == wish.model))
            connection.execute(sa.insert(table).values(**values))
            self._channel.post(connection, ("wishes", wish.model))

    def after(self, generation: int) -> list[ModelWish]:
        """The wishes that came after one, in their order."""
        table = tables.model_wishes
        query = sa.select(table).where(table.c.generation > generation)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.generation))
            return [ModelWish(**row._mapping) for row in rows]

    def forget(self) -> None:
        """Delete all: nobody is there who follows them."""
        with writing(self._engine) as connection:
            connection.execute(sa.delete(tables.model_wishes))


def _in_turn(connection: Connection) -> None:
    """Until the transaction's end no other takes a number; on SQLite none writes anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))

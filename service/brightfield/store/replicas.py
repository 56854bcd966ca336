"""Who is alive: each process of a service is a replica, and renews its lease.

A lease is counted by the database's clock, since those of machines differ. A replica whose lease
is over counts as dead; so does one of this machine whose process has ended, at once. One that was
only slow finds its work with others (`job_claims`), and what it did meanwhile is dropped.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from brightfield.served_models import ServedModels
from brightfield.store import tables
from brightfield.store.database import reading, relaxed
from brightfield.store.database_clock import LeaseClock, database_now
from brightfield.store.process import ProcessIdentity, this_process


@dataclass(frozen=True, slots=True)
class Replica:
    """A process of the service, as it tells of itself."""

    id: str
    process: ProcessIdentity
    address: str
    """Where it can be asked itself, as `10.0.0.2:8000`; empty if nobody can."""
    version: str
    images: str = ""
    """Where it keeps uploaded images (`ImageStore.place`)."""
    cards_digest: str = ""
    """Of all its model cards; replicas with the same answer with the same models."""
    residents: tuple[str, ...] = ()
    """The models that it has in memory."""
    scheme: str = "http"
    """By which it is asked at its address: `http`, or `https`."""
    serves: str = ""
    """The models that it loads, as `ServedModels.read` reads them."""
    started: float = 0.0
    beat: float = 0.0
    """When it renewed its lease, by the database's clock."""

    @property
    def served(self) -> ServedModels:
        """The models that it loads."""
        return ServedModels.read(self.serves)


def this_replica(address: str, version: str) -> Replica:
    """The replica that this process is; each call makes another one."""
    return Replica(f"replica_{uuid.uuid4().hex}", this_process(), address, version)


class Replicas:
    """The replicas of a store, each with a lease of `lease` seconds.

    Every method may be called from any thread.
    """

    def __init__(self, engine: Engine, lease: float, clock: LeaseClock = database_now) -> None:
        self._engine = engine
        self._lease = lease
        self._clock = clock

    def renew(self, replica: Replica) -> None:
        """The replica is alive, and is as it says; the first time, too."""
        table, now = tables.replicas, self._clock()
        row = asdict(replace(replica, residents=()))
        row |= row.pop("process") | {"residents": list(replica.residents)}
        del row["started"], row["beat"]
        with relaxed(self._engine) as connection:
            known = sa.update(table).where(table.c.id == replica.id)
            if connection.execute(known.values(**row, beat=now)).rowcount == 0:
                connection.execute(sa.insert(table).values(**row, started=now, beat=now))

    def leave(self, replica_id: str) -> None:
        """The replica ends, and is known no more."""
        table = tables.replicas
        with relaxed(self._engine) as connection:
            connection.execute(sa.delete(table).where(table.c.id == replica_id))

    def alive(self) -> list[Replica]:
        """Those that are alive, the oldest first."""
        with reading(self._engine) as connection:
            return self.living(connection)

    def living(self, connection: Connection) -> list[Replica]:
        """As `alive`, within a transaction."""
        table = tables.replicas
        held = table.c.beat > self._clock() - self._lease
        query = sa.select(table).where(held).order_by(table.c.started, table.c.id)
        found = [_replica(row) for row in connection.execute(query)]
        return [each for each in found if not each.process.has_ended]

    def lives(self, replica_id: str) -> sa.ColumnElement[bool]:
        """Whether a replica's lease holds, as a condition of a statement."""
        table = tables.replicas
        held = table.c.beat > self._clock() - self._lease
        return sa.exists().where(table.c.id == replica_id, held)

    def clear(self) -> int:
        """Forget the dead, of whom nothing is left to do; how many."""
        table = tables.replicas
        with reading(self._engine) as connection:
            known: Sequence[str] = connection.scalars(sa.select(table.c.id)).all()
            dead = set(known) - {each.id for each in self.living(connection)}
        if dead:
            with relaxed(self._engine) as connection:
                connection.execute(sa.delete(table).where(table.c.id.in_(dead)))
        return len(dead)


def _replica(row: sa.Row[tuple[object, ...]]) -> Replica:
    values = dict(row._mapping)
    process = ProcessIdentity(*(values.pop(name) for name in ("host", "place", "pid", "began")))
    return Replica(process=process, **values | {"residents": tuple(values["residents"])})

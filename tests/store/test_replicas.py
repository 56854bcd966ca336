"""Leases by a clock that all replicas have in common."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from brightfield.store.database_clock import database_now
from brightfield.store.process import this_process
from brightfield.store.replicas import Replica, Replicas

from .conftest import Clock
from .jobs_at_hand import clock_of

LEASE = 15.0


def replica(name: str, place: str = "elsewhere") -> Replica:
    return Replica(name, replace(this_process(), place=place), "10.0.0.2:8000", "1.0")


@pytest.fixture
def replicas(engine: sa.Engine, clock: Clock) -> Replicas:
    return Replicas(engine, LEASE, clock_of(clock))


def names(replicas: Replicas) -> list[str]:
    return [each.id for each in replicas.alive()]


def test_who_does_not_renew_its_lease_is_dead(replicas: Replicas, clock: Clock) -> None:
    for name in ("one", "two"):
        replicas.renew(replica(name))
        clock.now += 1
    clock.now += LEASE - 1.5
    assert names(replicas) == ["two"]
    known = replace(replica("two"), cards_digest="abc", residents=("cells", "nuclei"))
    replicas.renew(known)
    clock.now += LEASE - 1
    (alive,) = replicas.alive()
    assert replace(alive, started=0.0, beat=0.0) == known
    assert (alive.started, alive.beat) == (1_000_001.0, clock.now - (LEASE - 1))
    assert replicas.clear() == 1
    replicas.renew(replica("one"))  # was slow, and is as if new
    assert names(replicas) == ["two", "one"]
    replicas.leave("two")
    assert names(replicas) == ["one"]


def test_an_ended_process_of_this_place_is_dead_at_once(replicas: Replicas) -> None:
    own = this_process()
    replicas.renew(Replica("own", own, "", "1.0"))
    replicas.renew(Replica("former", replace(own, began=own.began - 60), "", "1.0"))
    assert names(replicas) == ["own"]


def test_the_database_knows_the_time(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        now = connection.execute(sa.select(database_now())).scalar_one()
    assert now == pytest.approx(time.time(), abs=60)

"""Writers, deleters and readers by chance, killed and started again: equal to the model.

BRIGHTFIELD_RANDOM_OPERATIONS=100000 pytest -m slow -s tests/store/test_random_writers.py
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from brightfield.collections.vector_cache import VectorCache
from brightfield.store.collections import Collections, Properties
from brightfield.store.items import Items
from brightfield.store.shards import NOTHING

from .acknowledged import Model, Own
from .random_writer import NAME, WRITERS, done, drawn

PROGRAM = Path(__file__).with_name("random_writer.py")
OPERATIONS = int(os.environ.get("BRIGHTFIELD_RANDOM_OPERATIONS", "1500"))
PER_KILL = min(4000, OPERATIONS // 2)


@pytest.fixture
def model(engine: sa.Engine) -> Model:
    Collections(engine).make(NAME, Properties())
    return Model({writer: Own() for writer in range(WRITERS)})


def parted(values: Mapping[str, int]) -> dict[int, dict[str, int]]:
    """Each writer's own ids."""
    own: dict[int, dict[str, int]] = {writer: {} for writer in range(WRITERS)}
    for name, value in values.items():
        if name.startswith("w"):
            own[int(name[1:].partition("/")[0])][name] = value
    return own


def listed(items: Items) -> dict[str, int]:
    """As a listing shows the collection."""
    with items.moment(NAME) as moment:
        found = list(moment.items())
        assert len({each.id for each in found}) == len(found) == moment.collection.size
    return {each.id: int(each.source[1:]) for each in found}


def cached(vectors: VectorCache, collections: Collections) -> dict[str, int]:
    """As searches see the collection: ids, metadata and vectors of one moment."""
    snapshot = vectors.at(collections.get(NAME), detailed=True)
    assert snapshot.items is not None
    assert len(snapshot) == len(snapshot.items) == snapshot.collection.size
    assert [each.number for each in snapshot.items] == snapshot.numbers.tolist()
    values = snapshot.stored.rows(np.arange(len(snapshot)))[:, 0] if len(snapshot) else []
    found = {each.id: int(value) for each, value in zip(snapshot.items, values, strict=True)}
    assert [f"s{value}" for value in found.values()] == [each.source for each in snapshot.items]
    return found


class Follower:
    """Reads what came since, and never again what it has read."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._reach = NOTHING
        self._read: dict[int, tuple[str, int]] = {}

    def look(self) -> dict[str, int]:
        """Of what was read so far, what is there; a number that was missed raises."""
        with self._items.moment(NAME) as moment:
            for each in moment.newer(self._reach):
                assert each.number not in self._read
                self._read[each.number] = (each.id, int(each.source[1:]))
            self._reach = moment.collection.reach
            return dict(self._read[number] for number in moment.numbers().tolist())


@contextmanager
def readers(engine: sa.Engine, model: Model) -> Iterator[list[int]]:
    """Read all the time, and compare with what the model allows; how often each has looked."""
    items, collections = Items(engine), Collections(engine)
    vectors = VectorCache(items, 2**24)
    looks: tuple[Callable[[], dict[str, int]], ...] = (
        lambda: listed(items),
        lambda: cached(vectors, collections),
        Follower(items).look,
    )
    stop, wrong, counts = threading.Event(), [], [0] * len(looks)

    def read(index: int) -> None:
        try:
            while not stop.is_set():
                since = model.reached()
                for writer, found in parted(looks[index]()).items():
                    assert explained(model, writer, found, since[writer]), (writer, found)
                counts[index] += 1
                stop.wait(0.1)
        except BaseException as fault:
            wrong.append(fault)

    threads = [threading.Thread(target=read, args=(index,)) for index in range(len(looks))]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong


def explained(model: Model, writer: int, found: Mapping[str, int], since: int) -> bool:
    """The journal may come later than what it tells of."""
    deadline = time.monotonic() + 20
    while not model.explains(writer, found, since):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def check(engine: sa.Engine, model: Model) -> None:
    """When nobody writes any more."""
    items = Items(engine)
    items.delete(NAME, [])  # waits for what a killed writer has left with the server
    found = listed(items)
    model.settle(parted(found))
    for writer, own in parted(found).items():
        assert own == model.own[writer].states[-1], writer
    model.check_shared({name: value for name, value in found.items() if name[0] == "s"})


def test_threads_that_write_at_once_are_as_the_model(engine: sa.Engine, model: Model) -> None:
    items = Items(engine)

    def work(writer: int) -> None:
        rng = random.Random(writer)
        for turn in range(40):
            line = {"writer": writer, "turn": turn}
            action = drawn(rng, writer, turn)
            model.hear({**line, "begun": action, "time": time.monotonic()}, WRITERS)
            outcome = done(items, writer, turn, action)
            model.hear({**line, "outcome": outcome, "time": time.monotonic()}, WRITERS)

    with readers(engine, model):
        threads = [threading.Thread(target=work, args=(writer,)) for writer in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert model.operations == WRITERS * 40
    check(engine, model)


@pytest.mark.slow
@pytest.mark.timeout(120 + OPERATIONS // 5)
def test_processes_that_are_killed_leave_what_was_acknowledged(
    engine: sa.Engine, model: Model, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kills, turn, rng = 0, 0, random.Random(7)
    began = time.monotonic()
    with readers(engine, model) as counts:
        while model.operations < OPERATIONS:
            before = model.operations
            most = min(OPERATIONS, before + rng.randint(PER_KILL // 2, PER_KILL))
            command = [sys.executable, str(PROGRAM), store_url, str(turn), "1000000", str(turn)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
                follow(writer, model, most)
            kills += 1
            turn += model.operations - before
            check(engine, model)
            with capsys.disabled():
                print(f" {model.operations}", end="", flush=True)
    with capsys.disabled():
        print(
            f"\n{engine.dialect.name}: {model.operations} operations, {kills} kills, "
            f"{counts} readings, {time.monotonic() - began:.0f} s"
        )


def follow(writer: subprocess.Popen[str], model: Model, most: int) -> None:
    """Hear the journal until so many operations are done; then kill, and hear what was left."""
    assert writer.stdout is not None
    for text in writer.stdout:
        if not text.endswith("\n"):
            break  # a line that the kill has cut
        line: dict[str, Any] = json.loads(text)
        model.hear(line, WRITERS)
        if model.operations == most:
            os.kill(writer.pid, signal.SIGKILL)

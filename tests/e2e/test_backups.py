"""Backups that are made, and put back, while writers go on: each is the store at one moment."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx2
import pytest

from brightfield.store.backup import restore
from brightfield.store.collections import Collections
from brightfield.store.database import open_database
from brightfield.store.items import Items
from brightfield_client.cli import main

from .killable import Service, running

BATCH, WRITERS, BACKUPS, SECONDS = 4, 3, 4, 0.5


@dataclass
class Batch:
    """When it was sent, when that was acknowledged, and the same of its deletion."""

    name: str
    sent: float = field(default_factory=time.monotonic)
    added: float = float("inf")
    unsent: float = float("inf")
    deleted: float = float("inf")

    @property
    def ids(self) -> list[str]:
        return [f"{self.name}/{each}" for each in range(BATCH)]

    def surely_in(self, begun: float, ended: float) -> bool:
        return self.added < begun and self.unsent > ended

    def surely_out(self, begun: float, ended: float) -> bool:
        return self.sent > ended or self.deleted < begun


class Writer(threading.Thread):
    """Adds batches of vectors, and deletes some of them again; `stop` ends it."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(daemon=True)
        self._http = httpx2.Client(base_url=f"{url}/collections/cells", trust_env=False, timeout=60)
        self._name, self._chance = name, random.Random(name)
        self.stop = threading.Event()
        self.batches: list[Batch] = []
        self.faults: list[str] = []

    def run(self) -> None:
        with self._http:
            for number in count():
                if self.stop.is_set():
                    return
                self.batches.append(batch := Batch(f"{self._name}/{number}"))
                self._send(batch)
                if self._chance.random() < 0.3:
                    self._drop(self._chance.choice(self.batches))

    def _send(self, batch: Batch) -> None:
        body = {"ids": batch.ids, "vectors": [[1.0, each] for each in range(BATCH)]}
        if self._done(self._http.post("/items", json=body)):
            batch.added = time.monotonic()

    def _done(self, reply: httpx2.Response) -> bool:
        """Whether it was acknowledged. A change of the collection that a restore replaces in the
        same moment is refused."""
        if reply.status_code != 200 and "another has its name" not in reply.text:
            self.faults.append(reply.text)
        return reply.status_code == 200

    def _drop(self, batch: Batch) -> None:
        if batch.unsent == float("inf"):
            batch.unsent = time.monotonic()
            ids = ",".join(batch.ids)
            if self._done(self._http.delete("/items", params={"ids": ids})):
                batch.deleted = time.monotonic()


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running(Service(tmp_path / "data", database_url)) as service:
        reply = httpx2.put(f"{service.url}/collections/cells", json={"dim": 2}, trust_env=False)
        assert reply.status_code == 201
        yield service


@pytest.fixture
def command(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """`brightfield backup` and `restore` are about the store of the service."""
    monkeypatch.setenv("BRIGHTFIELD_DATA", str(service.settings.data))
    monkeypatch.setenv("BRIGHTFIELD_DATABASE_URL", service.settings.database_url)


def held(url: str) -> set[str]:
    """The ids in a store, after its counters were found to agree with them."""
    engine = open_database(url)
    collection = Collections(engine).get("cells")
    items = list(Items(engine).after(collection.key))
    engine.dispose()
    assert collection.size == len(items)
    assert [item.number for item in items] == sorted({item.number for item in items})
    return {item.id for item in items}


def check(ids: set[str], batches: list[Batch], begun: float, ended: float) -> None:
    """Whole batches: all that surely were there, none that surely was not."""
    for batch in batches:
        there = [each in ids for each in batch.ids]
        assert len(set(there)) == 1, batch
        if batch.surely_in(begun, ended):
            assert all(there), batch
        if batch.surely_out(begun, ended):
            assert not any(there), batch


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("command")
def test_what_is_backed_up_and_restored_under_load(service: Service, tmp_path: Path) -> None:
    writers = [Writer(service.url, f"w{number}") for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    moments = []
    for number in range(BACKUPS):
        time.sleep(SECONDS)
        begun = time.monotonic()
        assert main(["backup", str(tmp_path / f"{number}.db")]) == 0
        moments.append((begun, time.monotonic()))
    began = time.monotonic()
    assert main(["restore", "--replace", str(tmp_path / "0.db")]) == 0
    ended = time.monotonic()
    time.sleep(SECONDS)
    for writer in writers:
        writer.stop.set()
        writer.join()
    batches = [batch for writer in writers for batch in writer.batches]
    assert [writer.faults for writer in writers] == [[]] * WRITERS
    for number, (begun, end) in enumerate(moments):
        url = f"sqlite:///{tmp_path / f'again-{number}.db'}"
        restore(tmp_path / f"{number}.db", url)
        check(held(url), batches, begun, end)
    restored = held(f"sqlite:///{tmp_path / 'again-0.db'}")
    check_after_restore(held(service.settings.store_url), restored, batches, began, ended)


def check_after_restore(
    now: set[str], restored: set[str], batches: list[Batch], began: float, ended: float
) -> None:
    """What came before the restore is as the backup has it; what came after it, as it was said."""
    assert any(batch.sent > ended for batch in batches), "nobody wrote after the restore"
    for batch in batches:
        there = [each in now for each in batch.ids]
        assert len(set(there)) == 1, batch
        if batch.sent > ended:
            assert all(there) == (batch.deleted == float("inf")), batch
        elif batch.added < began and not began <= batch.deleted < float("inf"):
            assert all(there) == (batch.ids[0] in restored), batch

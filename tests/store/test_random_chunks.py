"""Chunks that are put and deleted by chance from several threads: a run is as its chunks say.

BRIGHTFIELD_RANDOM_CHUNKS=20000 pytest -m slow -s tests/store/test_random_chunks.py
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from brightfield.errors import ChunkConflict, RepeatedId, UnfitChunk, UnknownChunk
from brightfield.metrics.chunks.frames import merged
from brightfield.store import tables
from brightfield.store.runs import RunStore, StoredChunk

WRITERS, KEYS, IDS, PARTS = 4, 12, 40, 6
OPERATIONS = int(os.environ.get("BRIGHTFIELD_RANDOM_CHUNKS", "2000"))


def chunk(ids: list[str], part: str) -> StoredChunk:
    """Its content is its ids and the part of the frame that it adds."""
    payload = ",".join([*ids, part]).encode()
    frame = {"width": 3, "categories": {part: f"name of {part}"}}
    digest = hashlib.sha256(payload).hexdigest()
    return StoredChunk(digest, "application/json", len(ids), frame, ids, payload)


def contents(payload: bytes) -> tuple[list[str], str]:
    """The ids and the part."""
    *ids, part = payload.decode().split(",")
    return ids, part


class Writer:
    """Does by chance what a caller may do, and remembers what became of it."""

    def __init__(self, runs: RunStore, run: str, seed: int) -> None:
        self._runs = runs
        self._run = run
        self._chance = random.Random(seed)
        self.outcomes: dict[str, int] = defaultdict(int)

    def work(self, turns: int) -> None:
        for _ in range(turns):
            self.outcomes[self._once()] += 1

    def _once(self) -> str:
        key = f"k{self._chance.randrange(KEYS)}"
        if self._chance.random() < 0.3:
            return self._delete(key)
        ids = self._chance.sample([f"i{n}" for n in range(IDS)], self._chance.randint(0, 4))
        try:
            new = self._runs.put(
                self._run, key, chunk(ids, f"p{self._chance.randrange(PARTS)}"), merged
            )
        except (ChunkConflict, RepeatedId, UnfitChunk) as fault:
            return type(fault).__name__
        return "added" if new else "known"

    def _delete(self, key: str) -> str:
        try:
            self._runs.delete_chunk(self._run, key, lambda _, payload: contents(payload)[0])
        except UnknownChunk:
            return "gone"
        return "deleted"


def check(engine: sa.Engine, runs: RunStore, run: str) -> Mapping[str, Any]:
    """Every id is taken once, by a chunk that is there, and the frame covers every chunk."""
    ids, parts, own = [], set(), tables.run_ids.c
    for _, _, payload in runs.payloads(run):
        names, part = contents(payload)
        ids += names
        parts.add(part)
    assert len(ids) == len(set(ids))
    with engine.connect() as connection:
        taken = connection.scalars(sa.select(own.id).where(own.run == run)).all()
    digests = {hashlib.blake2b(name.encode(), digest_size=16).digest() for name in ids}
    assert {bytes(each) for each in taken} == digests and len(taken) == len(ids)
    frame = runs.get(run).frame
    assert (frame is None) == (not parts)
    known = frame or {"categories": {}}
    assert parts <= set(known["categories"])
    return known


def worked(engine: sa.Engine, turns: int) -> dict[str, int]:
    runs = RunStore(engine)
    run = runs.create("classification", {}, None)[0].id
    writers, faults = [Writer(runs, run, seed) for seed in range(WRITERS)], list[BaseException]()

    def work(writer: Writer) -> None:
        try:
            writer.work(turns // WRITERS)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    check(engine, runs, run)
    return {
        outcome: sum(writer.outcomes[outcome] for writer in writers)
        for outcome in ("added", "known", "deleted", "ChunkConflict", "RepeatedId")
    }


def test_a_run_is_as_its_chunks_say(engine: sa.Engine) -> None:
    found = worked(engine, 160)
    assert found["added"] and found["deleted"] and found["RepeatedId"], found


@pytest.mark.slow
@pytest.mark.timeout(120 + OPERATIONS // 10)
def test_a_run_is_as_its_chunks_say_after_many(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    found = worked(engine, OPERATIONS)
    with capsys.disabled():
        print(f"\n{engine.dialect.name}: {found}")
    assert all(found[outcome] for outcome in ("added", "deleted", "ChunkConflict", "RepeatedId"))

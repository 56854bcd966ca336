from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from brightfield.errors import ChunkConflict, RepeatedId, RunConflict, UnfitChunk, UnknownRun
from brightfield.outages import StoreUnavailable
from brightfield.store import tables
from brightfield.store.database import open_database
from brightfield.store.runs import ChunkEntry, RunStore, StoredChunk, StoredRun

from .conftest import Clock

OPTIONS = {"labels": ["no", "yes"], "ci": {"level": 0.95}}


@pytest.fixture
def runs(engine: sa.Engine, clock: Clock) -> RunStore:
    return RunStore(engine, clock)


def chunk(payload: bytes, rows: int = 3, ids: tuple[str, ...] = (), width: int = 1) -> StoredChunk:
    digest = hashlib.sha256(payload).hexdigest()
    return StoredChunk(digest, "application/x-npz", rows, {"scores": width}, ids, payload)


def agree(known: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Mapping[str, Any]:
    if known is not None and known != new:
        raise UnfitChunk("another width")
    return new


def made(runs: RunStore) -> str:
    return runs.create("classification", OPTIONS, None)[0].id


def test_a_run_from_its_creation_to_its_end(runs: RunStore, clock: Clock) -> None:
    run, new = runs.create("classification", OPTIONS, "october")
    assert new
    expected = StoredRun(run.id, "october", "classification", OPTIONS, None, 1e6, 1e6, 0, 0)
    assert run == expected == runs.get(run.id)
    clock.now += 5
    assert runs.put(run.id, "b/2", chunk(b"two\x00", 4), agree)
    assert runs.put(run.id, "b/1", chunk(b"one"), agree)
    later = runs.get(run.id)
    assert (later.chunks, later.rows, later.frame) == (2, 7, {"scores": 1})
    assert (later.created, later.touched) == (1e6, 1e6 + 5)
    assert [(e.key, e.rows) for e in runs.entries(run.id)] == [("b/1", 3), ("b/2", 4)]
    kind = "application/x-npz"
    two = "b/2", kind, b"two\x00"
    assert sorted(runs.payloads(run.id)) == [("b/1", kind, b"one"), two]
    assert list(runs.payloads(run.id, "b/2")) == [two]
    runs.delete(run.id)
    for call in (runs.get, runs.entries, runs.delete):
        with pytest.raises(UnknownRun, match="GET /metrics/runs"):
            call(run.id)
    assert list(runs.payloads(run.id)) == []


def test_a_name_gives_the_same_run_again(runs: RunStore) -> None:
    first, _ = runs.create("classification", OPTIONS, "october")
    again, new = runs.create("classification", OPTIONS, "october")
    assert (again.id, new) == (first.id, False)
    with pytest.raises(RunConflict):
        runs.create("classification", {**OPTIONS, "bins": 5}, "october")
    with pytest.raises(RunConflict):
        runs.create("detection", OPTIONS, "october")
    assert runs.create("classification", OPTIONS, None)[1]
    assert runs.create("classification", OPTIONS, None)[1]
    assert runs.page(10, 0).total == 3


def test_a_chunk_counts_once_and_stays_as_it_is(runs: RunStore, engine: sa.Engine) -> None:
    run = made(runs)
    assert runs.put(run, "1", chunk(b"one", ids=("a", "b")), agree)
    assert not runs.put(run, "1", chunk(b"one", ids=("a", "b")), agree)
    with pytest.raises(ChunkConflict, match="'1' with other content"):
        runs.put(run, "1", chunk(b"other"), agree)
    with pytest.raises(UnknownRun):
        runs.put("run_0", "1", chunk(b"one"), agree)
    assert runs.entries(run) == (ChunkEntry("1", 3, hashlib.sha256(b"one").hexdigest()),)
    with engine.connect() as connection:
        ids = connection.scalar(sa.select(sa.func.count()).select_from(tables.run_ids))
    assert ids == 2


@pytest.mark.parametrize("row_id", ["x", "ü\x00" + "y" * 10_000])
def test_an_id_is_in_one_chunk_of_a_run(runs: RunStore, row_id: str) -> None:
    run, other = made(runs), made(runs)
    many = tuple(f"id {i}" for i in range(1200))
    assert runs.put(run, "1", chunk(b"one", ids=(row_id,)), agree)
    with pytest.raises(RepeatedId) as caught:
        runs.put(run, "2", chunk(b"two", ids=(*many, row_id)), agree)
    assert caught.value.errors[0]["received"] == row_id
    assert runs.put(run, "2", chunk(b"two", ids=many), agree)  # nothing of it was left behind
    assert runs.put(other, "1", chunk(b"one", ids=(row_id,)), agree)


def test_what_does_not_fit_leaves_no_trace(runs: RunStore) -> None:
    run = made(runs)
    assert runs.put(run, "1", chunk(b"one"), agree)
    before = runs.get(run)
    with pytest.raises(UnfitChunk):
        runs.put(run, "2", chunk(b"two", width=3), agree)
    assert runs.get(run) == before


def test_pages_are_the_newest_first(runs: RunStore, clock: Clock) -> None:
    ids = []
    for _ in range(5):
        clock.now += 1
        ids.insert(0, made(runs))
    runs.put(ids[1], "1", chunk(b"one"), agree)
    page = runs.page(2, 1)
    assert ([run.id for run in page.runs], page.total) == (ids[1:3], 5)
    assert [(run.chunks, run.rows) for run in page.runs] == [(1, 3), (0, 0)]
    assert runs.page(10, 5).runs == ()


def test_only_what_did_not_change_for_long_expires(runs: RunStore, clock: Clock) -> None:
    old, recent = made(runs), made(runs)
    runs.put(old, "1", chunk(b"one", ids=("a",)), agree)
    clock.now += 100
    runs.put(recent, "1", chunk(b"one"), agree)
    assert runs.expire(100) == 0  # a change may have been noted up to ten seconds late
    clock.now += 10
    assert runs.expire(100) == 1
    assert [run.id for run in runs.page(10, 0).runs] == [recent]


def together(work: list[Callable[[], object]]) -> list[object]:
    """What each gives when all run at once; an error stands for itself."""
    found: list[object] = []

    def kept(call: Callable[[], object]) -> None:
        try:
            found.append(call())
        except Exception as fault:
            found.append(type(fault))

    threads = [threading.Thread(target=kept, args=(call,)) for call in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_change_is_noted_every_ten_seconds(runs: RunStore, clock: Clock) -> None:
    run = made(runs)
    for number in range(1, 26):
        clock.now += 1
        runs.put(run, str(number), chunk(b"%d" % number), agree)
        assert 0 <= clock.now - runs.get(run).touched < 10
    runs.delete_chunk(run, "3", lambda *_: [])
    assert runs.get(run).touched == clock.now


def waiting(engine: sa.Engine) -> int:
    """How many wait for a turn."""
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(query).scalar_one())


def test_a_chunk_waits_for_no_other_unless_it_changes_what_all_agree_on(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    runs = RunStore(engine)
    run = made(runs)
    runs.put(run, "0", chunk(b"zero", ids=("0",)), agree)
    inside, go_on, told = threading.Event(), threading.Event(), list[bool]()

    def slowly(known: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Mapping[str, Any]:
        inside.set()
        told.append(go_on.wait(60))
        return agree(known, new)

    def wider(known: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**(known or {}), "more": True}

    calls: list[Callable[[], object]] = [
        lambda: runs.put(run, "1", chunk(b"one", ids=("1",)), slowly),
        lambda: runs.put(run, "3", chunk(b"three", ids=("3",)), wider),
        lambda: runs.delete_chunk(run, "0", lambda *_: ["0"]),
    ]
    held, *others = [threading.Thread(target=call) for call in calls]
    held.start()
    assert inside.wait(60)
    assert runs.put(run, "2", chunk(b"two", ids=("2",)), agree)
    assert not runs.put(run, "0", chunk(b"zero", ids=("0",)), agree)
    for each in others:
        each.start()
    while waiting(engine) < len(others):
        time.sleep(0.01)
    go_on.set()
    for thread in (held, *others):
        thread.join()
    assert [entry.key for entry in runs.entries(run)] == ["1", "2", "3"]
    assert runs.get(run).frame == {"scores": 1, "more": True}
    assert told == [True]  # nothing was done only since it gave up
    engine.dispose()


def test_writers_at_once(runs: RunStore) -> None:
    run = made(runs)
    keys = [str(number) for number in range(20)]
    results = together(
        [
            lambda key=key: runs.put(run, key, chunk(key.encode(), ids=(key,)), agree)
            for key in keys * 2
        ]
    )
    assert sorted(results, key=str) == [False] * 20 + [True] * 20
    assert [entry.key for entry in runs.entries(run)] == sorted(keys)
    disputed = together(
        [lambda key=key: runs.put(run, key, chunk(b"x", ids=("x",)), agree) for key in "abcd"]
    )
    assert sorted(map(str, disputed)).count("True") == 1
    assert set(disputed) == {True, RepeatedId}
    other = made(runs)
    widths = [chunk(b"%d" % width, width=width) for width in (1, 2, 3)]
    frames = together(
        [lambda own=own: runs.put(other, own.sha256[:9], own, agree) for own in widths]
    )
    assert set(frames) == {True, UnfitChunk}
    names = together([lambda: runs.create("classification", OPTIONS, "one")[1] for _ in range(4)])
    assert set(names) <= {True, False} and names.count(True) == 1
    assert StoreUnavailable not in results

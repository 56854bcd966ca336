"""A store that fails is named with what to do; the rest goes on, and all is well again after it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from brightfield.store import database

from .conftest import CHELSEA, png


@contextmanager
def held(data: Path) -> Iterator[None]:
    """By another program, for longer than the service waits."""
    connection = sqlite3.connect(data / "brightfield.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


@contextmanager
def moved(data: Path) -> Iterator[None]:
    data.rename(data.with_name("elsewhere"))
    yield
    shutil.rmtree(data, ignore_errors=True)
    data.with_name("elsewhere").rename(data)


@contextmanager
def replaced(data: Path, change: Callable[[Path], object]) -> Iterator[None]:
    """Another file is at the path of the database, which comes back later."""
    aside = data / "aside"
    aside.mkdir()
    for file in data.glob("brightfield.db*"):
        file.rename(aside / file.name)
    change(data / "brightfield.db")
    yield
    for file in data.glob("brightfield.db*"):
        file.unlink()
    for file in aside.iterdir():
        file.rename(data / file.name)


def garbage(file: Path) -> None:
    file.write_bytes(os.urandom(100_000))


def older(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")


METRICS = {"task": "classification", "truth": [0, 1], "scores": [0.2, 0.8]}
BREAKS = {
    "store_missing": moved,
    "store_damaged": lambda data: replaced(data, garbage),
    "store_outdated": lambda data: replaced(data, older),
    "store_busy": held,
}


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pragmas for every transaction of the store, to which a test adds its own."""
    pragmas: list[str] = []
    begin = database._begin

    def prepared(connection: sa.Connection) -> None:
        for pragma in pragmas:
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        begin(connection)

    monkeypatch.setattr(database, "_begin", prepared)
    monkeypatch.setattr(database, "_WAIT", 0.1)
    return pragmas


@pytest.fixture
def service(
    started: Callable[..., TestClient], tmp_path: Path, connections: list[str]
) -> TestClient:
    return started(data=tmp_path / "data", preload=False)


def code(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


@pytest.mark.parametrize("expected", BREAKS)
def test_a_broken_store_is_named_and_is_used_again_once_it_is_whole(
    service: TestClient, tmp_path: Path, expected: str
) -> None:
    assert service.put("/collections/cells", json={"dim": 2}).status_code == 201
    with BREAKS[expected](tmp_path / "data"):
        for _ in range(2):
            assert code(service.put("/collections/new", json={"dim": 2})) == (503, expected)
        assert service.get("/livez").status_code == 200
        assert service.post("/metrics", json=METRICS).status_code == 200
    assert service.get("/collections/cells").status_code == 200
    assert service.get("/collections/new").status_code == 404
    assert service.put("/collections/new", json={"dim": 2}).status_code == 201


@pytest.mark.parametrize(
    ("broken", "whole", "status", "expected"),
    [
        ("max_page_count = 1", "max_page_count = 1000000", 507, "store_full"),
        ("query_only = ON", "query_only = OFF", 503, "store_read_only"),
    ],
)
def test_a_database_that_takes_nothing_more(
    service: TestClient,
    connections: list[str],
    broken: str,
    whole: str,
    status: int,
    expected: str,
) -> None:
    assert service.put("/collections/cells", json={"dim": 1000}).status_code == 201
    connections.append(broken)
    vectors = {"vectors": [[float(number), *[1.0] * 999] for number in range(300)]}
    assert code(service.post("/collections/cells/items", json=vectors)) == (status, expected)
    assert service.get("/collections/cells").json()["items"] == 0
    connections.append(whole)
    assert service.post("/collections/cells/items", json=vectors).status_code == 200


@pytest.mark.parametrize(
    ("number", "status", "expected"),
    [(errno.ENOSPC, 507, "store_full"), (errno.EROFS, 503, "store_read_only")],
)
def test_a_disk_that_takes_no_image(
    service: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    status: int,
    expected: str,
) -> None:
    kept = service.put("/images", content=png(CHELSEA)).json()["id"]

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "/a/place/of/this/machine")

    with monkeypatch.context() as broken:
        broken.setattr("tempfile.mkstemp", refuse)
        broken.setattr("os.utime", refuse)
        reply = service.put("/images", content=png(CHELSEA[::2]))
        assert code(reply) == (status, expected)
        assert "/a/place" not in reply.text
        assert service.post("/classify", json={"image": {"id": kept}}).status_code == 200
    assert service.put("/images", content=png(CHELSEA[::2])).status_code == 200

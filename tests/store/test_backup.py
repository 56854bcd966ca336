"""A backup holds every row of every table, and gives it back to either kind of database."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from brightfield.errors import Conflict
from brightfield.outages import StoreFull, UnusableBackup
from brightfield.store import tables
from brightfield.store.backup import back_up, restore
from brightfield.store.collections import Collections, Properties
from brightfield.store.database import open_database

from .earlier import to_revision
from .jobs_at_hand import at_hand

ROWS = 3
_VALUES: dict[type[Any], Callable[[int], Any]] = {
    sa.JSON: lambda n: {"n": n, "é": [1.5, None]},
    sa.LargeBinary: lambda n: bytes([0, n, 255]) * 5,
    sa.Double: lambda n: n + 0.1,
    sa.Integer: lambda n: n,
    sa.Boolean: lambda n: bool(n % 2),
    sa.DateTime: lambda n: datetime.datetime(2020, 1, n + 1),
    sa.String: lambda n: f"value_{n}_é",
}


def value(column: sa.Column[Any], number: int) -> Any:
    """Some value for a column; what refers to another table refers to its row of that number."""
    key = next(iter(column.foreign_keys), None)
    if key is not None:
        return value(key.column, number)
    found = next(make for kind, make in _VALUES.items() if isinstance(column.type, kind))(number)
    return found[: column.type.length] if isinstance(column.type, sa.String) else found


def fill(engine: sa.Engine) -> None:
    """Rows in every table that there is, so that a new one is not forgotten in a backup."""
    with engine.begin() as connection:
        for table in tables.metadata.sorted_tables:
            rows = [{c.name: value(c, n) for c in table.columns} for n in range(ROWS)]
            connection.execute(sa.insert(table), rows)


def rows_of(engine: sa.Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, without the keys of collections, which are no one's business."""
    found = {}
    with engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            inner = {"collection", "key"} if table is tables.collections else {"collection"}
            wanted = [c for c in table.columns if c.name not in inner]
            order = [c for c in wanted if not isinstance(c.type, sa.JSON)]
            found[table.name] = [
                tuple(row) for row in connection.execute(sa.select(*wanted).order_by(*order))
            ]
    return found


def keys_of(engine: sa.Engine, column: sa.Column[str]) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(sa.select(column)))


@pytest.fixture
def full(engine: sa.Engine) -> sa.Engine:
    fill(engine)
    return engine


@pytest.fixture
def other_url(store_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of the other kind."""
    if store_url.startswith("sqlite"):
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'other' / 'brightfield.db'}"


@pytest.fixture
def other(other_url: str) -> Iterator[sa.Engine]:
    engine = open_database(other_url)
    yield engine
    engine.dispose()


def test_every_row_of_every_table_comes_back_in_the_other_kind_of_database(
    full: sa.Engine, other: sa.Engine, other_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "backup.db"
    counts = back_up(full, file)
    left_out = {table.name for table in (tables.collection_indexes, *tables.PASSING)}
    expected = rows_of(full) | {name: [] for name in left_out}
    assert set(counts) == set(expected) - left_out
    assert set(counts.values()) == {ROWS}
    assert file.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.glob("*backup*")) == ["backup.db"]

    assert restore(file, other_url) == counts
    assert rows_of(other) == expected


def test_what_refers_to_a_collection_refers_to_it_under_its_new_key(
    full: sa.Engine, store_url: str, tmp_path: Path
) -> None:
    before = keys_of(full, tables.collections.c.key)
    back_up(full, tmp_path / "backup.db")
    restore(tmp_path / "backup.db", store_url, replace=True)
    after = keys_of(full, tables.collections.c.key)
    assert len(after) == ROWS
    assert not before & after
    for table in (tables.collection_items, tables.collection_images, tables.projections):
        assert keys_of(full, table.c.collection) == after


def test_a_restore_deletes_nothing_unless_it_is_told_to(
    engine: sa.Engine, store_url: str, tmp_path: Path
) -> None:
    Collections(engine).make("cells", Properties(), dim=2)
    back_up(engine, tmp_path / "backup.db")
    Collections(engine).make("later", Properties(), dim=2)
    with pytest.raises(Conflict, match="--replace"):
        restore(tmp_path / "backup.db", store_url)
    assert [each.name for each in Collections(engine).all()] == ["cells", "later"]
    restore(tmp_path / "backup.db", store_url, replace=True)
    assert [each.name for each in Collections(engine).all()] == ["cells"]


def test_jobs_that_ran_have_failed(engine: sa.Engine, store_url: str, tmp_path: Path) -> None:
    here = at_hand(engine)
    job = here.running().job
    back_up(engine, tmp_path / "backup.db")
    restore(tmp_path / "backup.db", store_url, replace=True)
    found = here.jobs.get(job.id)
    assert (found.state, (found.problem or {})["code"]) == ("failed", "interrupted")


def test_a_file_that_is_there_is_not_written_over(engine: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Conflict, match=r"notes\.txt is there already"):
        back_up(engine, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_backup_that_fails_leaves_nothing(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise StoreFull("full")

    monkeypatch.setattr("brightfield.store.backup._copy_all", full_disk)
    (tmp_path / "backups").mkdir()
    with pytest.raises(StoreFull):
        back_up(engine, tmp_path / "backups" / "backup.db")
    assert list((tmp_path / "backups").iterdir()) == []


def test_what_is_no_backup_is_refused_and_the_store_is_kept(
    full: sa.Engine, store_url: str, tmp_path: Path
) -> None:
    back_up(full, tmp_path / "whole.db")
    whole = (tmp_path / "whole.db").read_bytes()
    before = rows_of(full)
    contents = {
        "text": b"a text " * 1000,
        "empty": b"",
        "cut": whole[: len(whole) // 2],
        "torn": whole[:4096] + bytes(4096) + whole[8192:],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnusableBackup):
            restore(tmp_path / name, store_url, replace=True)
        assert rows_of(full) == before
    with pytest.raises(UnusableBackup, match="no file"):
        restore(tmp_path / "missing", store_url, replace=True)


def test_a_store_in_use_is_no_backup(tmp_path: Path) -> None:
    """A part of it stands in its log, which would be left out in silence."""
    live = open_database(f"sqlite:///{tmp_path / 'live.db'}")
    at_hand(live).queued()
    with pytest.raises(UnusableBackup, match="brightfield backup"):
        restore(tmp_path / "live.db", f"sqlite:///{tmp_path / 'new.db'}")
    live.dispose()


def test_a_damaged_store_is_moved_aside(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    engine = open_database(url)
    Collections(engine).make("cells", Properties(), dim=2)
    back_up(engine, tmp_path / "backup.db")
    engine.dispose()
    (tmp_path / "x.db").write_bytes(b"damaged " * 1000)
    restore(tmp_path / "backup.db", url, replace=True)
    assert [each.name for each in Collections(engine).all()] == ["cells"]
    (aside,) = tmp_path.glob("x.db.damaged-*")
    assert aside.read_bytes() == b"damaged " * 1000
    engine.dispose()


def test_a_backup_of_an_older_version_is_brought_up_to_date_on_a_copy(tmp_path: Path) -> None:
    file, url = tmp_path / "old.db", f"sqlite:///{tmp_path / 'x.db'}"
    engine = open_database(f"sqlite:///{file}")
    to_revision(engine, "0003")
    with engine.execution_options(brightfield_writes=True).begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO runs VALUES ('r', 'a run', 'classification', '{}', 'null', 1.0, 2.0)"
        )
    engine.dispose()
    content = file.read_bytes()
    assert restore(file, url)["runs"] == 1
    assert file.read_bytes() == content

    with closing(sqlite3.connect(file)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UnusableBackup, match="newer Brightfield"):
        restore(file, url, replace=True)

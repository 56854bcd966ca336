from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from brightfield.errors import InvalidParameter, UnknownJob
from brightfield.outages import StoreUnavailable, UnusableStore
from brightfield.store import migrations, tables
from brightfield.store.database import open_database, reading, writing

from .jobs_at_hand import at_hand

_OPEN = """
import sys
from brightfield.store.database import open_database
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
with open_database(sys.argv[1]).connect() as connection:
    print(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all())
"""


def test_the_migrations_make_the_tables_that_the_code_uses(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_a_store_is_opened_again_with_what_it_holds(store_url: str) -> None:
    first = open_database(store_url)
    job = at_hand(first).queued()
    first.dispose()
    second = open_database(store_url)
    assert at_hand(second).jobs.get(job.id) == job
    second.dispose()


@pytest.mark.slow
def test_processes_that_open_a_new_store_together_all_succeed(store_url: str) -> None:
    command = [sys.executable, "-c", _OPEN, store_url]
    pipe = subprocess.PIPE
    children = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    newest = ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head()
    told = [child.communicate(timeout=60)[0].strip() for child in children]
    assert told == [f"['{newest}']"] * 3


def test_transactions_that_read_before_they_write_wait_for_one_another(engine: sa.Engine) -> None:
    jobs = tables.jobs
    job = at_hand(engine).queued()

    def count() -> None:
        for _ in range(25):
            with writing(engine) as connection:
                query = sa.select(jobs.c.done).where(jobs.c.id == job.id).with_for_update()
                done = connection.execute(query).scalar_one()
                connection.execute(sa.update(jobs).values(done=done + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert at_hand(engine).jobs.get(job.id).done == 100


def test_a_block_that_raises_leaves_no_trace(engine: sa.Engine) -> None:
    job = at_hand(engine).queued()
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.execute(sa.delete(tables.jobs))
        _ = 1 / 0
    assert at_hand(engine).jobs.get(job.id) == job


def test_a_store_that_fails_is_a_503(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(StoreUnavailable), reading(engine) as connection:
        connection.exec_driver_sql("SELECT * FROM a_table_that_is_not_there")
    engine.dispose()


@pytest.mark.parametrize("name", ["\ud800", "a\x00b"])
def test_a_text_that_cannot_be_stored_is_refused_or_not_there(engine: sa.Engine, name: str) -> None:
    with pytest.raises((InvalidParameter, UnknownJob)):
        at_hand(engine).jobs.get(name)


def test_sqlite_is_set_to_survive_a_power_cut(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with reading(engine) as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in pragmas]
    engine.dispose()
    assert found == ["wal", 2, 1, 30_000]


def test_an_address_that_does_not_serve_is_one_sentence_without_the_path(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, but long enough to look like one" * 100)
    (tmp_path / "file").touch()
    addresses = {
        "sqlite://": "name a file",
        "not an address": "BRIGHTFIELD_DATABASE_URL",
        "oracle9://host/name": "BRIGHTFIELD_DATABASE_URL",
        f"sqlite:///{tmp_path / 'text.db'}": "not a database",
        f"sqlite:///{tmp_path / 'file' / 'x.db'}": "cannot be opened",
        f"sqlite:///{tmp_path}": "unable to open",
    }
    for address, phrase in addresses.items():
        with pytest.raises(UnusableStore, match=phrase) as caught:
            open_database(address)
        assert str(tmp_path) not in caught.value.detail


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'x.db'}"
    open_database(address).dispose()
    file = sqlite3.connect(tmp_path / "x.db")
    with file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    file.close()
    with pytest.raises(UnusableStore, match="newer Brightfield"):
        open_database(address)

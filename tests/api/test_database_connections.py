"""A process holds no more connections to the store than it may, however many ask it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from brightfield.api.app import create_app
from brightfield.settings import Settings

MOST = 5
NOTICES = 1
CALLS = 40


def test_many_calls_hold_few_connections(
    settings_of: Callable[..., Settings], postgres_url: str
) -> None:
    name = "held_by_this_test"
    address = sa.make_url(postgres_url).set(drivername="postgresql+psycopg")
    named = address.update_query_dict({"application_name": name})
    settings = settings_of(
        database_url=named.render_as_string(hide_password=False), preload=False,
        database_connections=MOST, images="database",
    )  # fmt: skip
    watcher = sa.create_engine(address)
    held, stop = [0], threading.Event()

    def watch() -> None:
        query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
        with watcher.connect() as connection:
            while not stop.is_set():
                with connection.begin():
                    held.append(connection.execute(query, {"name": name}).scalar_one())

    def call(number: int) -> int:
        vectors = np.random.default_rng(number).normal(size=(4, 8)).tolist()
        ids = [f"{number}/{row}" for row in range(len(vectors))]
        items = {"vectors": vectors, "ids": ids}
        added = client.post("/collections/cells/items", json=items)
        client.put("/images", content=b"%d" % number * 100)
        client.get("/collections/cells/items")
        return int(added.status_code)

    watching = threading.Thread(target=watch)
    with TestClient(create_app(settings)) as client:
        client.put("/collections/cells", json={"dim": 8})
        watching.start()
        with ThreadPoolExecutor(CALLS) as pool:
            assert set(pool.map(call, range(CALLS))) <= {200, 201}
        stop.set()
        watching.join()
        assert client.get("/collections/cells").json()["items"] == 4 * CALLS
    watcher.dispose()
    assert 2 <= max(held) <= MOST + NOTICES


@pytest.mark.parametrize(("connections", "evaluations"), [(3, 1), (5, 3), (9, 7)])
def test_too_few_connections_are_refused(connections: int, evaluations: int) -> None:
    with pytest.raises(ValueError, match="database_connections"):
        Settings(database_connections=connections, evaluations=evaluations)
    assert Settings(database_connections=evaluations + 3, evaluations=evaluations)

"""A second machine on an SQLite file is refused as long as the first is alive, and no longer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from brightfield.api.app import create_app
from brightfield.outages import UnusableStore
from brightfield.settings import Settings
from brightfield.store.database import open_database
from brightfield.store.folder_images import FolderImages
from brightfield.store.process import this_process
from brightfield.store.replicas import Replica, Replicas

LEASE = 1.0


@pytest.fixture
def settings(settings_of: Callable[..., Settings]) -> Settings:
    return settings_of(lease=LEASE, preload=False)


@pytest.fixture
def store(settings: Settings) -> Iterator[sa.Engine]:
    engine = open_database(settings.store_url)
    yield engine
    engine.dispose()


def other(settings: Settings, *, host: str, place: str | None = None) -> Replica:
    """A process on the same file, which keeps images in the same folder."""
    own = this_process()
    process = replace(own, host=host, place=place or own.place)
    folder = settings.image_folder
    assert folder is not None
    images = FolderImages(folder, 60, 10**6).place
    return Replica("replica_other", process, "10.0.0.3:8000", "1.0", images)


@contextmanager
def alive(store: sa.Engine, replica: Replica) -> Iterator[None]:
    """It renews its lease all the time."""
    replicas, stop = Replicas(store, LEASE), threading.Event()
    replicas.renew(replica)

    def beat() -> None:
        while not stop.wait(LEASE / 20):
            replicas.renew(replica)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def start(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        assert client.get("/livez").status_code == 200


def test_another_machine_that_lives_is_refused(settings: Settings, store: sa.Engine) -> None:
    elsewhere = other(settings, host="microscope-pc", place="another machine")
    with alive(store, elsewhere):
        with pytest.raises(UnusableStore, match=r"microscope-pc\) runs on this SQLite file"):
            start(settings)
        left = Replicas(store, LEASE).alive()
        assert [each.id for each in left] == [elsewhere.id]  # who was refused has gone


def test_another_machine_that_died_is_waited_for(settings: Settings, store: sa.Engine) -> None:
    Replicas(store, LEASE).renew(other(settings, host="microscope-pc", place="another machine"))
    start(settings)  # once its lease has ended


def test_another_process_of_this_machine_is_welcome(settings: Settings, store: sa.Engine) -> None:
    with alive(store, other(settings, host="this-machine")):
        start(settings)

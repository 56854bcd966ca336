"""Images as rows: the same contract as in a folder, on both databases."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from brightfield.errors import ImageExpired, InvalidParameter, TooManyBytes
from brightfield.store import tables
from brightfield.store.recent_bytes import RecentBytes
from brightfield.store.table_images import TableImages

from .conftest import Clock
from .jobs_at_hand import clock_of


@pytest.fixture
def store(engine: sa.Engine, clock: Clock) -> TableImages:
    return TableImages(engine, ttl=100, max_bytes=1000, clock=clock_of(clock))


def size_of_all(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.sum(tables.images.c.size))).scalar_one())


def test_an_image_is_known_to_its_project_in_any_process(
    store: TableImages, engine: sa.Engine, clock: Clock
) -> None:
    data = bytes(range(256))
    image = store.put(data)
    assert image == "sha256:" + hashlib.sha256(data).hexdigest() == store.put(data)
    other = TableImages(engine, ttl=100, max_bytes=1000, clock=clock_of(clock))
    assert other.get(image) == data
    assert other.use(image.upper().replace("SHA256", "sha256")) == 256
    with pytest.raises(ImageExpired):
        other.of("optics").get(image)
    assert (store.held(), store.held("optics")) == (256, 0)
    with pytest.raises(InvalidParameter):
        store.get("sha256:x")


def test_an_image_expires_after_its_last_use(store: TableImages, clock: Clock) -> None:
    image = store.put(b"pixels")
    for _ in range(3):
        clock.now += 90
        assert store.get(image) == b"pixels"
    clock.now += 101
    with pytest.raises(ImageExpired, match="PUT /images"):
        store.get(image)
    assert store.sweep() == 1
    assert store.get(store.put(b"pixels")) == b"pixels"


def test_a_use_is_written_now_and_then(store: TableImages, clock: Clock, engine: sa.Engine) -> None:
    image = store.put(b"pixels")
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for _ in range(30):
        clock.now += 1
        store.get(image)
    assert 1 <= sum(each.startswith("UPDATE") for each in statements) <= 3


def test_the_longest_unused_make_room(store: TableImages, clock: Clock, engine: sa.Engine) -> None:
    images = []
    for value in range(5):
        clock.now += 11
        images.append(store.put(bytes([value]) * 200))
    clock.now += 11
    store.get(images[0])
    clock.now += 1
    newest = store.put(b"n" * 150)
    assert size_of_all(engine) <= 1000
    for gone in images[1:3]:
        with pytest.raises(ImageExpired):
            store.get(gone)
    for kept in (images[0], images[3], images[4], newest):
        assert store.get(kept)
    with pytest.raises(TooManyBytes):
        store.put(b"x" * 1001)


def test_those_who_put_and_sweep_at_once_never_fail(store: TableImages, engine: sa.Engine) -> None:
    wrong: list[object] = []

    def work(offset: int) -> None:
        for turn in range(10):
            data = bytes([(turn + offset) % 8]) * 300
            try:
                if store.get(store.put(data)) != data:
                    wrong.append("torn")
            except ImageExpired:
                pass  # another's image took its place
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.sweep()
    assert wrong == [] and size_of_all(engine) <= 1000


def bodies(engine: sa.Engine) -> list[str]:
    """The statements from now on that read an image's bytes."""
    found: list[str] = []

    def heed(*given: Any) -> None:
        if given[2].startswith("SELECT") and "images.body" in given[2]:
            found.append(given[2])

    sa.event.listen(engine, "before_cursor_execute", heed)
    return found


def test_an_image_seen_lately_is_not_read_again_and_only_known_while_it_is_there(
    engine: sa.Engine, clock: Clock
) -> None:
    one, two = (
        TableImages(engine, ttl=100, max_bytes=1000, clock=clock_of(clock), recent=800)
        for _ in range(2)
    )
    read = bodies(engine)
    images = [one.put(bytes([value]) * 150) for value in range(6)]
    assert [one.get(image) for image in images[1:]] and not read
    assert one.get(images[0]) == bytes(150) and len(read) == 1  # it had made room for the others
    assert [two.get(images[5]) for _ in range(3)] and len(read) == 2
    with pytest.raises(ImageExpired):
        one.of("optics").get(images[0])
    clock.now += 101
    two.sweep()
    with pytest.raises(ImageExpired):
        one.get(images[0])


def test_few_bytes_are_kept() -> None:
    recent = RecentBytes(100)
    recent.keep("large", bytes(26))
    assert recent.get("large") is None
    for number in range(20):
        recent.keep(str(number), bytes(25))
        recent.keep(str(number), bytes(25))
        assert recent.get("0") is not None
        recent.get("1")
    assert recent.size == 100 and recent.get("1") is not None and recent.get("19") is not None
    assert recent.get("15") is None

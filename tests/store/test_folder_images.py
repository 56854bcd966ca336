from __future__ import annotations

import hashlib
import shutil
import threading
from pathlib import Path

import pytest

from brightfield.errors import ImageExpired, InvalidParameter, TooManyBytes
from brightfield.outages import StoreUnavailable
from brightfield.store import folder_images
from brightfield.store.folder_images import FolderImages

from .conftest import Clock


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> FolderImages:
    return FolderImages(tmp_path / "images", ttl=100, max_bytes=1000, clock=clock)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_an_image_comes_back_by_the_sha256_of_its_bytes(
    store: FolderImages, tmp_path: Path
) -> None:
    data = bytes(range(256))
    image = store.put(data)
    assert image == "sha256:" + hashlib.sha256(data).hexdigest()
    assert store.put(data) == image
    assert len(files(tmp_path)) == 1
    assert store.get(image) == data
    assert store.get(image.upper().replace("SHA256", "sha256")) == data


def test_an_image_expires_after_its_last_use(store: FolderImages, clock: Clock) -> None:
    image = store.put(b"pixels")
    for _ in range(3):
        clock.now += 90
        assert store.get(image) == b"pixels"
    clock.now += 101
    with pytest.raises(ImageExpired, match="PUT /images") as expired:
        store.get(image)
    with pytest.raises(ImageExpired) as unknown:
        store.get("sha256:" + "0" * 64)
    assert expired.value.detail == unknown.value.detail
    assert store.put(b"pixels") == image
    assert store.get(image) == b"pixels"


@pytest.mark.parametrize("image", ["", "sha256:", "0" * 64, "sha256:" + "g" * 64, "../../secret"])
def test_a_malformed_id_is_a_422(store: FolderImages, image: str) -> None:
    with pytest.raises(InvalidParameter, match="64 hexadecimal digits"):
        store.get(image)


def test_the_longest_unused_make_room(store: FolderImages, clock: Clock, tmp_path: Path) -> None:
    images = []
    for value in range(5):
        clock.now += 1
        images.append(store.put(bytes([value]) * 200))
    clock.now += 1
    store.get(images[0])
    clock.now += 1
    newest = store.put(b"n" * 150)
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 1000
    for gone in images[1:3]:
        with pytest.raises(ImageExpired):
            store.get(gone)
    for kept in (images[0], images[3], images[4], newest):
        assert store.get(kept)


def test_an_image_as_large_as_the_store_replaces_everything(store: FolderImages) -> None:
    small = store.put(b"small")
    large = store.put(b"x" * 1000)
    assert len(store.get(large)) == 1000
    with pytest.raises(ImageExpired):
        store.get(small)
    with pytest.raises(TooManyBytes):
        store.put(b"x" * 1001)


def test_a_sweep_removes_the_expired_and_a_crash_s_leftovers(
    store: FolderImages, clock: Clock, tmp_path: Path
) -> None:
    clock.now = 0.0
    store.put(b"old")
    leftover = files(tmp_path)[0].parent / "upload-1"
    leftover.touch()
    foreign = leftover.with_name("notes.txt")
    foreign.touch()
    clock.now = leftover.stat().st_mtime + 50
    young = store.put(b"young")
    assert store.sweep() == 1
    assert leftover.exists()  # it may be on its way
    clock.now += 3600
    assert store.sweep() == 2
    with pytest.raises(ImageExpired):
        store.get(young)
    assert files(tmp_path) == [foreign]


@pytest.mark.parametrize("again", ["put", "get"])
def test_an_image_that_is_used_during_a_sweep_stays(
    store: FolderImages, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: str
) -> None:
    image = store.put(b"pixels")
    clock.now += 200 if again == "put" else 99
    listed = list(folder_images._stored(tmp_path / "images"))
    assert store.put(b"pixels") == image if again == "put" else store.get(image)
    clock.now += 2
    monkeypatch.setattr(folder_images, "_stored", lambda root: iter(listed))
    assert store.sweep() == 0
    assert store.get(image) == b"pixels"


def test_the_store_outlives_a_restart(store: FolderImages, clock: Clock, tmp_path: Path) -> None:
    image = store.put(b"pixels")
    clock.now += 90
    again = FolderImages(tmp_path / "images", ttl=100, max_bytes=3, clock=clock)
    with pytest.raises(ImageExpired):  # over the new limit
        again.get(image)
    image = store.put(b"pixels")
    again = FolderImages(tmp_path / "images", ttl=100, max_bytes=1000, clock=clock)
    assert again.get(image) == b"pixels"


def test_files_may_vanish(store: FolderImages, tmp_path: Path) -> None:
    image = store.put(b"pixels")
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(ImageExpired):
        store.get(image)
    assert store.sweep() == 0
    assert store.get(store.put(b"pixels")) == b"pixels"


def test_a_disk_that_refuses_is_a_503(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file where the folder should be")
    store = FolderImages(tmp_path / "images", ttl=100, max_bytes=1000)
    with pytest.raises(StoreUnavailable) as caught:
        store.put(b"pixels")
    assert str(tmp_path) not in caught.value.detail


def test_readers_writers_and_sweeps_at_once_never_see_half_an_image(tmp_path: Path) -> None:
    store = FolderImages(tmp_path, ttl=100, max_bytes=40_000)
    contents = [bytes([value]) * 10_000 for value in range(8)]
    wrong: list[object] = []

    def work(offset: int) -> None:
        for turn in range(40):
            data = contents[(turn + offset) % 8]
            try:
                if store.get(store.put(data)) != data:
                    wrong.append("torn")
                store.sweep()
            except ImageExpired:
                pass  # another thread's image took its place
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 40_000

"""A service that is killed again and again loses no item that it acknowledged, doubles none."""

from __future__ import annotations

import io
import random
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from brightfield.store.collections import Collections
from brightfield.store.database import open_database
from brightfield.store.items import Items
from brightfield_client import Client, ConnectionFailed
from brightfield_client.collection import Collection
from brightfield_client.errors import ApiError
from brightfield_client.results.collections import Addition

from .blocks import DIM, SIDE, embedding, write_model
from .killable import Service, running

ITEMS, BATCH, KILLS = 120, 4, 3
PICTURES = 400  # so many that a kill at the first of them comes before the last
PARTS = range(ITEMS * 3 // 4), range(ITEMS // 4, ITEMS)  # of each writer; half of all is both's


def pixels(number: int) -> NDArray[np.uint8]:
    """A picture of random blocks, so that no two embeddings are alike."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 256, (SIDE // 4, SIDE // 4, 3), np.uint8)
    return coarse.repeat(4, axis=0).repeat(4, axis=1)


def is_image(number: int) -> bool:
    return number % 3 != 0


def vector(number: int) -> NDArray[np.float64]:
    """What is to be kept, computed without the service."""
    if is_image(number):
        return embedding(pixels(number))
    return np.random.default_rng(number).random(DIM, np.float32).astype(np.float64)


def metadata(number: int) -> dict[str, Any]:
    return {"number": number, "kind": "image" if is_image(number) else "vector"}


def name(number: int) -> str:
    return f"plate/{number}"


def service_of(folder: Path, database_url: str) -> Service:
    models = write_model(folder / "models")
    return Service(
        folder / "data", database_url, models=models, trust_model_code=True,
        default_models="classify=blocks",
    )  # fmt: skip


class Writer(threading.Thread):
    """Adds its items in batches, each until it is acknowledged, and some of them twice."""

    def __init__(self, url: str, numbers: range, seed: int) -> None:
        super().__init__(daemon=True)
        self._url, self._chance = url, random.Random(seed)
        self._numbers = self._chance.sample(numbers, len(numbers))
        self.acknowledged: list[tuple[int, Addition]] = []
        self.faults: list[Exception] = []

    def run(self) -> None:
        with Client(self._url, retries=0, timeout=30) as client:
            cells = client.collection("cells")
            try:
                for batch in self._batches():
                    for _ in range(1 + (self._chance.random() < 0.1)):
                        self.acknowledged += zip(batch, self._add(cells, batch), strict=True)
            except Exception as fault:
                self.faults.append(fault)

    def _batches(self) -> list[list[int]]:
        kinds = [[n for n in self._numbers if is_image(n) is kind] for kind in (True, False)]
        found = [kind[at : at + BATCH] for kind in kinds for at in range(0, len(kind), BATCH)]
        self._chance.shuffle(found)
        return found

    def _add(self, cells: Collection, batch: list[int]) -> list[Addition]:
        ids, facts = [name(n) for n in batch], [metadata(n) for n in batch]
        while True:
            try:
                if is_image(batch[0]):
                    return cells.add([pixels(n) for n in batch], ids=ids, metadata=facts)
                return cells.add_vectors([vector(n) for n in batch], ids, facts)
            except ConnectionFailed:
                time.sleep(0.02)
            except ApiError as fault:
                if not fault.retryable:
                    raise
                time.sleep(0.02)


class Kept:
    """What the service says that it keeps."""

    def __init__(self, service: Service) -> None:
        self._http = httpx2.Client(base_url=f"{service.url}/collections/cells", trust_env=False)

    def close(self) -> None:
        self._http.close()

    @property
    def size(self) -> int:
        return int(self._http.get("").json()["items"])

    def items(self) -> dict[str, dict[str, Any]]:
        """Every item's metadata by its id; each is there once."""
        listed = self._http.get("/items?limit=10000").json()["items"]
        found = {item["id"]: item["metadata"] for item in listed}
        assert len(found) == len(listed)
        return found

    def check(self, numbers: set[int]) -> None:
        """These are there with their metadata, vectors and thumbnails."""
        listed = self.items()
        for number in numbers:
            assert listed[name(number)] == metadata(number)
            item = self._http.get(f"/items/{name(number)}").json()
            np.testing.assert_allclose(item["vector"], vector(number), atol=1e-6)
            reply = self._http.get(f"/items/{name(number)}/thumbnail")
            assert (reply.status_code == 200) is is_image(number)
            if is_image(number):
                assert Image.open(io.BytesIO(reply.content)).size == (SIDE, SIDE)

    def check_neighbors(self) -> None:
        """As a search through all that should be there finds them, in float64."""
        vectors = np.array([vector(number) for number in range(ITEMS)])
        for query in np.random.default_rng(3).random((5, DIM)):
            near = self._http.post("/neighbors", json={"vector": query.tolist(), "k": 20}).json()
            lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
            distances = 1 - vectors @ query / lengths
            order = np.argsort(distances)[:20]
            found = near["neighbors"]
            assert near["searched"] == ITEMS
            assert [each["id"] for each in found] == [name(number) for number in order]
            told = [each["distance"] for each in found]
            np.testing.assert_allclose(told, distances[order], atol=1e-6)


def check_counters(store_url: str) -> None:
    """The store's own counters: what was doubled or half undone would show in them."""
    store = open_database(store_url)
    collection = Collections(store).get("cells")
    numbers = Items(store).numbers(collection.key).tolist()
    store.dispose()
    assert (collection.size, collection.changes, collection.deletions) == (ITEMS, ITEMS, 0)
    assert len(numbers) == ITEMS and numbers == sorted(set(numbers))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_kill_9_loses_and_doubles_nothing(database_url: str, tmp_path: Path) -> None:
    chance = random.Random(1)
    with (
        running(service_of(tmp_path, database_url)) as service,
        closing(Kept(service)) as kept,
    ):
        with Client(service.url) as client:
            client.collection("cells").make()
        writers = [Writer(service.url, numbers, seed) for seed, numbers in enumerate(PARTS)]
        for writer in writers:
            writer.start()
        for moment in sorted(chance.sample(range(ITEMS // 10, ITEMS), KILLS)):
            while sum(len(writer.acknowledged) for writer in writers) < moment:
                assert any(writer.is_alive() for writer in writers)
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))
            service.kill()
            promised = {number for writer in writers for number, _ in writer.acknowledged}
            service.start()
            kept.check(promised)
        for writer in writers:
            writer.join()
        assert [writer.faults for writer in writers] == [[], []]
        outcomes = [each for writer in writers for each in writer.acknowledged]
        assert {addition.outcome for _, addition in outcomes} == {"added", "unchanged"}
        added = Counter(number for number, addition in outcomes if addition.outcome == "added")
        assert max(added.values()) == 1
        service.kill()
        service.start()
        kept.check(set(range(ITEMS)))
        assert len(kept.items()) == kept.size == ITEMS
        kept.check_neighbors()
    check_counters(service.settings.store_url)


@pytest.mark.slow
def test_an_addition_that_broke_off_goes_on(database_url: str, tmp_path: Path) -> None:
    paths = []
    for number in range(PICTURES):
        paths.append(path := tmp_path / f"{number}.png")
        Image.fromarray(pixels(number)).save(path)
    with (
        running(service_of(tmp_path, database_url)) as service,
        closing(Kept(service)) as kept,
        Client(service.url, retries=0) as client,
    ):
        cells = client.collection("cells")
        cells.make()
        killer = threading.Thread(target=kill_once_filled, args=(service, kept))
        killer.start()
        with pytest.raises(ConnectionFailed):
            cells.add(paths, progress=True)
        killer.join()
        service.start()
        there = kept.items()
        again = cells.add(paths, progress=True)
        last = cells.add(paths, progress=True)
        outcomes = ["unchanged" if each.id in there else "added" for each in again]
        assert 0 < len(there) < len(paths)
        assert [each.outcome for each in again] == outcomes
        assert {each.outcome for each in last} == {"unchanged"}
        assert sorted(kept.items()) == sorted(each.id for each in last)
        assert embedded(service) == outcomes.count("added")


def embedded(service: Service) -> int:
    """Images that requests sent through a model since the service's start."""
    text = httpx2.get(f"{service.url}/metrics", trust_env=False).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counts = {
        each.labels["stage"]: each.value
        for each in families["brightfield_stage_seconds"].samples
        if each.name.endswith("_count")
    }
    return int(counts["forward"])


def kill_once_filled(service: Service, kept: Kept) -> None:
    while not kept.size:
        time.sleep(0.001)
    service.kill()

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch

from brightfield.cards import ModelCard
from brightfield.errors import DamagedWeights, MemoryBusy, ModelTooLarge, UnknownModel
from brightfield.runtime.lane import Lane
from brightfield.runtime.registry import Registry
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry

from .conftest import Recorder, card_of, images
from .test_batcher import ask


class Loader:
    """Makes recorders of `sizes[name]` bytes; `broken` names fail after room was found for them."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.broken: set[str] = set()
        self.loads: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, card: ModelCard, room: Callable[[int], Lane]) -> Resident:
        self.loads.append(card.id)
        assert self.gate.wait(5)
        size = self.sizes.get(card.id, 10)
        resident = Resident(card, Recorder().eval(), room(size), size)
        if card.id in self.broken:
            raise DamagedWeights("cut short")
        return resident


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def registry(lane: Lane, loader: Loader, telemetry: Telemetry) -> Iterator[Registry]:
    cards = {name: card_of(name) for name in ("a", "b", "c", "d", "resnet18")}
    registry = Registry(cards, loader, {lane: 30}, telemetry)
    yield registry
    registry.close()


@contextmanager
def using(registry: Registry, name: str) -> Iterator[Resident]:
    """`Registry.use` without an event loop of the caller's."""
    use = registry.use(name)
    with asyncio.Runner() as runner:
        resident: Resident = runner.run(use.__aenter__())
        try:
            yield resident
        finally:
            runner.run(use.__aexit__(None, None, None))


def names(registry: Registry) -> list[str]:
    return sorted(resident.card.id for resident in registry.residents())


def test_however_many_ask_a_model_is_loaded_once(registry: Registry, loader: Loader) -> None:
    loader.gate.clear()

    def use(_: int) -> Resident:
        with using(registry, "a") as resident:
            return resident

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(use, i) for i in range(8)]
        loader.gate.set()
        residents = {id(future.result(5)) for future in asked}
    assert loader.loads == ["a"] and len(residents) == 1


def test_the_event_loop_goes_on_while_a_model_loads(registry: Registry, loader: Loader) -> None:
    async def main() -> int:
        loader.gate.clear()

        async def use() -> None:
            async with registry.use("a"):
                pass

        loading = asyncio.create_task(use())
        ticks = 0
        while not loading.done():
            await asyncio.sleep(0.001)
            ticks += 1
            if ticks == 5:
                loader.gate.set()
        return ticks

    assert asyncio.run(main()) >= 5


def test_one_caller_who_leaves_does_not_stop_the_load_of_the_others(
    registry: Registry, loader: Loader
) -> None:
    async def use() -> str:
        async with registry.use("a") as resident:
            return resident.card.id

    async def main() -> str:
        loader.gate.clear()
        first, second = asyncio.create_task(use()), asyncio.create_task(use())
        await asyncio.sleep(0.01)
        first.cancel()
        loader.gate.set()
        return await second

    assert asyncio.run(main()) == "a"
    assert loader.loads == ["a"]


def test_the_least_recently_used_gives_way(registry: Registry, count: Callable[..., float]) -> None:
    for name in ("a", "b", "c", "a"):
        with using(registry, name):
            pass
    with using(registry, "d"):
        assert names(registry) == ["a", "c", "d"]
    assert count("evictions_total", model="b") == 1
    assert count("resident_bytes", model="b", device="cpu") == 0
    assert count("resident_bytes", model="d", device="cpu") == 10


def test_neither_pinned_models_nor_those_in_use_are_evicted(registry: Registry) -> None:
    registry.load("a", pin=True).result(5)
    with using(registry, "b"), using(registry, "c"):
        with pytest.raises(MemoryBusy, match="pinned or in use"):
            registry.load("d").result(5)
        assert names(registry) == ["a", "b", "c"]
    assert [registry.pinned(name) for name in "abd"] == [True, False, False]
    with using(registry, "d"):
        assert names(registry) == ["a", "c", "d"]


def test_nothing_is_evicted_for_a_model_that_does_not_fit_anyway(
    registry: Registry, loader: Loader
) -> None:
    loader.sizes["d"] = 25
    registry.load("a", pin=True).result(5)
    with using(registry, "b"):
        pass
    with pytest.raises(MemoryBusy):
        registry.load("d").result(5)
    assert names(registry) == ["a", "b"]


def test_a_model_over_the_whole_budget_is_refused_with_both_numbers(
    registry: Registry, loader: Loader
) -> None:
    loader.sizes["d"] = 31 * 2**20
    with pytest.raises(ModelTooLarge, match="needs 31 MiB"):
        registry.load("d").result(5)


def test_a_failed_load_leaves_no_trace(registry: Registry, loader: Loader) -> None:
    loader.broken.add("a")
    loader.sizes["a"] = 30
    with pytest.raises(DamagedWeights):
        registry.load("a").result(5)
    assert registry.state("a") == "available" and names(registry) == []
    loader.sizes["b"] = 30  # all of the budget, so none of it is still held
    assert registry.load("b").result(5).card.id == "b"
    loader.broken.clear()
    assert registry.load("a").result(5).card.id == "a"


def test_a_new_version_is_in_before_the_old_one_is_dropped(
    registry: Registry, loader: Loader
) -> None:
    loader.sizes["a"] = 20
    with using(registry, "a") as old:
        registry.replace_cards({"a": card_of("a", version="2")})
        new = registry.load("a", anew=True).result(5)
        assert new.card.version == "2" and registry.resident("a") is new
        assert ask(old, 2).future.result(5)[0, 0, 0, 0] == 4  # who uses the old one may finish
    registry.replace_cards({"a": card_of("a"), "b": card_of("b")})
    assert registry.load("b").result(5)
    assert names(registry) == ["a", "b"]  # 20 + 10: the old 20 were given back


def test_the_old_version_stays_when_the_new_one_fails(registry: Registry, loader: Loader) -> None:
    with using(registry, "a") as old:
        pass
    loader.broken.add("a")
    with pytest.raises(DamagedWeights):
        registry.load("a", anew=True).result(5)
    assert registry.resident("a") is old


def test_unloading_waits_for_the_last_user(registry: Registry, loader: Loader) -> None:
    loader.sizes["b"] = 30
    with using(registry, "a") as resident:
        assert registry.unload("a") and registry.state("a") == "available"
        assert ask(resident, 1).future.result(5)[0, 0, 0, 0] == 2
        with pytest.raises(MemoryBusy):
            registry.load("b").result(5)
    assert registry.load("b").result(5)
    assert not registry.unload("a")


def test_an_unknown_model_gets_the_nearest_names(registry: Registry) -> None:
    with pytest.raises(UnknownModel, match="Did you mean resnet18"):
        registry.card("resnet-18")


def test_models_are_spread_over_the_devices(loader: Loader, telemetry: Telemetry) -> None:
    lanes = [Lane(torch.device("cpu"), telemetry) for _ in range(2)]
    registry = Registry(
        {name: card_of(name) for name in "ab"}, loader, dict.fromkeys(lanes, 30), telemetry
    )
    homes = {registry.load(name).result(5).lane for name in "ab"}
    assert homes == set(lanes)
    registry.close()
    for lane in lanes:
        lane.stop()


def test_loaded_models_answer(registry: Registry) -> None:
    with using(registry, "a") as resident:
        item = ask(resident, 3)
        torch.testing.assert_close(item.future.result(5), 2 * images(3))

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch

from brightfield.card_folders import FoundCards
from brightfield.cards import ModelCard
from brightfield.errors import UnknownModel
from brightfield.outages import DamagedWeights, LoadTimeout, MemoryBusy, ModelFailed, ModelTooLarge
from brightfield.runtime.lane import Lane
from brightfield.runtime.registry import Registry
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket

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


def found(*names: str, **more: object) -> FoundCards:
    return FoundCards({name: card_of(name, **more) for name in names})


@pytest.fixture
def loader() -> Loader:
    return Loader()


@pytest.fixture
def registry(lane: Lane, loader: Loader, telemetry: Telemetry) -> Iterator[Registry]:
    registry = Registry(found("a", "b", "c", "d", "resnet18"), loader, {lane: 30}, telemetry, 30)
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


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)


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


def test_pinned_models_are_not_evicted(registry: Registry, loader: Loader) -> None:
    loader.sizes["d"] = 25
    registry.load("a", pin=True).result(5)
    with using(registry, "b"):
        pass
    with pytest.raises(MemoryBusy, match="pinned models are in the way"):
        registry.load("d").result(5)
    assert names(registry) == ["a", "b"]  # and nothing is evicted for what does not fit anyway
    assert [registry.pinned(name) for name in "abd"] == [True, False, False]


def test_a_model_waits_until_one_in_use_has_served_its_users(
    registry: Registry, loader: Loader
) -> None:
    loader.sizes = dict.fromkeys("ab", 30)
    with using(registry, "a") as first:
        waiting = registry.load("b")
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        behind = registry.load("a")  # who comes now stands behind b
        with pytest.raises(TimeoutError):
            behind.result(0.05)
        assert names(registry) == ["a"]
    assert waiting.result(5).card.id == "b"
    assert behind.result(5) is not first
    assert names(registry) == ["a"]


def test_who_gave_way_takes_users_again_when_nobody_waits(
    registry: Registry, loader: Loader
) -> None:
    loader.sizes = dict.fromkeys("ab", 30)

    async def main() -> None:
        async with registry.use("a") as resident:
            leaving = asyncio.create_task(one_use(registry, "b"))
            await asyncio.sleep(0.05)
            staying = asyncio.create_task(one_use(registry, "a"))
            await asyncio.sleep(0.05)
            assert not staying.done()
            leaving.cancel()
            assert await asyncio.wait_for(staying, 5) is resident

    asyncio.run(main())
    assert loader.loads == ["a", "b"]  # b was built to see how much it needs, and a stayed


async def one_use(
    registry: Registry, name: str, seconds: float = 0, ticket: Ticket | None = None
) -> Resident:
    async with registry.use(name, ticket) as resident:
        assert resident.card.id == name
        await asyncio.sleep(seconds)
        return resident


def test_models_that_do_not_fit_together_take_turns(registry: Registry, loader: Loader) -> None:
    """Three models, room for one, and many at once: all are answered, in turns."""
    loader.sizes = dict.fromkeys("abc", 30)
    served: list[str] = []

    async def ask(name: str) -> None:
        async with registry.use(name, Ticket(30)) as resident:
            assert resident.card.id == name
            await asyncio.sleep(0.001)
            served.append(name)

    async def caller(name: str) -> None:
        for _ in range(8):
            await ask(name)

    async def main() -> None:
        await asyncio.gather(*(caller(name) for name in "abc" for _ in range(10)))

    asyncio.run(asyncio.wait_for(main(), 30))
    assert sorted(served) == sorted("abc" * 80)
    turns = [name for name, _ in itertools.groupby(served)]
    for name in "abc":  # between two turns of a model the others have one each
        at = [place for place, turn in enumerate(turns) if turn == name]
        assert at[0] <= 3 and max(b - a for a, b in itertools.pairwise(at)) <= 3
    assert len(turns) <= 40  # who waited for a model is served by one load of it


def test_who_waits_for_memory_is_told_when_to_ask_again(registry: Registry, loader: Loader) -> None:
    loader.sizes = dict.fromkeys("ab", 30)
    with using(registry, "a"), pytest.raises(MemoryBusy, match="waits for memory") as fault:
        asyncio.run(one_use(registry, "b", ticket=Ticket(0.2)))
    assert fault.value.retry_after is not None and fault.value.retry_after > 0
    assert registry.state("b") == "available"  # nobody wants it any more


def test_the_line_for_memory_has_an_end(lane: Lane, loader: Loader, telemetry: Telemetry) -> None:
    many = [f"m{number}" for number in range(40)]
    registry = Registry(found("a", *many), loader, {lane: 30}, telemetry, 30)
    loader.sizes = dict.fromkeys(["a", *many], 30)
    for name in many:  # so that it is known how much they need
        registry.load(name).result(5)
    with using(registry, "a"):
        waiting = [registry.load(name) for name in many]
        refused = [load for load in waiting if load.done()]
        assert len(refused) == 8 and waiting[-8:] == refused
        fault = refused[0].exception()
        assert isinstance(fault, MemoryBusy) and fault.retry_after is not None
    assert [load.result(5).card.id for load in waiting[:32]] == many[:32]
    registry.close()


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
        registry.replace_cards(found("a", version="2"))
        new = registry.load("a", anew=True).result(5)
        assert new.card.version == "2" and registry.resident("a") is new
        assert ask(old, 2).future.result(5)[0, 0, 0, 0] == 4  # who uses the old one may finish
    registry.replace_cards(found("a", "b"))
    assert registry.load("b").result(5)
    assert names(registry) == ["a", "b"]  # 20 + 10: the old 20 were given back


def test_who_wants_it_anew_gets_the_card_of_that_moment(registry: Registry, loader: Loader) -> None:
    loader.gate.clear()
    registry.replace_cards(found("a", version="10"))
    first = registry.load("a", anew=True)
    wait_for(lambda: loader.loads == ["a"])
    registry.replace_cards(found("a", version="11"))
    second = registry.load("a", anew=True)
    registry.replace_cards(found("a", version="12"))
    third = registry.load("a", anew=True)
    assert third is second is not first  # the load that has not begun does for both
    loader.gate.set()
    assert [load.result(5).card.version for load in (first, second)] == ["10", "12"]
    assert registry.resident("a") is second.result() and loader.loads == ["a", "a"]


def test_a_load_that_is_under_way_can_be_pinned(registry: Registry, loader: Loader) -> None:
    loader.gate.clear()
    first, second = registry.load("a"), registry.load("a", pin=True)
    loader.gate.set()
    assert first.result(5) is second.result(5)
    assert registry.pinned("a")


def test_a_load_that_never_ends_is_given_up(
    lane: Lane, loader: Loader, telemetry: Telemetry
) -> None:
    registry = Registry(found("a", "b", "c"), loader, {lane: 30}, telemetry, 1.0)
    loader.gate.clear()
    hanging = [registry.load("a"), registry.load("b")]
    for name, load in zip("ab", hanging, strict=True):
        with pytest.raises(LoadTimeout, match=f"Loading {name} takes longer than 1 s"):
            load.result(5)
    loader.gate.set()  # their threads go on, but loading a model is another's turn now
    assert registry.load("c").result(5).card.id == "c"
    registry.close()


def test_while_the_thread_of_a_load_hangs_the_model_is_loaded_anew_only(
    lane: Lane, loader: Loader, telemetry: Telemetry
) -> None:
    registry = Registry(found("a"), loader, {lane: 30}, telemetry, 0.2)
    loader.gate.clear()
    with pytest.raises(LoadTimeout):
        registry.load("a").result(5)
    with pytest.raises(LoadTimeout):
        registry.load("a")
    with pytest.raises(LoadTimeout):
        asyncio.run(one_use(registry, "a"))
    again = registry.load("a", anew=True)
    loader.gate.set()
    assert again.result(5).card.id == "a"
    assert registry.residents() == [again.result()]
    registry.close()


def test_whatever_a_load_raises_is_a_fault_of_the_model(
    lane: Lane, loader: Loader, telemetry: Telemetry
) -> None:
    def exiting(card: ModelCard, room: Callable[[int], Lane]) -> Resident:
        raise SystemExit(3)

    registry = Registry(found("a"), exiting, {lane: 30}, telemetry, 30)
    with pytest.raises(ModelFailed, match="Loading a failed: SystemExit: 3"):
        asyncio.run(one_use(registry, "a"))
    registry.close()


def test_a_model_without_a_card_can_be_unloaded(registry: Registry) -> None:
    with using(registry, "a") as resident:
        registry.replace_cards(found("b"))
        assert registry.cards().keys() == {"a", "b"} and registry.card("a") is resident.card
    assert registry.unload("a")
    with pytest.raises(UnknownModel):
        registry.unload("a")


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
        waiting = registry.load("b")
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
    assert waiting.result(5).card.id == "b"
    assert not registry.unload("a")


def test_an_unknown_model_gets_the_nearest_names(registry: Registry) -> None:
    with pytest.raises(UnknownModel, match="Did you mean resnet18"):
        registry.card("resnet-18")


def test_models_are_spread_over_the_devices(loader: Loader, telemetry: Telemetry) -> None:
    lanes = [Lane(torch.device("cpu"), telemetry) for _ in range(2)]
    registry = Registry(found("a", "b"), loader, dict.fromkeys(lanes, 30), telemetry, 30)
    homes = {registry.load(name).result(5).lane for name in "ab"}
    assert homes == set(lanes)
    registry.close()
    for lane in lanes:
        lane.stop()


def test_loaded_models_answer(registry: Registry) -> None:
    with using(registry, "a") as resident:
        item = ask(resident, 3)
        torch.testing.assert_close(item.future.result(5), 2 * images(3))

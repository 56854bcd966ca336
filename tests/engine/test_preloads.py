"""A service is ready when its default models are; what went wrong with one is said until mended."""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from typing import Any

import pytest

from brightfield.engine.preloads import Preloads
from brightfield.errors import UnknownModel
from brightfield.outages import ModelFailed, ModelsLoading


class Loads:
    """A registry whose loads end when the test says so."""

    def __init__(self) -> None:
        self.loads: dict[str, Future[Any]] = {}
        self.resident: set[str] = set()

    def quarantined(self, name: str) -> bool:
        return name == "hangs"

    def elsewhere(self, name: str) -> bool:
        return name == "away"

    def card(self, name: str) -> None:
        if name == "absent":
            raise UnknownModel("There is no model absent.")

    def load(self, name: str) -> Future[Any]:
        return self.loads.setdefault(name, Future())

    def state(self, name: str) -> str:
        return "resident" if name in self.resident else "available"


def preloads(registry: Loads, *names: str) -> Preloads:
    return Preloads(registry, names)  # type: ignore[arg-type]


def test_they_are_loaded_one_after_another_and_those_on_their_way_are_named() -> None:
    registry = Loads()
    over: list[bool] = []
    names = ["two", "hangs", "away", "one"]
    made = Preloads(registry, names, lambda: over.append(True))  # type: ignore[arg-type]
    assert list(registry.loads) == ["two"]
    with pytest.raises(ModelsLoading, match="loading two, one"):
        made.check()
    registry.loads["two"].set_result(None)
    assert list(registry.loads) == ["two", "one"] and not over
    with pytest.raises(ModelsLoading, match="loading one"):
        made.check()
    registry.loads["one"].set_result(None)
    made.check()
    made.wait()
    assert over


def test_what_goes_wrong_with_one_keeps_no_other_from_being_loaded() -> None:
    registry = Loads()
    preloads(registry, "one", "two")
    registry.loads["one"].set_exception(ModelFailed("It raised."))
    assert list(registry.loads) == ["one", "two"]


def test_a_fault_is_told_until_the_model_is_there() -> None:
    registry = Loads()
    made = preloads(registry, "one")
    registry.loads["one"].set_exception(ModelFailed("It raised."))
    with pytest.raises(ModelFailed):
        made.check()
    with pytest.raises(ModelFailed):
        made.wait()
    registry.resident.add("one")
    made.check()


def test_a_bad_card_ends_the_start_before_anything_is_loaded() -> None:
    registry = Loads()
    with pytest.raises(UnknownModel):
        preloads(registry, "aaa", "absent")
    assert not registry.loads


def test_a_model_that_is_dropped_later_is_not_kept() -> None:
    class Model:
        pass

    registry, model = Loads(), Model()
    made = preloads(registry, "one")
    registry.loads["one"].set_result(model)
    registry.loads.clear()
    known = weakref.ref(model)
    del model
    assert known() is None
    made.check()

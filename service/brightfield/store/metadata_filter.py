"""Filters on the metadata of items: equality, ranges, and one of several."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from brightfield.errors import InvalidParameter

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_KNOWN = ("eq", "ne", "in", *_ORDER)


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold; without any, everything passes.

        {"label": "RBC", "area": {"ge": 50, "lt": 200}, "slide": {"in": ["a", "b"]}}

    A key that an item doesn't have counts as null. A range holds for numbers among numbers and
    texts among texts; a number never equals a text, nor a boolean a number.
    """

    conditions: tuple[tuple[str, str, Any], ...] = ()

    @classmethod
    def read(cls, given: Any) -> Filter:
        """From the form above. Raises `InvalidParameter` saying which condition is wrong."""
        if given is None:
            return cls()
        if not isinstance(given, Mapping):
            raise _wrong("filter", "an object, as {'label': 'RBC', 'area': {'ge': 50}}", given)
        conditions: list[tuple[str, str, Any]] = []
        for key, wanted in given.items():
            tests = wanted if isinstance(wanted, Mapping) else {"eq": wanted}
            if not tests:
                raise _wrong(f"filter.{key}", f"one or more of {', '.join(_KNOWN)}", wanted)
            for test, value in tests.items():
                _check(f"filter.{key}.{test}", test, value)
                conditions.append((key, test, value))
        return cls(tuple(conditions))

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def __call__(self, metadata: Mapping[str, Any]) -> bool:
        """Whether an item with these metadata passes."""
        return all(_holds(metadata.get(key), test, value) for key, test, value in self.conditions)


def is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _check(place: str, test: str, value: Any) -> None:
    if test not in _KNOWN:
        raise _wrong(place, f"one of {', '.join(_KNOWN)}", test)
    if test == "in":
        if not isinstance(value, list) or not all(is_scalar(each) for each in value):
            raise _wrong(place, "a list of texts, numbers or booleans", value)
    elif not is_scalar(value):
        raise _wrong(place, "a text, a number, a boolean or null", value)
    elif test in _ORDER and (value is None or isinstance(value, bool)):
        raise _wrong(place, "a number or a text", value)


def _wrong(place: str, expected: str, received: Any) -> InvalidParameter:
    return InvalidParameter(
        f"{place} must be {expected}.",
        errors=[{"location": place, "expected": expected, "received": str(received)[:80]}],
    )


def _holds(found: Any, test: str, value: Any) -> bool:
    if test == "eq":
        return _equal(found, value)
    if test == "ne":
        return not _equal(found, value)
    if test == "in":
        return any(_equal(found, each) for each in value)
    return _kind(found) == _kind(value) and _ORDER[test](found, value)


def _equal(found: Any, value: Any) -> bool:
    return _kind(found) == _kind(value) and bool(found == value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "null" if value is None else "other"

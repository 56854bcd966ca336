"""Catalogs: a folder in which every file is one member."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def discover(folder: ModuleType, base: type[T]) -> dict[str, type[T]]:
    """The concrete subclasses of `base` defined in `folder`, by the name of their file.

    A file that defines none (the base itself, a helper) is no member. A file that defines two is
    a mistake, since one name could not choose between them, and raises `TypeError`.
    """
    members: dict[str, type[T]] = {}
    for info in pkgutil.iter_modules(folder.__path__):
        module = importlib.import_module(f"{folder.__name__}.{info.name}")
        found = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, base)
            and value.__module__ == module.__name__
            and value is not base
            and not value.__name__.startswith("_")
            and not getattr(value, "__abstractmethods__", None)
        ]
        if len(found) > 1:
            names = ", ".join(sorted(value.__name__ for value in found))
            raise TypeError(f"{module.__name__} defines several members ({names}); one per file")
        if found:
            members[info.name] = found[0]
    return members


def member(folder: ModuleType, catalog: Callable[[], Mapping[str, type]], name: str) -> type:
    """The member of a catalog by the name of its class, for the folder's `__getattr__`.

    Raises `AttributeError` for a name that no member has.
    """
    if name[:1].isupper():  # anything else is a file in the folder, which is no reason to read all
        for found in catalog().values():
            if found.__name__ == name:
                return found
    raise AttributeError(f"module {folder.__name__!r} has no attribute {name!r}")


class LateCatalog(Mapping[str, T]):
    """A catalog whose files are imported when somebody first looks into it."""

    def __init__(self, catalog: Callable[[], Mapping[str, T]]) -> None:
        self._found = cache(catalog)

    def __getitem__(self, name: str) -> T:
        return self._found()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())

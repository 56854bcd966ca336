"""Values that a page states, each behind a comment that says where the value comes from.

    <!-- default: tsne.components -->256        the default of a parameter or setting
    <!-- picture: collection.cells -->257       a number that a picture shows

Readers see the value alone.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from pydantic import BaseModel

import brightfield
import brightfield.embedding.projections
import brightfield.explain
import brightfield.metrics
import brightfield.tasks
from brightfield.parameters import Parameters
from brightfield.settings import Settings

from .pages import ROOT

_MARKED = re.compile(r"<!-- (default|picture): ([^>]+?) -->(`[^`]+`|-?\d[\d,]*(?:\.\d+)?)")
_LOOSE = re.compile(r"<!-- (?:default|picture): .*?-->")
_CATALOGS = (
    brightfield.tasks,
    brightfield.explain,
    brightfield.metrics,
    brightfield.embedding.projections,
)


@dataclass(frozen=True)
class Marked:
    """A value on a page, and the name of what it must agree with."""

    kind: str
    key: str
    text: str

    @property
    def stated(self) -> str:
        """The value without the page's dress: `top` for "`top`", 2000 for "2,000"."""
        return self.text.strip("`") if self.text.startswith("`") else self.text.replace(",", "")


def marked(text: str) -> list[Marked]:
    """The marked values of a page. Each comment must stand right before a value."""
    text = re.sub(r"`<!-- .*? -->`", "", text)  # a page that shows what a marker looks like
    found = [Marked(*parts) for parts in _MARKED.findall(text)]
    assert len(found) == len(_LOOSE.findall(text)), "a marker without a value behind it"
    return found


def default(key: str) -> str:
    """What the code has for `tsne.components`, `Confidence.level` or `settings.timeout`."""
    owner, _, field = key.rpartition(".")
    value = models()[owner].model_fields[field].get_default(call_default_factory=True)
    return ",".join(map(str, value)) if isinstance(value, tuple) else _plain(value)


def drawn(key: str) -> str:
    """What a picture shows: the name of its file, then the way into its numbers."""
    name, _, path = key.partition(".")
    facts = json.loads((ROOT / "docs" / "pictures" / f"{name}.json").read_text(encoding="utf-8"))
    return _plain(_inside(facts["numbers"], path))


@cache
def models() -> Mapping[str, type[BaseModel]]:
    """Everything that has parameters: catalog members by file, the rest by class."""
    for module in pkgutil.walk_packages(brightfield.__path__, "brightfield."):
        if not re.search(r"__main__|migrations", module.name):
            importlib.import_module(module.name)
    named: dict[str, type[BaseModel]] = {"settings": Settings}
    named |= {kind.__name__: kind for kind in _tree(Parameters)}
    return named | {name: kind for each in _CATALOGS for name, kind in members(each).items()}


def members(catalog: ModuleType) -> Mapping[str, Any]:
    found: Mapping[str, Any] = catalog.catalog()
    return found


def _tree(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in kind.__subclasses__():
        yield each
        yield from _tree(each)


def _inside(numbers: Any, path: str) -> Any:
    """A name may hold a dot itself, so the longest one that is there comes first."""
    if not path:
        return numbers
    for end in range(len(path), 0, -1):
        name = path[:end]
        if name in numbers and path[end : end + 1] in ("", "."):
            return _inside(numbers[name], path[end + 1 :])
    raise KeyError(path)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)

"""Every task and method of the catalogs has a way, and the nearest kind's is taken."""

from __future__ import annotations

from typing import Any

import pytest

from brightfield import explain, tasks
from brightfield.engine.ways import tiled, way_of, way_together, windows
from brightfield.work import Work

CATALOG: list[type[Work]] = [*tasks.catalog().values(), *explain.catalog().values()]


@pytest.mark.parametrize("work", CATALOG, ids=lambda work: work.name)
def test_every_member_of_the_catalogs_has_a_way(work: type[Work]) -> None:
    found, other = (way_of, way_together) if work.arity == "one" else (way_together, way_of)
    assert callable(found(work))
    with pytest.raises(TypeError, match="can't be answered here; what can is one of: "):
        other(work)


def test_the_nearest_kind_is_taken() -> None:
    assert way_of(tasks.Classify) is windows.answer  # which is a task of the whole image, too

    class Derived(tasks.Segment):
        pass

    assert way_of(Derived) is tiled.answer


def test_what_is_of_no_kind_is_refused() -> None:
    class Strange(Work):
        result: Any = None

    with pytest.raises(TypeError, match="Strange can't be answered here"):
        way_of(Strange)

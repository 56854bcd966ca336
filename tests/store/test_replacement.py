from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from brightfield.errors import CollectionDiffers
from brightfield.store.collections import Collections, Properties
from brightfield.store.items import Items, NewItem
from brightfield.store.replacement import Replacements


def item(name: str, value: float, **metadata: Any) -> NewItem:
    return NewItem(name, f"s{value}", metadata, np.array([value, 1], np.float32))


@pytest.fixture
def kept(engine: sa.Engine) -> Items:
    """`cells`, and `anew`, which has the same items of another model."""
    for name, version in (("cells", "1"), ("anew", "2")):
        properties = Properties(model="m", model_version=version, layer="l", pool="mean")
        Collections(engine).make(name, properties, model_digest=version)
    items = Items(engine)
    items.add("cells", [item("a", 1, kind="x"), item("b/c", 2)])
    items.add("anew", [item("b/c", 4), item("a", 3, kind="x")])
    return items


def test_a_collection_takes_the_name_and_the_place_of_another(
    kept: Items, engine: sa.Engine
) -> None:
    former, fresh = (Collections(engine).get(name) for name in ("cells", "anew"))
    now, gone = Replacements(engine).replace("cells", "anew", former.changes)
    assert (now.key, gone, now.name, now.model_digest) == (fresh.key, former.key, "cells", "2")
    assert [one.name for one in Collections(engine).all()] == ["cells"]
    with kept.moment("cells") as moment:
        assert moment.vector(moment.get("a")).tolist() == [3, 1]


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        (lambda kept: kept.delete("anew", ["b/c"]), "anew lacks items of cells: 'b/c'"),
        (lambda kept: kept.delete("cells", ["a"]), "cells lacks items of anew: 'a'"),
        (
            lambda kept: kept.add("anew", [item("a", 3, kind="y")], replace=True),
            "other metadata than in cells: 'a'",
        ),
    ],
)
def test_other_items_are_refused_and_nothing_changes(
    kept: Items, engine: sa.Engine, change: Any, phrase: str
) -> None:
    change(kept)
    before = Collections(engine).all()
    with pytest.raises(CollectionDiffers, match=phrase):
        Replacements(engine).replace("cells", "anew")
    assert Collections(engine).all() == before


def test_a_change_since_it_was_looked_at_is_refused(kept: Items, engine: sa.Engine) -> None:
    seen = Collections(engine).get("cells").changes
    kept.add("cells", [item("a", 9, kind="x")], replace=True)  # the same id and metadata
    with pytest.raises(CollectionDiffers, match="has changed since"):
        Replacements(engine).replace("cells", "anew", seen)


def test_other_properties_are_refused(kept: Items, engine: sa.Engine) -> None:
    Collections(engine).make("other", Properties(model="m", layer="l", metric="euclidean"))
    with pytest.raises(CollectionDiffers, match="another metric, pool than cells"):
        Replacements(engine).replace("cells", "other")
    with pytest.raises(CollectionDiffers, match="cannot replace itself"):
        Replacements(engine).replace("cells", "cells")

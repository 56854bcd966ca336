from __future__ import annotations

import pytest
import sqlalchemy as sa

from brightfield.errors import CollectionDiffers, UnknownCollection
from brightfield.store import collections
from brightfield.store.collections import Collection, Collections, Properties
from brightfield.store.turns import Turn


def test_a_collection_is_made_once_and_asked_for_again(engine: sa.Engine) -> None:
    kept = Collections(engine, clock=lambda: 12.5)
    properties = Properties(model="m", model_version="1", layer="penultimate", normalize=True)
    assert kept.make("cells", properties) == (kept.get("cells"), True)
    assert kept.make("cells", properties) == (kept.get("cells"), False)
    found = kept.get("cells")
    assert (found.properties, found.dim, found.size, found.created) == (properties, None, 0, 12.5)
    assert [one.name for one in kept.all()] == ["cells"]


def test_other_properties_are_a_conflict_that_names_them(engine: sa.Engine) -> None:
    kept = Collections(engine)
    kept.make("cells", Properties(), dim=3)
    with pytest.raises(CollectionDiffers, match="metric is 'cosine'") as caught:
        kept.make("cells", Properties(metric="euclidean"), dim=4)
    assert [error["location"] for error in caught.value.errors] == ["metric", "dim"]


def test_an_unknown_name_is_told_with_the_nearest(engine: sa.Engine) -> None:
    kept = Collections(engine)
    kept.make("cells", Properties())
    with pytest.raises(UnknownCollection, match="Did you mean cells"):
        kept.get("cell")
    with pytest.raises(UnknownCollection):
        kept.delete("other")


def test_a_name_that_is_used_again_is_another_collection(engine: sa.Engine) -> None:
    kept = Collections(engine)
    kept.make("cells", Properties())
    first = kept.get("cells")
    kept.delete("cells")
    kept.make("cells", Properties(metric="euclidean"))
    assert kept.get("cells").key != first.key


def test_who_was_overtaken_by_another_maker_finds_its_collection(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Collections(engine)
    kept.make("cells", Properties())
    real, seen = collections.find, []

    def find(connection: sa.Connection, name: str, turn: Turn | None = None) -> Collection | None:
        seen.append(name)
        return None if len(seen) == 1 else real(connection, name, turn)

    monkeypatch.setattr(collections, "find", find)
    assert kept.make("cells", Properties())[1] is False
    seen.clear()
    with pytest.raises(CollectionDiffers):
        kept.make("cells", Properties(normalize=True))

from __future__ import annotations

from typing import Any

import pytest

from brightfield.errors import InvalidParameter
from brightfield.store.metadata_filter import Filter

ITEM = {"label": "RBC", "area": 120, "slide": "a", "checked": True, "note": None}


@pytest.mark.parametrize(
    ("conditions", "passes"),
    [
        (None, True),
        ({}, True),
        ({"label": "RBC"}, True),
        ({"label": "WBC"}, False),
        ({"label": {"ne": "WBC"}}, True),
        ({"area": {"ge": 120, "lt": 121}}, True),
        ({"area": {"gt": 120}}, False),
        ({"area": {"le": 119.5}}, False),
        ({"slide": {"in": ["a", "b"]}}, True),
        ({"slide": {"in": []}}, False),
        ({"label": "RBC", "slide": "b"}, False),
        ({"slide": {"ge": "a", "lt": "b"}}, True),
        ({"missing": None}, True),
        ({"note": None}, True),
        ({"missing": {"lt": 5}}, False),
        ({"area": "120"}, False),
        ({"area": {"lt": "200"}}, False),
        ({"checked": 1}, False),
        ({"checked": True}, True),
    ],
)
def test_what_passes(conditions: Any, passes: bool) -> None:
    assert Filter.read(conditions)(ITEM) is passes


@pytest.mark.parametrize(
    ("conditions", "place"),
    [
        ("label", "filter"),
        ([1], "filter"),
        ({"label": {}}, "filter.label"),
        ({"label": {"like": "R"}}, "filter.label.like"),
        ({"label": {"in": "RBC"}}, "filter.label.in"),
        ({"label": {"in": [["RBC"]]}}, "filter.label.in"),
        ({"label": ["RBC"]}, "filter.label.eq"),
        ({"area": {"lt": True}}, "filter.area.lt"),
        ({"area": {"lt": None}}, "filter.area.lt"),
    ],
)
def test_what_is_no_condition_is_named(conditions: Any, place: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Filter.read(conditions)
    assert caught.value.errors[0]["location"] == place

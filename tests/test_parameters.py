from __future__ import annotations

import pytest

from brightfield.errors import suggestions
from brightfield.parameters import parsed_json, several


def test_lists_are_read_from_a_query_and_from_json() -> None:
    assert [several(value) for value in ("0, 2", 3, (1, 2))] == [["0", "2"], [3], (1, 2)]


def test_json_in_a_query() -> None:
    assert parsed_json('["a", 1]') == ["a", 1]
    with pytest.raises(ValueError, match="JSON"):
        parsed_json("[a")


def test_an_unknown_name_gets_the_nearest_and_all_known() -> None:
    assert suggestions("tsn", ["pca", "tsne"]) == " Did you mean tsne? Known: pca, tsne."
    assert (suggestions("xyz", ["pca"]), suggestions("xyz", [])) == (" Known: pca.", "")

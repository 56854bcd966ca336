"""`"none"` on a card, which has no null."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from brightfield.models.loading.arguments import with_nulls


def network(
    plain="x",
    optional: str | None = "imagenet",
    text: str = "batch",
    own: Any = "none",
    choice: Literal["none", "batch"] = "batch",
    empty=None,
    **rest: Any,
) -> None: ...


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", None),
        ("optional", None),
        ("text", "none"),
        ("own", "none"),
        ("choice", "none"),
        ("empty", None),
        ("anything", None),
    ],
)
def test_none_is_null_unless_the_parameter_takes_the_text(name: str, expected: str | None) -> None:
    assert with_nulls({name: "none", "width": 3}, network) == {name: expected, "width": 3}

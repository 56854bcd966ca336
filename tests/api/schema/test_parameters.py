"""What a parameter's field becomes in a query and in a JSON body."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter

from brightfield.api.schema.parameters import (
    belonging,
    body_member,
    body_object,
    fields,
    joined,
    query_parameter,
)
from brightfield.images.selection import Selection
from brightfield.images.shapes import ShapeParameter
from brightfield.parameters import (
    BoxParameter,
    Commas,
    EdgesParameter,
    Extent,
    Ids,
    Offset,
    Parameters,
    Units,
)


class Wanted(Parameters):
    """One of each kind."""

    count: Annotated[int, Field(ge=1)] | None = None
    """How many."""
    side: Extent | None = None
    """Of the
    window."""
    rule: Literal["plain", "guided"] = "plain"
    corner: Offset = (0.0, 1.5)
    conditions: dict[str, Any] | None = None


def in_query(name: str) -> dict[str, Any]:
    parameter = query_parameter(name, fields(Wanted)[name])
    assert (parameter["name"], parameter["in"], parameter["required"]) == (name, "query", False)
    schema: dict[str, Any] = parameter["schema"]
    return schema


def test_what_may_be_left_out_is_not_null_in_a_query() -> None:
    assert in_query("count") == {"type": "integer", "minimum": 1}
    assert in_query("rule") == {"type": "string", "enum": ["plain", "guided"], "default": "plain"}


def test_a_query_writes_lists_as_text_and_tells_pythons_type() -> None:
    side = in_query("side")
    assert (side["type"], side["x-python-type"]) == ("string", "int | Sequence[int]")
    assert in_query("corner")["default"] == "0,1.5"
    assert query_parameter("side", fields(Wanted)["side"])["description"] == "Of the window."


def test_a_query_writes_objects_as_json() -> None:
    schema = in_query("conditions")
    assert (schema["type"], schema["contentMediaType"]) == ("string", "application/json")
    assert schema["contentSchema"]["type"] == "object"
    assert schema["x-python-type"] == "Mapping[str, Any]"


def test_a_body_takes_lists_as_they_are_too() -> None:
    member = body_member(fields(Wanted)["side"])
    assert [choice["type"] for choice in member["anyOf"]] == ["string", "integer", "array"]
    assert body_member(fields(Wanted)["corner"])["default"] == "0,1.5"
    body = body_object(fields(Wanted), "Wanted", "One of each kind.")
    assert set(body["properties"]) == set(Wanted.model_fields)
    assert body["additionalProperties"] is False


def test_a_parameter_of_some_methods_names_them() -> None:
    parameter = query_parameter("count", belonging(fields(Wanted)["count"], ["one", "other"]))
    assert parameter["x-belongs-to"] == ["one", "other"]
    assert parameter["description"] == "How many. (of one, other)"


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (Extent, ["32", "32,48"], ["a", "1,2,3"]),
        (Offset, ["0,0", "-1.5,.5", "1e3,2"], ["1", "1,a"]),
        (BoxParameter, ["10,20,100,80"], ["1,2,3", "1.5,2,3,4"]),
        (EdgesParameter, ["10,20,110.5,100"], ["1,2,3", "a,b,c,d"]),
        (Units, ["3", "0,17,4"], ["", "a", "-1"]),
        (ShapeParameter, ["40,30,64,64", "10,10;90,10;50,80"], ["1,2", "1,2;3,4", "a"]),
    ],
)
def test_the_patterns_are_those_of_the_types(kind: Any, right: list[str], wrong: list[str]) -> None:
    (text,) = [
        choice
        for choice in TypeAdapter(kind)
        .json_schema()
        .get("anyOf", [TypeAdapter(kind).json_schema()])
        if choice["type"] == "string"
    ]
    for value in right:
        assert re.search(text["pattern"], value), value
        TypeAdapter(kind).validate_python(value)
    assert not any(re.search(text["pattern"], value) for value in wrong)


@pytest.mark.parametrize("kind", [Commas, Ids, Extent, Units])
def test_every_way_of_writing_has_a_schema(kind: Any) -> None:
    known = {choice["type"] for choice in TypeAdapter(kind).json_schema()["anyOf"]}
    assert {"string", "array"} <= known


def test_the_axes_of_a_selection_are_letters() -> None:
    pattern = query_parameter("axes", fields(Selection)["axes"])["schema"]["pattern"]
    assert re.search(pattern, "CYX") and not re.search(pattern, "QYX")


class OtherWords(Parameters):
    """Another method."""

    rule: Literal["plain", "steep"] = "steep"
    """How."""


def test_one_name_of_several_methods_has_the_words_of_all() -> None:
    both = joined({"one": fields(Wanted)["rule"], "two": fields(OtherWords)["rule"]})
    assert both["enum"] == ["plain", "guided", "steep"]
    assert "default" not in both
    assert both["description"].endswith("Of two (default: `steep`): How.")
    same = joined({"one": fields(Wanted)["rule"], "two": fields(Wanted)["rule"]})
    assert same == fields(Wanted)["rule"]

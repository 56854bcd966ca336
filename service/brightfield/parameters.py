"""Types of parameters that arrive as text (in a query) or as JSON, and mean the same either way."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

from brightfield.errors import nearest
from brightfield.json_text import parse_json


class Parameters(BaseModel):
    """A frozen set of parameters: its fields, their bounds and their docstrings are the reference,
    the OpenAPI schema and the check of what comes; unknown names are refused.

    The check is made when it is first needed, and docstrings are read when a schema is made, so a
    service that starts waits for neither.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), defer_build=True
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        fields = handler.resolve_ref_schema(schema).get("properties", {})
        for kind in (each for each in reversed(cls.__mro__) if issubclass(each, Parameters)):
            for name, text in attribute_docstrings(kind).items():
                if name in fields and cls.model_fields[name].description is None:
                    fields[name]["description"] = text
        return schema

    @property
    def changed(self) -> frozenset[str]:
        """The names that were given another value than their default. A client made from the
        OpenAPI document sends every default, which asks for nothing."""
        fields = type(self).model_fields
        given = self.model_fields_set
        return frozenset(name for name in given if getattr(self, name) != fields[name].default)


@cache
def attribute_docstrings(kind: type[Any]) -> Mapping[str, str]:
    """The docstring under each field that a class itself declares, by the name of the field; none
    where its source isn't there."""
    try:
        (declared,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    except (OSError, TypeError):
        return {}
    found = {}
    for field, text in pairwise(getattr(declared, "body", ())):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                found[name] = inspect.cleandoc(said)
    return found


def sentence_of(fault: ValidationError, root: type[Parameters]) -> str:
    """Every key that is wrong in a document of sections, and why; of an unknown one the nearest
    known name. `root` is the section of the whole document."""
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc']) or 'card'}: {_said(error, root)}"
        for error in fault.errors()
    )


def _said(error: ErrorDetails, root: type[Parameters]) -> str:
    if error["type"] != "extra_forbidden":
        return error["msg"]
    known = _keys_at(error["loc"][:-1], root)
    hint = nearest(str(error["loc"][-1]), known, 1) or f" Known: {', '.join(known)}."
    return f"There is no such key.{hint}"


def _keys_at(place: Sequence[int | str], root: type[Parameters]) -> list[str]:
    """The keys that a document may have at a place in it."""
    sections = [root]
    for step in place:
        inner = [each.model_fields[step] for each in sections if step in each.model_fields]
        named = [each for each in sections if each.__name__ == step]  # one of several forms
        parts = [part for found in inner for part in _parts(found.annotation)]
        sections = parts or named or sections
    return [key for section in sections for key in section.model_fields]


def _parts(annotation: Any) -> list[type[Parameters]]:
    """The sections among the forms that a value may have."""
    if isinstance(annotation, type) and issubclass(annotation, Parameters):
        return [annotation]
    return [part for form in get_args(annotation) for part in _parts(form)]


NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
"""The pattern of a number in a text."""


def written(python: str, text: Mapping[str, Any], *others: Mapping[str, Any]) -> WithJsonSchema:
    """The schema of a parameter that a query writes as text, and JSON also in other ways.

    `text` is added to the schema of a string, `others` are schemas of their own. `python` is the
    type that a client in Python offers for it; the OpenAPI document has it as `x-python-type`.
    """
    return WithJsonSchema({"anyOf": [{"type": "string", **text}, *others], "x-python-type": python})


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _numbers_of(count: int, kind: str = "number") -> dict[str, Any]:
    return {"type": "array", "items": {"type": kind}, "minItems": count, "maxItems": count}


def natural_numbers(most: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas of a number from 0, and of a list of such, of `most` at most."""
    one = {"type": "integer", "minimum": 0}
    several: dict[str, Any] = {"type": "array", "items": one, "minItems": 1}
    return one, several if most is None else {**several, "maxItems": most}


def several(value: Any) -> Any:
    """`"0,2"`, as a query writes it, as `["0", "2"]`, and one number as a list of it."""
    parts = _split(value)
    return [parts] if isinstance(parts, int) else parts


def parsed_json(text: str) -> Any:
    """What a query writes as JSON. Raises `ValueError`."""
    try:
        return parse_json(text)
    except ValueError:
        raise ValueError("this isn't JSON") from None


def _pair(value: Any) -> Any:
    parts = _split(value)
    if isinstance(parts, int | float):
        parts = [parts]
    if isinstance(parts, list) and len(parts) == 1:
        parts = parts * 2
    return parts


def _of_extent(value: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    xmin, ymin, xmax, ymax = value
    if xmax <= xmin or ymax <= ymin:
        raise ValueError("a box is xmin,ymin,xmax,ymax, with xmax > xmin and ymax > ymin")
    return value


def _text_items(value: Any) -> Any:
    parts = several(value)
    return [str(part) for part in parts] if isinstance(parts, list | tuple) else parts


Commas = Annotated[
    tuple[str, ...],
    BeforeValidator(_text_items),
    Field(min_length=1),
    written(
        "str | int | Sequence[str | int]",
        {},
        {"type": "integer"},
        {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1},
    ),
]
"""One or several values: `a,b` or `["a", "b"]`."""


def _ids(value: Any) -> Any:
    if isinstance(value, str) and value[:1] == "[":
        return parsed_json(value)
    return _text_items(value)


Ids = Annotated[
    tuple[str, ...],
    BeforeValidator(_ids),
    Field(min_length=1),
    written(
        "str | Sequence[str]",
        {"examples": ["a,b", '["a", "b, too"]']},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ),
]
"""Ids of items with commas, or as a JSON list where they have commas themselves."""

Extent = Annotated[
    tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
    BeforeValidator(_pair),
    written(
        "int | Sequence[int]",
        {"pattern": r"^\d+(,\d+)?$", "examples": ["32", "32,48"]},
        {"type": "integer", "minimum": 1},
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 1},
            "minItems": 1,
            "maxItems": 2,
        },
    ),
]
"""(height, width) in pixels: `32` for both, or `32,48`."""

Offset = Annotated[
    tuple[
        Annotated[float, Field(allow_inf_nan=False)], Annotated[float, Field(allow_inf_nan=False)]
    ],
    BeforeValidator(_split),
    written(
        "Sequence[float]",
        {"pattern": rf"^{NUMBER},{NUMBER}$", "examples": ["0,0", "2048,1024"]},
        _numbers_of(2),
    ),
]
"""x, y in pixels."""

BoxParameter = Annotated[
    tuple[int, int, int, int],
    BeforeValidator(_split),
    written(
        "Sequence[int]",
        {"pattern": r"^-?\d+(,-?\d+){3}$", "examples": ["10,20,100,80"]},
        _numbers_of(4, "integer"),
    ),
]
"""x, y, width, height in pixels."""

_Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]

EdgesParameter = Annotated[
    tuple[_Number, _Number, _Number, _Number],
    BeforeValidator(_split),
    AfterValidator(_of_extent),
    written(
        "Sequence[float]",
        {"pattern": rf"^{NUMBER}(,{NUMBER}){{3}}$", "examples": ["10,20,110,100"]},
        _numbers_of(4),
    ),
]
"""xmin, ymin, xmax, ymax in pixels, as /detect gives boxes; a box has an extent."""


def _distinct(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(value)) < len(value):
        raise ValueError("each number is named once")
    return value


ObjectIds = Annotated[
    tuple[Annotated[int, Field(ge=1)], ...],
    BeforeValidator(several),
    AfterValidator(_distinct),
    Field(min_length=1, max_length=64),
    written(
        "int | Sequence[int]",
        {"pattern": r"^\d+(,\d+)*$", "examples": ["3", "5,17"]},
        *natural_numbers(most=64),
    ),
]
"""Objects by their ids, from 1: `3`, or `5,17`."""

Units = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    BeforeValidator(several),
    AfterValidator(_distinct),
    Field(min_length=1, max_length=4096),
    written(
        "int | Sequence[int]",
        {"pattern": r"^\d+(,\d+)*$", "examples": ["3", "0,17,4"]},
        *natural_numbers(most=4096),
    ),
]
"""Units of a layer by their numbers, from 0: `3`, or `0,17,4`."""

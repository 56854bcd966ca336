"""What the service's document says of parameters, as types and texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Texts that may be written as what they stand for.
WRITTEN = {
    "target": "str | int | Sequence[str | int]",
    "classes": "str | int | Sequence[str | int]",
    "units": "str | int | Sequence[int]",
}
NUMBERS = re.compile(r"-?\d+(\.\d+)?([,;]-?\d+(\.\d+)?)*")


def operation(
    document: Mapping[str, Any], path: str, method: str, named: tuple[str, ...]
) -> dict[str, Mapping[str, Any]]:
    """The parameters of an operation but those that its call names itself."""
    found = query_parameters(document, path, method)
    return {name: each for name, each in found.items() if name not in named and "." not in name}


def query_parameters(
    document: Mapping[str, Any], path: str, method: str = "post"
) -> dict[str, Mapping[str, Any]]:
    """The parameters of a query by their names."""
    given = document["paths"][path][method].get("parameters", ())
    found = (resolved(document, each) for each in given)
    return {
        each["name"]: {**each, "schema": resolved(document, each["schema"])}
        for each in found
        if each["in"] == "query"
    }


def resolved(document: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference stands for."""
    while "$ref" in value:
        target: Any = document
        for key in value["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        value = target
    return value


def python_type(name: str, schema: Mapping[str, Any]) -> str:
    """The type of a parameter: what the SDK writes into the query in the right way."""
    if said := schema.get("x-python-type"):
        return " | ".join(dict.fromkeys(["str", *said.split(" | ")]))
    if name in WRITTEN and schema.get("type") == "string":
        return WRITTEN[name]
    if "const" in schema or "enum" in schema:
        choices = schema.get("enum") or [schema["const"]]
        return f"Literal[{', '.join(json.dumps(choice) for choice in choices)}]"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        kinds = (python_type(name, option) for option in options if option.get("type") != "null")
        return " | ".join(dict.fromkeys(kinds))
    if schema.get("type") == "array":
        return f"Sequence[{python_type(name, schema.get('items', {}))}]"
    kinds = {"integer": "int", "number": "float", "boolean": "bool", "object": "Mapping[str, Any]"}
    return kinds.get(schema.get("type", ""), "") or _text_type(schema)


def _text_type(schema: Mapping[str, Any]) -> str:
    """Texts that list numbers may be written as numbers, and polygons as sequences of pairs."""
    examples = [str(each) for each in schema.get("examples", ())]
    if not examples or not all(NUMBERS.fullmatch(each) for each in examples):
        return "str"
    number = "int" if "\\d" in schema.get("pattern", "") else "float"
    alone = f" | {number}" * any(re.fullmatch(r"[^,;]+", each) is not None for each in examples)
    nested = f" | Sequence[Sequence[{number}]]" * any(";" in each for each in examples)
    return f"str{alone} | Sequence[{number}]{nested}"


def described(parameter: Mapping[str, Any]) -> str:
    said = " ".join(parameter.get("description", "").split()).replace("\\", "\\\\")
    default = parameter["schema"].get("default")
    end = said[-1:] in (".", "") and said
    shown = "" if default is None else f"{'' if end else '.'} Default: {json.dumps(default)}."
    return f"{said}{shown}".strip()

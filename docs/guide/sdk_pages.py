"""The reference of the SDK, as Python itself describes it.

Methods of the clients are made from functions when they are imported, and have their signatures
and texts from there: a tool that only reads the source sees none of them.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import brightfield_client

_HEAD = """# Reference of the SDK

Every public name of `brightfield_client`. The asynchronous classes (`AsyncClient`,
`AsyncCollection`, `AsyncJob`) have the methods of their twins, with `await`.
"""
_FIRST = ("Client", "Collection", "Job")
_TWINS = re.compile("Async[A-Z]")
_SECTIONS = {"Args:": "**Arguments**", "Returns:": "**Returns**"}


def sdk_page() -> str:
    """The page, the clients first."""
    others = (name for name in brightfield_client.__all__ if name not in _FIRST)
    return "\n".join([_HEAD, *(line for name in (*_FIRST, *others) for line in _class(name))])


def public_members(kind: type[Any]) -> dict[str, Any]:
    """The methods and properties of a class and of those of ours that it stands on."""
    found: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        if each.__module__.startswith("brightfield_client"):
            found |= {name: value for name, value in vars(each).items() if name[0] != "_"}
    shown = (property, classmethod, staticmethod)
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, shown) or inspect.isfunction(value)
    }


def _class(name: str) -> Iterator[str]:
    kind = getattr(brightfield_client, name)
    yield f"## {name} {{#{name}}}\n"
    yield _text(kind.__doc__)
    if dataclasses.is_dataclass(kind):
        yield from _fields(kind)
    if _TWINS.match(name):
        return
    for member, value in public_members(kind).items():
        yield f"### {name}.{member} {{#{name}.{member}}}\n"
        yield from _member(member, value)


def _fields(kind: type[Any]) -> Iterator[str]:
    names = [f for f in dataclasses.fields(kind) if f.name[0] != "_"]
    rows = [f"| `{f.name}` | `{_type(f.type)}` |" for f in names]
    if rows:
        yield "\n".join(["| field | type |", "|---|---|", *rows]) + "\n"


def _member(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, property):
        yield _text(value.__doc__) or "A property.\n"
        return
    function = getattr(value, "__func__", value)
    yield f"```python\n{name}{_signature(function)}\n```\n"
    yield _text(function.__doc__)


def _signature(function: Any) -> str:
    """What can be passed, a line for each where there is much."""
    found = inspect.signature(function)
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in found.parameters.values()]
    short = str(found.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return short if len(short) < 90 else short.replace(", ", ",\n    ").replace("(", "(\n    ", 1)


def _type(annotation: Any) -> str:
    return str(annotation).replace("|", "\\|")


def _text(text: str | None) -> str:
    """A docstring as Markdown: its arguments as a list, indented examples as code."""
    lines, listed = [], False
    for line in inspect.cleandoc(text or "").splitlines():
        if line in _SECTIONS:
            lines += [_SECTIONS[line], ""]
            listed = line == "Args:"
        elif listed and (found := re.match(r"    (\w+): (.*)", line)):
            lines.append(f"- `{found[1]}`: {found[2]}")
        elif listed and line.startswith("     "):
            lines.append(f"    {line.strip()}")
        else:
            listed = listed and bool(line.startswith(" "))
            lines.append(line)
    return "\n".join(lines) + "\n"

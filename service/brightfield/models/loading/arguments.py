"""Arguments of an architecture: TOML has no null, so a card writes `"none"`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

_NONE = "none"


def with_nulls(arguments: Mapping[str, Any], make: Callable[..., Any]) -> dict[str, Any]:
    """The arguments with None for the text "none", except where `make` takes that text.

    It does if the parameter's default is "none", or if its annotation names no None. Parameters
    without an annotation, and those of `**kwargs`, get None.
    """
    return {
        name: None if value == _NONE and _takes_none(make, name) else value
        for name, value in arguments.items()
    }


def _takes_none(make: Callable[..., Any], name: str) -> bool:
    try:
        parameter = inspect.signature(make).parameters.get(name)
    except (TypeError, ValueError):  # nothing is known of what is written in C
        return True
    if parameter is None or parameter.default is None:
        return True
    if isinstance(parameter.default, str) and parameter.default == _NONE:
        return False
    return _names_none(parameter.annotation)


def _names_none(annotation: Any) -> bool:
    if annotation in (inspect.Parameter.empty, Any):
        return True
    text = annotation if isinstance(annotation, str) else str(annotation)
    return any(word in text for word in ("None", "Optional", "Any"))

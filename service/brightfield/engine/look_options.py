"""How to look at an image, as keyword arguments in place of a `View` and a `Selection`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, TypeVar

from brightfield.backend_names import BackendChoice, PrecisionChoice
from brightfield.engine.view import View
from brightfield.images.selection import Selection

P = TypeVar("P", View, Selection)


class LookOptions(TypedDict, total=False):
    """The fields of `View` and `Selection`."""

    model: str | None
    region: tuple[int, int, int, int] | None
    intensity: str
    scale: Literal["auto", "off"] | float
    diameter: float | str | None
    backend: BackendChoice
    precision: PrecisionChoice
    page: int | None
    z: int | None
    t: int | None
    channels: Sequence[int] | None
    axes: str | None
    level: int | None
    orientation: Literal["apply", "ignore"]
    pixel_size: float | None
    spacing: float | None


def look(
    view: View | None, selection: Selection | None, options: Mapping[str, Any]
) -> tuple[View, Selection]:
    """The view and the selection that are given, with the options set in them.

    Raises `ValueError` (pydantic's `ValidationError`) for a value out of its range, and
    `TypeError` for an option that neither has.
    """
    view, selection = view or View(), selection or Selection()
    if not options:
        return view, selection
    known = {*View.model_fields, *Selection.model_fields}
    if unknown := sorted(set(options) - known):
        raise TypeError(f"unknown option {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return _with(view, options), _with(selection, options)


def _with(parameters: P, options: Mapping[str, Any]) -> P:
    own = {name: value for name, value in options.items() if name in type(parameters).model_fields}
    if not own:
        return parameters
    given = {name: getattr(parameters, name) for name in parameters.model_fields_set}
    return type(parameters).model_validate({**given, **own})

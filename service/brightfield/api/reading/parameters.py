"""From names and texts to typed parameters, with errors that say what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, overload

from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams

from brightfield.errors import ConflictingParameter, InvalidParameter, UnknownParameter, suggestions

A = TypeVar("A", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)
C = TypeVar("C", bound=BaseModel)
D = TypeVar("D", bound=BaseModel)
E = TypeVar("E", bound=BaseModel)
T = TypeVar("T")

_MOST_MEMBERS = 1000


@overload
def parse(models: tuple[type[A]], given: Mapping[str, Any]) -> tuple[A]: ...
@overload
def parse(models: tuple[type[A], type[B]], given: Mapping[str, Any]) -> tuple[A, B]: ...
@overload
def parse(models: tuple[type[A], type[B], type[C]], given: Mapping[str, Any]) -> tuple[A, B, C]: ...
@overload
def parse(
    models: tuple[type[A], type[B], type[C], type[D]], given: Mapping[str, Any]
) -> tuple[A, B, C, D]: ...
@overload
def parse(
    models: tuple[type[A], type[B], type[C], type[D], type[E]], given: Mapping[str, Any]
) -> tuple[A, B, C, D, E]: ...
def parse(models: tuple[type[BaseModel], ...], given: Mapping[str, Any]) -> tuple[BaseModel, ...]:
    """One value per model, each filled with its own fields out of `given`; a name that several
    have is that of the first.

    Raises `UnknownParameter` for a name that no model has, `InvalidParameter` listing every
    wrong value with what was expected.
    """
    owners: dict[str, int] = {}
    for index, model in enumerate(models):
        for name in model.model_fields:
            owners.setdefault(name, index)
    shares: list[dict[str, Any]] = [{} for _ in models]
    for name, value in given.items():
        if name not in owners:
            raise _unknown(name, owners)
        shares[owners[name]][name] = value
    return tuple(_filled(model, share) for model, share in zip(models, shares, strict=True))


def member_of(catalog: Mapping[str, T], name: str, location: str, what: str, where: str = "") -> T:
    """The member that the parameter at `location` names.

    Raises `InvalidParameter` with the nearest name: there is no `what` of that name `where`.
    """
    if name in catalog:
        return catalog[name]
    known = sorted(catalog)
    raise InvalidParameter(
        f"There is no {what} {name!r}{where}.{suggestions(name, known)}",
        errors=[{"location": location, "expected": known, "received": name}],
    )


def _unknown(name: str, known: Iterable[str]) -> UnknownParameter:
    names = sorted(known)
    return UnknownParameter(
        f"There is no parameter {name!r} here.{suggestions(name, names)}",
        errors=[{"location": name}],
    )


def _filled(model: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as fault:
        errors = [
            {
                "location": ".".join(str(part) for part in error["loc"]),
                "expected": error["msg"].removeprefix("Value error, "),
                "received": _short(error["input"]),
            }
            for error in fault.errors(include_url=False)
        ]
        sentences = "; ".join(_sentence(error) for error in errors)
        raise InvalidParameter(f"{sentences}.", errors=errors) from None


def _sentence(error: Mapping[str, str]) -> str:
    """One wrong value, or what is wrong about several together, which has no location."""
    if not error["location"]:
        return error["expected"]
    return f"{error['location']}={error['received']}: {error['expected']}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def query_of(query: QueryParams) -> dict[str, Any]:
    """The query's parameters; one that is repeated must have one value."""
    values: dict[str, Any] = {}
    for name, value in query.multi_items():
        if values.setdefault(name, value) != value:
            raise ConflictingParameter(
                f"{name} is given as {values[name]!r} and as {value!r} in the query; give it once.",
                errors=[{"location": name}],
            )
    return values


def check_members(document: Mapping[str, Any], place: str) -> None:
    """Refuse an object with more members than anything has names. Raises `UnknownParameter`."""
    if len(document) > _MOST_MEMBERS:
        raise UnknownParameter(
            f"The {place} has {len(document)} members, and at most {_MOST_MEMBERS} are read."
        )


def merge(sources: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The parameters of several places (query, form, JSON) as one.

    The same parameter may come twice with the same meaning; with different values it is refused.
    """
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for place, values in sources:
        for name, value in values.items():
            if name in merged and str(merged[name]) != str(value):
                raise ConflictingParameter(
                    f"{name} is {_short(merged[name])!r} in the {origin[name]} and "
                    f"{_short(value)!r} in the {place}; give it once.",
                    errors=[{"location": name}],
                )
            merged[name], origin[name] = value, place
    return merged

"""What the document says of an operation beyond what FastAPI reads off its route.

It takes longer to make than a service may take to start, and few ask for the document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ParamSpec, TypeVar

from fastapi.routing import iter_route_contexts
from fastapi.utils import deep_dict_update
from starlette.routing import BaseRoute

from brightfield.api.schema.shapes.shape import Schema

Described = TypeVar("Described", bound=Callable[..., Any])
_Arguments = ParamSpec("_Arguments")


def described(
    describe: Callable[_Arguments, Schema], *args: _Arguments.args, **options: _Arguments.kwargs
) -> Callable[[Described], Described]:
    """Below the decorator of a route: the document has what `describe` gives for the arguments."""

    def stated(endpoint: Described) -> Described:
        endpoint.description_of = partial(describe, *args, **options)  # type: ignore[attr-defined]
        return endpoint

    return stated


def complete(paths: Mapping[str, Any], routes: Iterable[BaseRoute]) -> None:
    """Add to each operation what its endpoint is described by."""
    for context in iter_route_contexts(list(routes)):
        describe: Callable[[], Schema] | None = getattr(context.endpoint, "description_of", None)
        for method in context.methods or () if describe else ():
            operation = paths.get(str(context.path_format), {}).get(method.lower())
            if operation is not None and describe is not None:
                deep_dict_update(operation, describe())

"""Which methods a path knows, over all routes that it has."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

EVERYTHING = "*"
"""The path of `OPTIONS *`, which asks about the service as a whole."""


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """The methods of the scope's path, in the order of the alphabet; empty: there is no such path.

    HEAD is there wherever GET is (`head_requests`), and OPTIONS wherever anything is.
    """
    everything = scope["path"] == EVERYTHING
    found: set[str] = set()
    for route in iter_route_contexts(routes):
        if everything or route.matches(scope)[0] is not Match.NONE:
            found |= route.methods or {"GET"}  # files that are mounted are read alone
    if "GET" in found:
        found.add("HEAD")
    return sorted(found | {"OPTIONS"}) if found else []

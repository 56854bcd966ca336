"""What each route needs, as it states where it is declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, compile_path

from brightfield.access.scopes import Need

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

PAGES: Final = ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/static-offline-docs")
"""The documentation, which FastAPI declares. It is open: it says nothing that isn't public, and a
browser that opens a page sends no key."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a request to a route needs, and what it needs besides to be answered as a job.

    What a route `stores` counts for a key that may fill a part of the disk.
    """

    scope: Need
    job: Need = "open"
    stores: bool = False


def needs(
    scope: Need, *, job: Need = "open", stores: bool = False
) -> Callable[[Endpoint], Endpoint]:
    """Below the decorator of a route: a request needs a key with this scope, and one that prefers
    a job also one with that of the `job`; whether it `stores` what it brings or computes."""

    def stated(endpoint: Endpoint) -> Endpoint:
        endpoint.needs = Needs(scope, job, stores)  # type: ignore[attr-defined]
        return endpoint

    return stated


def needs_of(endpoint: Any) -> Needs | None:
    """What an endpoint states; None if it states nothing."""
    found: Needs | None = getattr(endpoint, "needs", None)
    return found


@dataclass(frozen=True, slots=True)
class GuardedRoute:
    """A route's paths and methods, what it needs, and what it is called in the audit."""

    path: re.Pattern[str]
    methods: frozenset[str]
    needs: Needs
    action: str

    def matches(self, method: str, path: str) -> bool:
        return method in self.methods and self.path.match(path) is not None


class RouteNeeds:
    """Every route of an app with what it needs.

    A route that states nothing isn't served: the app isn't made. Raises `ValueError`.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        contexts = [each for each in iter_route_contexts(list(routes)) if each.path not in PAGES]
        silent = [str(each.path) for each in contexts if needs_of(each.endpoint) is None]
        if silent:
            raise ValueError(
                f"These routes don't state which scope they need: {', '.join(silent)}; "
                "write @needs(...) below their decorators (api/door/needs.py)."
            )
        self._routes = [_guarded(each) for each in contexts]
        # Most requests come to a path without parameters, which needs no search.
        plain = [(method, str(each.path)) for each in contexts for method in each.methods or ()]
        self._plain = {each: self._first(*each) for each in plain if "{" not in each[1]}

    def of(self, method: str, path: str) -> GuardedRoute | None:
        """The route that a request comes to; None for pages of the documentation, and for what is
        a 404 or a 405. HEAD needs what GET does."""
        asked = "GET" if method == "HEAD" else method
        return self._plain.get((asked, path)) or self._first(asked, path)

    def _first(self, method: str, path: str) -> GuardedRoute | None:
        """As the router finds it: the first that matches."""
        return next((each for each in self._routes if each.matches(method, path)), None)


def _guarded(context: Any) -> GuardedRoute:
    name = getattr(context.endpoint, "__name__", None) or context.endpoint.name
    path, methods = compile_path(context.path)[0], frozenset(context.methods)
    return GuardedRoute(path, methods, context.endpoint.needs, name)

"""Who sent a request."""

from __future__ import annotations

from starlette.requests import Request

from brightfield.access.visitor import Visitor


def visitor_of(request: Request) -> Visitor:
    """Who sent the request, which has come through the door."""
    found: Visitor = request.scope["visitor"]
    return found

"""A job's request, as it is kept until the job is over."""

from __future__ import annotations

from starlette._utils import get_route_path
from starlette.requests import Request

from brightfield.api.reading.received import Received
from brightfield.store.jobs import StoredRequest

_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})
"""What says who asks is of no use to the job, and doesn't belong into the store."""


def kept_request(request: Request, received: Received) -> StoredRequest:
    """All that is needed to understand the request once more."""
    return StoredRequest(
        request.method,
        get_route_path(request.scope),
        str(received.query),
        [pair for pair in received.headers.items() if pair[0].lower() not in _SECRET],
        received.request_id,
        received.body,
    )

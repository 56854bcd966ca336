"""The one protocol of requests that take a place in flight: HTTP's side of every longer answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from brightfield.api.limits import ticket_of
from brightfield.api.reading.received import Received, receive
from brightfield.api.request_scope import RequestScope
from brightfield.api.services import Services, services_of
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

Responder = Callable[[Ticket, Progress | None], Awaitable[Response]]
"""Works out the reply; tells of its progress where a job listens."""


@dataclass(frozen=True, slots=True)
class Understood:
    """A request understood: what answers it, and how many of its images are in flight at once.

    What is `repeatable` changes nothing, so as a job it may begin once more if the process dies.
    """

    respond: Responder
    places: int = 1
    repeatable: bool = False


Understand = Callable[[Services, Received], Awaitable[Understood]]
"""From what was received to what is wanted. Raises a `BrightfieldError` that the client mends."""


async def conduct(request: Request, understand: Understand, *, job: str | None = None) -> Response:
    """Admit a request, read it, understand it, and answer it at once or as a job.

    Where `job` names the endpoint, `Prefer: respond-async` makes the answer a job: the request is
    understood first, so that what is wrong with it is said at once and not by the job.

    Raises `Overloaded` or `TooManyImages` where there is no place, `TooManyBytes` for the body,
    `DeadlineExceeded` or `Cancelled` for its end, and what `understand` and its answer raise.
    """
    services = services_of(request)
    with services.admission.admit() as claim:
        # The deadline counts from here, but a client that is still sending its body
        # cannot be listened to for hanging up: the listener would eat the body.
        ticket = ticket_of(request, services.settings.timeout)
        received = await receive(request, services.settings.max_bytes)
        async with RequestScope(request, ticket):
            understood = await understand(services, received)
            claim.extend(understood.places)
            if job is None or "respond-async" not in received.headers.get("prefer", ""):
                return await understood.respond(ticket, None)
        kept = services.admission.hand_over(claim)
    again = received if understood.repeatable else None
    return await services.jobs.submit(job, understood.respond, kept.release, again)

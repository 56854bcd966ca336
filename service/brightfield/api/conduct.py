"""The one protocol of requests that take a place in flight: HTTP's side of every longer answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from brightfield.api.admission.body_budget import HeldBytes
from brightfield.api.admission.places import Caller
from brightfield.api.door.visitors import visitor_of
from brightfield.api.jobs.requests import kept_request
from brightfield.api.reading.body import BodyRules
from brightfield.api.reading.received import Received, receive
from brightfield.api.request_scope import RequestScope, ticket_of
from brightfield.api.services import Services, services_of
from brightfield.progress import Progress
from brightfield.runtime.ticket import Ticket

Models = Callable[[], Awaitable[Sequence[str]]]
"""The ids of the models that a request needs, as far as they are known before it is answered."""

Responder = Callable[[Ticket, Progress | None], Awaitable[Response]]
"""Works out the reply; tells of its progress where a job listens."""


async def no_models() -> Sequence[str]:
    """Those of a request that needs none."""
    return ()


@dataclass(frozen=True, slots=True)
class Understood:
    """A request understood: what answers it, how many of its images are in flight at once, and the
    models that it needs.

    What is `lengthy` takes places of its own kind, so that it keeps no short answer out.
    """

    respond: Responder
    places: int = 1
    lengthy: bool = True
    models: Models = no_models


Understand = Callable[[Services, Received], Awaitable[Understood]]
"""From what was received to what is wanted. Raises a `BrightfieldError` that the client mends."""


REHEARSAL: Final = "rehearsal"


@dataclass(slots=True)
class Rehearsal:
    """Stands in the scope of a request that is not to be answered, as `REHEARSAL`, and is told how
    it would be understood. So a job's request is understood where the job runs."""

    understand: Understand | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request that has come whole, until when it is worked for, and the bytes that it holds."""

    services: Services
    received: Received
    ticket: Ticket
    held: HeldBytes


def incoming(request: Request) -> AbstractAsyncContextManager[Incoming]:
    """A request with its body. Its deadline counts from here, while the body comes too.

    Raises as `receive`, and `DeadlineExceeded` or `Cancelled` for its end.
    """
    return _Arrival(request)


class _Arrival:
    """The block in which a request is worked for, and holds its bytes."""

    __slots__ = ("_held", "_request", "_scope")

    def __init__(self, request: Request) -> None:
        self._request = request

    async def __aenter__(self) -> Incoming:
        services = services_of(self._request)
        settings = services.settings
        ticket = ticket_of(self._request, settings.timeout)
        self._held = held = services.admission.bodies.hold()
        try:
            # A client that is still sending can't be listened to for hanging up: the listener
            # would eat the body, which tells of it anyway.
            received = await receive(self._request, BodyRules.of(settings), ticket, held)
            self._scope = RequestScope(self._request, ticket)
            await self._scope.__aenter__()
        except BaseException:
            held.release()
            raise
        return Incoming(services, received, ticket, held)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._held:
            await self._scope.__aexit__(kind, fault, trace)


async def conduct(request: Request, understand: Understand, *, job: str | None = None) -> Response:
    """Read a request, understand it, admit it, and answer it at once or as a job.

    A place is taken by who works, so only once the request has come and is understood. Where `job`
    names the endpoint, `Prefer: respond-async` makes the answer a job: what is wrong with the
    request is said at once and not by the job.

    A request whose models another process serves is answered there, and takes no place here.

    Raises as `incoming`, as `Passing`, `Overloaded` or `TooManyImages` where there is no place, for
    anybody or for the key, and what `understand` and its answer raise.
    """
    rehearsal: Rehearsal | None = request.scope.get(REHEARSAL)
    if rehearsal is not None:
        rehearsal.understand = understand
        return Response()
    async with incoming(request) as came:
        understood = await understand(came.services, came.received)
        admission, caller = came.services.admission, Caller.of(request, came.ticket)
        places = admission.lengthy if understood.lengthy else admission.answers
        as_job = job if "respond-async" in came.received.headers.get("prefer", "") else None
        passing = came.services.passing
        models: Sequence[str] = ()
        if as_job is not None or passing.pools.partial:
            models = await understood.models()
            if as_job is None and passing.pools.lacking(models):
                return await passing.answer(request, came.received.body, models, came.ticket)
            passing.pools.check(models)
        with visitor_of(request).allowance.hold(understood.places) as share:
            if as_job is None:
                async with places.admit(understood.places, caller):
                    return await understood.respond(came.ticket, None)
            places.check(understood.places)
            end, give = await admission.job(came.held, caller), share.keep()

    def release() -> None:
        end()
        give()

    kept = kept_request(request, came.received)
    return await came.services.jobs.submit(as_job, kept, models, release)

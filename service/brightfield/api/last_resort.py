"""The layer that lets nothing through that would end the service or leave a caller alone."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brightfield.api.problems import problem_response
from brightfield.engine.own_faults import cancelled_itself
from brightfield.outages import ServiceStopping

_RETRY_AFTER = 5.0


class LastResort:
    """Answers a request that the stop of the service cuts off, and tames `SystemExit` and its like.

    asyncio hands `SystemExit` and `KeyboardInterrupt` of a task on to the event loop, which ends.
    They, and a `CancelledError` that cancels nobody, are raised further as an ordinary exception. A
    real cancellation goes on as it came, unless the service stops: then it is 503.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
            return
        except (Exception, GeneratorExit):
            raise
        except BaseException as fault:
            if isinstance(fault, asyncio.CancelledError) and cancelled_itself():
                if begun or not scope["app"].state.stopping:
                    raise
            else:
                raise RuntimeError("what should end a process has ended a request") from fault
        refusal = ServiceStopping(
            "The service is stopping; ask again when it is back.", retry_after=_RETRY_AFTER
        )
        await problem_response(refusal, scope["request_id"])(scope, receive, send)

"""The image endpoints: each takes images in four forms, and answers with a task or a method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brightfield.api.conduct import Understood, conduct
from brightfield.api.door.needs import Needs
from brightfield.api.image_requests import ImageRequest
from brightfield.api.reading.forms import MOST_IMAGES
from brightfield.api.reading.image_parameters import ImageParameterReader, WorkChoice
from brightfield.api.reading.inputs import understand_submission
from brightfield.api.reading.received import Received, off_loop
from brightfield.api.services import Services
from brightfield.api.wire.quick_headers import QuickRequest
from brightfield.api.writing.replies import Writer
from brightfield.work import Work


class ImageEndpoint:
    """POST /name: does one of its `choices`, which the parameter `chooser` names.

    Without a chooser the default is the only choice. All choices take the same attachments.
    """

    needs: ClassVar = Needs("read", job="write")

    def __init__(
        self,
        name: str,
        choices: Mapping[str, type[Work]],
        default: str,
        chooser: str | None = None,
    ) -> None:
        self.name = name
        self.choices = choices
        self.default = default
        self.chooser = chooser
        self._read = ImageParameterReader(self.path, WorkChoice(choices, default, chooser))

    @property
    def path(self) -> str:
        return f"/{self.name}"

    @property
    def attachments(self) -> tuple[str, ...]:
        """Names of further images that a request may bring."""
        return self.choices[self.default].attachments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Plain ASGI: a request of four forms has no use for declared dependencies."""
        scope["route"] = self
        response = await self.respond(QuickRequest(scope, receive))
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """The reply, or 202 for a job. Raises a `BrightfieldError` for every fault."""
        return await conduct(request, self.understand, job=self.path)

    def _most(self, services: Services) -> int:
        """How many images a request may have: places for all, where each is answered alone."""
        alone = self.choices[self.default].arity == "one"
        return services.settings.max_in_flight + len(self.attachments) if alone else MOST_IMAGES

    async def understand(self, services: Services, received: Received) -> Understood:
        """What is to be done about which images; nothing of it is begun."""
        submission = await off_loop(
            received, understand_submission, received, self.attachments, self._most(services)
        )
        parameters = self._read(submission.parameters, received.headers.get("accept"))
        limit = services.settings.max_reply_bytes
        method = None if parameters.work.name == self.name else parameters.work.name
        writer = Writer(parameters.format, parameters.reply, received.request_id, limit, method)
        request = ImageRequest(services, parameters, submission, writer)
        # What is asked about several images together takes them one after another.
        places = len(submission.images) if parameters.work.arity == "one" else 1
        return Understood(request.respond, places, parameters.work.lengthy, request.models)

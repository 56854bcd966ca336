"""The image endpoints: each takes images in four forms, and answers with a task or a method."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brightfield.api.conduct import Understood, conduct
from brightfield.api.image_requests import ImageParameters, ImageRequest
from brightfield.api.reading.inputs import understand_submission
from brightfield.api.reading.negotiation import negotiate
from brightfield.api.reading.parameters import member_of, parse
from brightfield.api.reading.received import Received, read_form
from brightfield.api.services import Services, services_of
from brightfield.api.writing.formats import Reply, media_type_of
from brightfield.api.writing.replies import Writer
from brightfield.engine import View
from brightfield.images.selection import Selection
from brightfield.work import Work


class ImageEndpoint:
    """POST /name: does one of its `choices`, which the parameter `chooser` names.

    Without a chooser the default is the only choice. All choices take the same attachments.
    """

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
        # Tools ask the same way again and again; frozen parameters can be shared.
        self._remembered = lru_cache(maxsize=256)(self._understood_items)

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
        response = await self.respond(Request(scope, receive))
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """The reply, or 202 for a job. Raises a `BrightfieldError` for every fault."""
        understand = partial(self.understand, services_of(request))
        return await conduct(request, understand, job=self.path)

    async def understand(self, services: Services, received: Received) -> Understood:
        """The request's images with what is to be done about them, not yet begun."""
        form = await read_form(received)
        submission = understand_submission(received, form, self.attachments)
        parameters = self._parameters(submission.parameters, received.headers.get("accept"))
        limit = services.settings.max_reply_bytes
        request = ImageRequest(
            services,
            parameters,
            submission.images,
            submission.batch,
            submission.attachments,
            Writer(parameters.format, parameters.reply, received.request_id, limit),
        )
        return Understood(request.respond, request.places)

    def _parameters(self, given: Mapping[str, Any], accept: str | None) -> ImageParameters:
        if all(isinstance(value, str) for value in given.values()):
            return self._remembered(tuple(given.items()), accept)
        return self._understood(given, accept)

    def _understood_items(
        self, given: tuple[tuple[str, Any], ...], accept: str | None
    ) -> ImageParameters:
        return self._understood(dict(given), accept)

    def _understood(self, given: Mapping[str, Any], accept: str | None) -> ImageParameters:
        kind, others = self._chosen(given)
        work, view, selection, reply = parse((kind, View, Selection, Reply), others)
        form = negotiate(reply.format, accept, work.formats, media_type_of)
        return ImageParameters(work, view, selection, reply, form)

    def _chosen(self, given: Mapping[str, Any]) -> tuple[type[Work], dict[str, Any]]:
        """The choice, and the parameters less what only chooses it."""
        others = dict(given)
        if self.chooser is None:
            return self.choices[self.default], others
        name = str(others.pop(self.chooser, self.default))
        where = f" at {self.path}"
        return member_of(self.choices, name, self.chooser, self.chooser, where), others

"""The way of an image request: admit, read, understand, answer, write."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brightfield.api.jobs import JobRunner
from brightfield.api.limits import Admission, Claim, RequestScope, ticket_of
from brightfield.api.problems import request_id_of
from brightfield.api.reading.inputs import Stored, Submission, load, read_submission
from brightfield.api.reading.parameters import parse
from brightfield.api.writing.replies import Reply, ReplyItem, Writer, negotiate
from brightfield.collections.services import CollectionWork
from brightfield.engine import Engine, View
from brightfield.engine.engine import Progress
from brightfield.errors import BrightfieldError, InvalidParameter, nearest
from brightfield.evaluation.runs import EvaluationRuns
from brightfield.explain.method import Method, Step
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.store.images import ImageStore
from brightfield.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers of one app share."""

    engine: Engine
    admission: Admission
    images: ImageStore
    jobs: JobRunner
    runs: EvaluationRuns
    collections: CollectionWork


@dataclass(frozen=True, slots=True)
class ImageParameters:
    """A request's parameters, typed: what to do, how to look, how to reply."""

    work: Task | Method
    view: View
    selection: Selection
    reply: Reply
    format: str


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A request understood: its wish, its images and who writes the reply."""

    wish: ImageParameters
    writer: Writer
    images: Sequence[bytes | Stored | BrightfieldError]
    batch: bool
    attachments: Mapping[str, bytes | Stored]


class ImageEndpoint(ABC):
    """One image endpoint; what it does is a task or a method, chosen by `work`."""

    def __init__(self, name: str) -> None:
        self.name = name
        # Tools ask the same way again and again; frozen parameters can be shared.
        self._remembered = lru_cache(maxsize=256)(
            lambda items, accept: self._wish(dict(items), accept)
        )

    @property
    @abstractmethod
    def choices(self) -> Mapping[str, type[Task] | type[Method]]:
        """Everything that the endpoint can do, for its documentation."""

    @abstractmethod
    def work(self, parameters: dict[str, Any]) -> type[Task] | type[Method]:
        """The class of the work; takes out of `parameters` what only chooses it."""

    @property
    def attachments(self) -> tuple[str, ...]:
        """Names of further images that a request may bring."""
        return ()

    def places(self, images: int) -> int:
        """Of so many images, those that are in flight at the same time."""
        return images

    @property
    def path(self) -> str:
        return f"/{self.name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Plain ASGI: a request of four forms has no use for declared dependencies."""
        scope["route"] = self
        response = await self.respond(Request(scope, receive))
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        services: Services = request.scope["app"].state.services
        settings = services.engine.settings
        with services.admission.admit() as claim:
            # The deadline counts from here, but a client that is still sending its body
            # cannot be listened to for hanging up: the listener would eat the body.
            ticket = ticket_of(request, settings.timeout)
            submission = await read_submission(request, settings.max_bytes, self.attachments)
            claim.extend(self.places(len(submission.images)))
            plan = self._plan(request, submission, settings.max_reply_bytes)
            if "respond-async" in request.headers.get("prefer", ""):
                return await self._as_job(services, plan, claim)
            async with RequestScope(request, ticket):
                return await answer(services, plan, ticket)

    def _plan(self, request: Request, submission: Submission, max_reply_bytes: int) -> ImageRequest:
        wish = self._understood(submission.parameters, request.headers.get("accept"))
        writer = Writer(wish.format, wish.reply, request_id_of(request), max_reply_bytes)
        return ImageRequest(
            wish, writer, submission.images, submission.batch, submission.attachments
        )

    def _understood(self, parameters: Mapping[str, Any], accept: str | None) -> ImageParameters:
        if all(isinstance(value, str) for value in parameters.values()):
            return self._remembered(tuple(parameters.items()), accept)
        return self._wish(parameters, accept)

    def _wish(self, given: Mapping[str, Any], accept: str | None) -> ImageParameters:
        parameters = dict(given)
        work, view, selection, reply = parse(
            (self.work(parameters), View, Selection, Reply), parameters
        )
        assert isinstance(work, Task | Method) and isinstance(view, View)
        assert isinstance(selection, Selection) and isinstance(reply, Reply)
        return ImageParameters(work, view, selection, reply, negotiate(reply, accept, work.formats))

    async def _as_job(self, services: Services, plan: ImageRequest, claim: Claim) -> Response:
        kept = services.admission.hand_over(claim)

        async def run(ticket: Ticket, progress: Progress) -> Response:
            return await answer(services, plan, ticket, progress)

        return await services.jobs.submit(f"/{self.name}", run, kept.release)


class PredictEndpoint(ImageEndpoint):
    """An endpoint named after a task, whose parameters are the task's."""

    def __init__(self, task: type[Task]) -> None:
        super().__init__(task.name)
        self._task = task

    @property
    def choices(self) -> Mapping[str, type[Task]]:
        return {self.name: self._task}

    @property
    def attachments(self) -> tuple[str, ...]:
        return self._task.attachments

    def places(self, images: int) -> int:
        # Images that are answered together are taken one after another.
        return 1 if self._task.arity == "several" else images

    def work(self, parameters: dict[str, Any]) -> type[Task]:
        return self._task


class ExplainEndpoint(ImageEndpoint):
    """An endpoint for several methods, chosen by `method`."""

    def __init__(self, name: str, methods: Mapping[str, type[Method]], default: str) -> None:
        super().__init__(name)
        self.default = default
        self._methods = methods

    @property
    def choices(self) -> Mapping[str, type[Method]]:
        return self._methods

    @property
    def attachments(self) -> tuple[str, ...]:
        return Method.attachments

    def work(self, parameters: dict[str, Any]) -> type[Method]:
        name = str(parameters.pop("method", self.default))
        if name not in self._methods:
            known = sorted(self._methods)
            raise InvalidParameter(
                f"There is no method {name!r} at /{self.name}.{nearest(name, known)} "
                f"Known: {', '.join(known)}.",
                errors=[{"location": "method", "expected": known, "received": name}],
            )
        return self._methods[name]


async def answer(
    services: Services, plan: ImageRequest, ticket: Ticket, progress: Progress | None = None
) -> Response:
    """The reply to a plan; one bad image of a batch never fails its neighbours."""
    if plan.wish.work.arity == "several":
        return await _about_all(services, plan, plan.wish.work, ticket, progress)
    if not plan.batch:
        found = await _one(services, plan, plan.images[0], ticket, progress)
        if plan.wish.format == "json" and plan.wish.work.small:
            return plan.writer.single(found)  # quicker than a change of threads
        return await asyncio.to_thread(plan.writer.single, found)
    report = _summed(len(plan.images), progress)
    items = await asyncio.gather(
        *(
            _item(services, plan, image, ticket, report(index))
            for index, image in enumerate(plan.images)
        )
    )
    return await asyncio.to_thread(plan.writer.batch, items)


async def _about_all(
    services: Services,
    plan: ImageRequest,
    task: Task | Method,
    ticket: Ticket,
    progress: Progress | None,
) -> Response:
    """One answer for all images together."""
    sources = [partial(_bytes_of, image, services.images) for image in plan.images]
    wish = plan.wish
    found = await services.engine.answer_together(
        task, sources, wish.view, wish.selection, ticket, progress
    )
    return await asyncio.to_thread(plan.writer.survey, found)


def _bytes_of(image: bytes | Stored | BrightfieldError, store: ImageStore) -> bytes:
    if isinstance(image, BrightfieldError):
        raise image
    return load(image, store)


async def _one(
    services: Services,
    plan: ImageRequest,
    image: bytes | Stored | BrightfieldError,
    ticket: Ticket,
    progress: Progress | None,
) -> Any:
    if isinstance(image, BrightfieldError):
        raise image
    data = await _loaded(services, image)
    engine, wish = services.engine, plan.wish
    attached = {name: await _loaded(services, a) for name, a in plan.attachments.items()}
    return await engine.answer(
        wish.work, data, wish.view, wish.selection, ticket, progress, attached
    )


async def _loaded(services: Services, image: bytes | Stored) -> bytes:
    if isinstance(image, bytes):
        return image
    return await asyncio.to_thread(load, image, services.images)


async def _item(
    services: Services,
    plan: ImageRequest,
    image: bytes | Stored | BrightfieldError,
    ticket: Ticket,
    progress: Progress | None,
) -> ReplyItem:
    try:
        item: ReplyItem = await _one(services, plan, image, ticket, progress)
    except BrightfieldError as fault:
        return fault
    return item


def _summed(count: int, progress: Progress | None) -> Callable[[int], Progress | None]:
    """Per image of a batch a reporter; together they tell how much of all images is done."""
    shares = [0.0] * count

    def of(index: int) -> Progress | None:
        if progress is None:
            return None

        def report(step: Step) -> None:
            shares[index] = step.done / max(1, step.total)
            progress(Step(round(1000 * sum(shares)), 1000 * count))

        return report

    return of

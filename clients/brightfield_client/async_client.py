"""The client for asyncio."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx2

from brightfield_client import calls
from brightfield_client.async_collection import AsyncCollection
from brightfield_client.async_job import AsyncJob
from brightfield_client.calls.call import Askable, Call
from brightfield_client.calls.endpoints import endpoint_named
from brightfield_client.calls.jobs import job_status, submitted
from brightfield_client.connection import TIMEOUT, Connection
from brightfield_client.evaluating.opening import PathLike, open_dataset
from brightfield_client.evaluating.outcome import Evaluated
from brightfield_client.evaluating.plan import Plan as Examination
from brightfield_client.evaluating.posting import Posting
from brightfield_client.exchange import Done, Pause, Policy, Send, advance
from brightfield_client.images import Images, ImageSource
from brightfield_client.mapping import WINDOW, MapItem, Plan
from brightfield_client.presenting import present

P = ParamSpec("P")
T = TypeVar("T")


def _sending(
    build: Callable[P, Askable[T]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """The coroutine method that sends what `build` makes and returns the answer."""

    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # In a thread, since building a call reads files and encodes pictures.
        return await self.run(await asyncio.to_thread(build, *args, **kwargs))

    present(method, build)
    return method


class AsyncClient:
    """A Brightfield service, from asyncio; the same methods as `Client`, to be awaited.

        async with AsyncClient() as client:
            answer = await client.classify("cat.jpg")

    The arguments are those of `Client`; `transport` is an asynchronous one, as
    `httpx2.ASGITransport(app)`.
    """

    classify = _sending(calls.classify)
    detect = _sending(calls.detect)
    segment = _sending(calls.segment)
    superresolve = _sending(calls.superresolve)
    embed = _sending(calls.embed)
    saliency = _sending(calls.saliency)
    occlusion = _sending(calls.occlusion)
    activations = _sending(calls.activations)
    patches = _sending(calls.patches)
    put_image = _sending(calls.put_image)
    models = _sending(calls.models)
    model = _sending(calls.model)
    load_model = _sending(calls.load_model)
    unload_model = _sending(calls.unload_model)
    layers = _sending(calls.layers)
    filters = _sending(calls.filters)
    live = _sending(calls.live)
    ready = _sending(calls.ready)
    version = _sending(calls.version)
    metrics = _sending(calls.metrics)
    collections = _sending(calls.collections)
    metrics_text = _sending(calls.metrics_text)
    start_run = _sending(calls.start_run)
    add_chunk = _sending(calls.add_chunk)
    run_report = _sending(calls.run_report)
    run_points = _sending(calls.run_points)
    runs = _sending(calls.runs)
    run_chunks = _sending(calls.run_chunks)
    delete_run = _sending(calls.delete_run)
    compare_runs = _sending(calls.compare_runs)
    doctor = _sending(calls.doctor)

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float = TIMEOUT,
        retries: int = 2,
        transport: httpx2.AsyncBaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._connection = Connection.to(url, timeout, retries, headers)
        self._http = httpx2.AsyncClient(
            base_url=self._connection.url,
            headers=dict(self._connection.headers),
            transport=transport,
        )

    @property
    def url(self) -> str:
        return self._connection.url

    @property
    def policy(self) -> Policy:
        """How patient this client is."""
        return self._connection.policy

    async def submit(
        self, endpoint: str, image: ImageSource | Images, **parameters: Any
    ) -> AsyncJob:
        """Start an endpoint's work as a job; see `Client.submit`."""
        build = endpoint_named(endpoint).call
        call = await asyncio.to_thread(build, image, **parameters)
        return AsyncJob(self, call, await self.run(submitted(call)))

    async def job(
        self, job_id: str, endpoint: str | None = None, *, format: str | None = None
    ) -> AsyncJob:
        """A job that was submitted before; see `Client.job`."""
        status = await self.run(job_status(job_id))
        call = endpoint_named(endpoint or status.endpoint).call(b"", format=format)
        return AsyncJob(self, call, status)

    def collection(self, name: str) -> AsyncCollection:
        """A collection of vectors at the service, by its name; nothing is asked yet.

        cells = client.collection("cells")
        cells.make(model="blood-cells")
        cells.add(paths)
        """
        return AsyncCollection(self, name)

    def map(
        self,
        images: Iterable[ImageSource],
        task: str = "classify",
        *,
        concurrency: int = 8,
        progress: bool = True,
        resume: str | os.PathLike[str] | None = None,
        **parameters: Any,
    ) -> AsyncGenerator[MapItem, None]:
        """Ask one endpoint about many images, for `async for`; see `Client.map`."""
        return self._map(Plan(images, task, parameters, concurrency, resume), progress)

    async def _map(self, plan: Plan, progress: bool) -> AsyncGenerator[MapItem, None]:
        slots = asyncio.Semaphore(plan.concurrency)
        pending: deque[asyncio.Task[MapItem]] = deque()

        async def one(source: ImageSource) -> MapItem:
            async with slots:
                return await self.run(plan.item(source))

        with plan.bar(progress) as bar:
            try:
                for source in plan.images:
                    pending.append(asyncio.create_task(one(source)))
                    if len(pending) >= WINDOW * plan.concurrency:
                        yield await pending.popleft()
                        bar.advance()
                while pending:
                    yield await pending.popleft()
                    bar.advance()
            finally:
                for task in pending:
                    task.cancel()
                await asyncio.gather(*pending, return_exceptions=True)

    async def evaluate(
        self,
        data: PathLike,
        model: str,
        *,
        run: str,
        truth: PathLike | None = None,
        options: Mapping[str, Any] | None = None,
        concurrency: int = 8,
        progress: bool = True,
        **parameters: Any,
    ) -> Evaluated:
        """Ask a model about a data set and report how good its answers are; see
        `Client.evaluate`."""
        card = await self.model(model)
        opened = await asyncio.to_thread(open_dataset, card.task, data, truth)
        plan = Examination(card, opened, parameters, options or {})
        found = await self.start_run(run, task=plan.evaluation, **plan.options)
        there = await self.run_chunks(found)
        plan.skip([chunk.key for chunk in there], run)
        answers = self.map(
            plan.sources(), plan.task, concurrency=concurrency, progress=False, **plan.parameters
        )
        with plan.bar(progress) as bar:
            async for item in answers:
                await self.run(Posting(plan, found, await asyncio.to_thread(plan.add, item)))
                bar.advance()
            await self.run(Posting(plan, found, plan.rest()))
        return Evaluated(found, await self.run_report(found), tuple(plan.errors))

    async def run(self, question: Askable[T]) -> T:
        """Carry out a call, or several with a purpose, and return the answer."""
        steps = question.steps(self.policy)
        answer: httpx2.Response | Exception | None = None
        while True:
            # In a thread, since a step may read a file or parse a large answer.
            step = await asyncio.to_thread(advance, steps, answer)
            if isinstance(step, Done):
                return step.value
            answer = await self._do(step)

    async def _do(self, step: Send | Pause) -> httpx2.Response | Exception | None:
        if isinstance(step, Pause):
            await self.pause(step.seconds)
            return None
        try:
            return await self._http.send(step.call.request(self._http, step.timeout))
        except httpx2.RequestError as fault:
            return fault

    async def stream(self, call: Call[Any], quiet: float) -> AsyncGenerator[str, None]:
        """The text of an answer as it arrives, given up after `quiet` seconds without any."""
        response = await self._http.send(call.request(self._http, quiet), stream=True)
        try:
            if response.status_code >= 400:
                await response.aread()
                call.parse(response)
            async for chunk in response.aiter_text():
                yield chunk
        finally:
            await response.aclose()

    async def pause(self, seconds: float) -> None:
        """Wait before a retry."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

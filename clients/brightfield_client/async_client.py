"""The client for asyncio."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, Self, TypeVar

import httpx2

from brightfield_client.async_collection import AsyncCollection
from brightfield_client.async_driving import aclosing, in_order, in_thread, linked, sleep
from brightfield_client.async_endpoint_methods import AsyncEndpointMethods
from brightfield_client.async_job import AsyncJob
from brightfield_client.calls.call import Call
from brightfield_client.calls.endpoints import Endpoint, any_endpoint, endpoint_of
from brightfield_client.calls.jobs import job_status, submitted
from brightfield_client.connection import TIMEOUT, Connection
from brightfield_client.evaluating.plan import (
    ChunkUpload,
    Evaluated,
    EvaluationPlan,
    PathLike,
    open_dataset,
)
from brightfield_client.exchange import Done, Pause, Policy, Runnable, Send, advance, shown
from brightfield_client.images import Images, ImageSource
from brightfield_client.mapping import WINDOW, MapItem, MapPlan
from brightfield_client.progress import ProgressBar

T = TypeVar("T")


class AsyncClient(AsyncEndpointMethods):
    """A Brightfield service, from Python.

        async with AsyncClient("http://127.0.0.1:8000") as client:
            answer = await client.classify("cat.jpg")
            print(answer.top)

    Args:
        url: where the service is; else the variable BRIGHTFIELD_URL, else port 8000 here.
        timeout: seconds for one call with all its retries; the service is told, too.
        retries: how often a call is tried again when the service is busy (429, 503) or the
            connection breaks; it waits as long as the service asks (`Retry-After`).
        transport: an `httpx2` transport instead of the network, as `httpx2.ASGITransport(app)`.
        headers: sent with every call.
        api_key: where the service needs one; else the variable BRIGHTFIELD_API_KEY.

    Errors are those of `brightfield_client.errors`.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float = TIMEOUT,
        retries: int = 2,
        transport: httpx2.AsyncBaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
    ) -> None:
        self._connection = Connection.to(url, timeout, retries, headers, api_key)
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

    def with_options(self, *, timeout: float | None = None, retries: int | None = None) -> Self:
        """This client with another patience, for one call or for many; the connections are shared.

        client.with_options(timeout=5).classify("cat.jpg")
        """
        other = copy(self)
        policy = self.policy.patient(timeout, retries)
        other._connection = replace(self._connection, policy=policy)
        return other

    async def ask(
        self,
        endpoint: str | Endpoint[Any],
        image: ImageSource | Images,
        model: str | None = None,
        **parameters: Any,
    ) -> Any:
        """Ask any image endpoint of the service by its name, also one that has no method here.

        Its answer is a `Result`, whose `json` is what the endpoint says; for a list of images it
        is a `Batch`, with a binary `format` a `Binary`.
        """
        known = endpoint if isinstance(endpoint, Endpoint) else any_endpoint(endpoint)
        call: Call[Any] = await in_thread(known.call, image, model, **parameters)
        return linked(await self.run(call), call, self.run)

    async def _submit(
        self, endpoint: str | Endpoint[Any], image: ImageSource | Images, parameters: dict[str, Any]
    ) -> AsyncJob[Any]:
        call: Call[Any] = await in_thread(endpoint_of(endpoint).call, image, **parameters)
        return AsyncJob(self, call, await self.run(submitted(call)))

    async def job(
        self, job_id: str, endpoint: str | None = None, *, format: str | None = None
    ) -> AsyncJob[Any]:
        """A job that was submitted before, by its id, as `Client.job`."""
        status = await self.run(job_status(job_id))
        call = endpoint_of(endpoint or status.endpoint).call(b"", format=format)
        return AsyncJob(self, call, status)

    def collection(self, name: str) -> AsyncCollection:
        """A collection of vectors at the service, as `Client.collection`; nothing is asked yet."""
        return AsyncCollection(self, name)

    async def _map(self, plan: MapPlan, progress: bool) -> AsyncGenerator[MapItem[Any], None]:
        async def ask(source: ImageSource) -> MapItem[Any]:
            planned = plan.item(source)
            item = await self.run(planned)
            return item.linked(lambda answer: linked(answer, planned.question, self.run))

        answers = in_order(plan.images, ask, plan.concurrency, WINDOW * plan.concurrency)
        with plan.bar(progress) as bar:
            async with aclosing(answers) as items:
                async for item in items:
                    yield item
                    bar.update()

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
        timeout: float | None = None,  # noqa: ASYNC109 - as in Client
        **parameters: Any,
    ) -> Evaluated:
        """Ask a model about a data set and report how good its answers are, as `Client.evaluate`.

        `options` are those of the report, and `require` and `baseline` as `run_report` takes them;
        `timeout` is that of each image.

        Raises `ValueError` for labels that the model does not know, for what isn't a data set, and
        for a run of another model or of changed files, which it names.
        """
        card = await self.model(model)
        opened = await in_thread(open_dataset, card.task, data, truth)
        plan = await in_thread(EvaluationPlan, card, opened, parameters, options or {})
        found = await self.start_run(run, task=plan.evaluation, **plan.options)
        there = await self.run_chunks(found)
        plan.skip([chunk.key for chunk in there], run)
        if plan.demands:  # what is wrong with them is said before any work
            await self.run_report(found, **plan.demands)
        given = {**plan.parameters, "timeout": timeout}
        asked = MapPlan(plan.sources(), endpoint_of(plan.task), given, concurrency)
        answers = self._map(asked, False)
        with ProgressBar("images", plan.total, shown=progress) as bar:
            async for item in answers:
                await self.run(ChunkUpload(plan, found, await in_thread(plan.add, item)))
                bar.update()
        return plan.finished(found, await self.run_report(found, **plan.demands))

    async def run(self, question: Runnable[T]) -> T:
        """Carry out a call, or several with a purpose, and return the answer."""
        steps = question.steps(self.policy)
        answer: httpx2.Response | Exception | None = None
        while True:
            # In a thread, since a step may read a file or parse a large answer.
            step = await in_thread(advance, steps, answer)
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

    async def stream(
        self, call: Call[Any], quiet: float
    ) -> AsyncGenerator[httpx2.ServerSentEvent, None]:
        """The events of an answer as they arrive, given up after `quiet` seconds of silence."""
        response = await self._http.send(call.request(self._http, quiet), stream=True)
        try:
            if response.status_code >= 400:
                await response.aread()
                call.parse(response)
            async for event in httpx2.EventSource(response, max_event_size=None):
                yield event
        finally:
            await response.aclose()

    async def pause(self, seconds: float) -> None:
        """Wait before a retry."""
        await sleep(seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *fault: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({shown(self.url)!r})"

"""The client that waits for its answers."""

# ruff: noqa: A002 - `format` is the service's name for it

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx2

from brightfield_client import calls
from brightfield_client.calls.again import repeatable
from brightfield_client.calls.call import Askable, Call
from brightfield_client.calls.endpoints import endpoint_named
from brightfield_client.calls.jobs import job_status, submitted
from brightfield_client.collection import Collection
from brightfield_client.connection import TIMEOUT, Connection
from brightfield_client.evaluating.opening import PathLike, open_dataset
from brightfield_client.evaluating.outcome import Evaluated
from brightfield_client.evaluating.plan import Plan as Examination
from brightfield_client.evaluating.posting import Posting
from brightfield_client.exchange import Done, Pause, Policy, Send, advance
from brightfield_client.images import Images, ImageSource
from brightfield_client.job import Job
from brightfield_client.mapping import WINDOW, MapItem, Plan
from brightfield_client.presenting import present

P = ParamSpec("P")
T = TypeVar("T")


def _sending(build: Callable[P, Askable[T]]) -> Callable[Concatenate[Client, P], T]:
    """The method that sends what `build` makes and returns the answer."""

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        question = build(*args, **kwargs)
        return repeatable(self.run(question), question, self.run)

    present(method, build)
    return method


class Client:
    """A Brightfield service, from Python.

        with Client("http://127.0.0.1:8000") as client:
            print(client.classify("cat.jpg").top)

    Args:
        url: where the service is; else the variable BRIGHTFIELD_URL, else port 8000 here.
        timeout: seconds for one call with all its retries; the service is told, too.
        retries: how often a call is tried again when the service is busy (429, 503) or the
            connection breaks; it waits as long as the service asks (`Retry-After`).
        transport: an `httpx2` transport instead of the network, as `InProcess(app)`.
        headers: sent with every call.

    One client may be used from many threads. Errors are those of `brightfield_client.errors`.
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
        transport: httpx2.BaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._connection = Connection.to(url, timeout, retries, headers)
        self._http = httpx2.Client(
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

    def submit(self, endpoint: str, image: ImageSource | Images, **parameters: Any) -> Job:
        """Start an endpoint's work as a job: `submit("occlusion", "cell.tif", window=16)`.

        The job goes on when this program ends; `job(job_id)` finds it again.
        """
        call = endpoint_named(endpoint).call(image, **parameters)
        return Job(self, call, self.run(submitted(call)))

    def job(self, job_id: str, endpoint: str | None = None, *, format: str | None = None) -> Job:
        """A job that was submitted before, by its id.

        `endpoint` is needed where the service does not tell it, `format` where it asked for one.
        """
        status = self.run(job_status(job_id))
        call = endpoint_named(endpoint or status.endpoint).call(b"", format=format)
        return Job(self, call, status)

    def collection(self, name: str) -> Collection:
        """A collection of vectors at the service, by its name; nothing is asked yet.

        cells = client.collection("cells")
        cells.make(model="blood-cells")
        cells.add(paths)
        """
        return Collection(self, name)

    def map(
        self,
        images: Iterable[ImageSource],
        task: str = "classify",
        *,
        concurrency: int = 8,
        progress: bool = True,
        resume: str | os.PathLike[str] | None = None,
        **parameters: Any,
    ) -> Generator[MapItem, None, None]:
        """Ask one endpoint about many images; yields a `MapItem` for each, in their order.

        Nothing happens before the first item is asked for; `list(client.map(...))` asks for all.
        A bad image gives an item with an `error` and never stops the rest. With `resume`, a file
        of JSON lines, answers are kept as they come, and a later run takes them from there.

        Args:
            images: paths, or whatever the endpoint takes; only `resume` needs paths.
            task: the endpoint's name.
            concurrency: calls that run at the same time.
            progress: draw a bar on standard error, where that is a terminal.
            resume: the file that keeps the answers.
            parameters: the endpoint's.
        """
        return self._map(Plan(images, task, parameters, concurrency, resume), progress)

    def _map(self, plan: Plan, progress: bool) -> Generator[MapItem, None, None]:
        pool = ThreadPoolExecutor(plan.concurrency, thread_name_prefix="brightfield-map")
        pending: deque[Future[MapItem]] = deque()
        with plan.bar(progress) as bar:
            try:
                for source in plan.images:
                    pending.append(pool.submit(self.run, plan.item(source)))
                    if len(pending) >= WINDOW * plan.concurrency:
                        yield pending.popleft().result()
                        bar.advance()
                while pending:
                    yield pending.popleft().result()
                    bar.advance()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def evaluate(
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
        """Ask a model about a data set and report how good its answers are.

        | task of the model | data |
        |---|---|
        | classify | a folder for each class; a CSV with `path` and `label`; a COCO file's objects |
        | segment | `images` and `labels` with equal names, or a CSV with `path` and `mask` |
        | detect | a COCO file; images in `images` beside it, else beside it |
        | superresolve | `images` and `reference`, a CSV with both, or images alone |

        Answers are posted to a run in chunks. Called again after an end at any point, with the same
        arguments, it goes on where it stopped; nothing is lost or counted twice.

        Args:
            data: the data set; images alone are made smaller by the model's scale first.
            model: id of the model.
            run: name of the run at the service, for this model and data set.
            truth: folder of masks or references that lie elsewhere; of a COCO file, of its images.
            options: of the report, as `{"operating_point": "youden", "ci": {"level": 0.9}}`.
            concurrency: images that are asked about at the same time.
            progress: draw a bar on standard error, where that is a terminal.
            parameters: the endpoint's, as mode or threshold.

        Returns:
            `Evaluated`: the report, and the images that failed. One that the service refused counts
            as missing in the report; one that it could not answer now is asked about the next time.

        Raises `ValueError` for labels that the model does not know, for what is no data set, and
        for a run of another model or data set.
        """
        card = self.model(model)
        plan = Examination(card, open_dataset(card.task, data, truth), parameters, options or {})
        found = self.start_run(run, task=plan.evaluation, **plan.options)
        there = self.run_chunks(found)
        plan.skip([chunk.key for chunk in there], run)
        answers = self.map(
            plan.sources(), plan.task, concurrency=concurrency, progress=False, **plan.parameters
        )
        with plan.bar(progress) as bar:
            for item in answers:
                self.run(Posting(plan, found, plan.add(item)))
                bar.advance()
            self.run(Posting(plan, found, plan.rest()))
        return Evaluated(found, self.run_report(found), tuple(plan.errors))

    def run(self, question: Askable[T]) -> T:
        """Carry out a call, or several with a purpose, and return the answer."""
        steps = question.steps(self.policy)
        answer: httpx2.Response | Exception | None = None
        while True:
            step = advance(steps, answer)
            if isinstance(step, Done):
                return step.value
            answer = self._do(step)

    def _do(self, step: Send | Pause) -> httpx2.Response | Exception | None:
        if isinstance(step, Pause):
            self.pause(step.seconds)
            return None
        try:
            return self._http.send(step.call.request(self._http, step.timeout))
        except httpx2.RequestError as fault:
            return fault

    def stream(self, call: Call[Any], quiet: float) -> Generator[str, None, None]:
        """The text of an answer as it arrives, given up after `quiet` seconds without any."""
        response = self._http.send(call.request(self._http, quiet), stream=True)
        try:
            if response.status_code >= 400:
                response.read()
                call.parse(response)
            yield from response.iter_text()
        finally:
            response.close()

    def pause(self, seconds: float) -> None:
        """Wait before a retry."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

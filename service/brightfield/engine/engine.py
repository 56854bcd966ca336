"""The engine: the only place where images, models, tasks and explanations are put together.

It knows no HTTP. A program without an event loop asks it by `ask`, one with a loop by `answer`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from brightfield import explain, metrics, tasks, zoo
from brightfield.card_folders import FoundCards, find_cards
from brightfield.cards import ModelCard
from brightfield.engine.answer import Answer, MultiImageAnswer, Timing
from brightfield.engine.backend import Backend
from brightfield.engine.companions import accompanied
from brightfield.engine.context import AnswerContext
from brightfield.engine.default_models import DefaultModels
from brightfield.engine.devices import devices
from brightfield.engine.image_bytes import ImageLike, ImageReader, image_bytes
from brightfield.engine.image_pass import ImageJob
from brightfield.engine.look_options import LookOptions, look
from brightfield.engine.loop_thread import LoopThread
from brightfield.engine.own_faults import own_faults
from brightfield.engine.preloads import Preloads
from brightfield.engine.units import inside
from brightfield.engine.view import View
from brightfield.engine.ways import way_of, way_together
from brightfield.errors import InvalidCard, InvalidParameter, WrongTask
from brightfield.images.budget import DecodeBudget
from brightfield.images.filters import FilterChoice, Filters
from brightfield.images.limits import Limits
from brightfield.images.picture import Picture
from brightfield.images.selection import Selection
from brightfield.metrics.evaluation import DataLimits, Evaluation
from brightfield.models.inspection.layers import LayerInfo
from brightfield.outages import ServiceStopping
from brightfield.plugins import LateCatalog
from brightfield.progress import Progress, no_progress
from brightfield.runtime.lane import Lane
from brightfield.runtime.registry import Registry
from brightfield.runtime.safeguards import Safeguards
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield.tasks.task import Task
from brightfield.work import Work

T = TypeVar("T")

log = logging.getLogger(__name__)


class Engine:
    """Models, devices and threads that answer tasks and methods about images.

    Making one starts nothing: its threads start when it is entered or first used, and end with the
    `with` block or `close`.

        with Engine() as engine:
            answer = engine.ask(tasks.Classify(top_k=2), "cat.png", model="imagenet-lite0")

        async with Engine() as engine:
            answer = await engine.answer(tasks.Classify(top_k=2), "cat.png")

    `ask` and `ask_together` block, and may be called from any threads; `answer` and
    `answer_together` are the same for coroutines. Calls that come at the same time are batched.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        telemetry: Telemetry | None = None,
        safeguards: Safeguards | None = None,
    ) -> None:
        self.settings = settings = settings or Settings()
        self.telemetry = telemetry or Telemetry()
        self.safeguards = safeguards or Safeguards(lane_timeout=settings.lane_timeout)
        self.telemetry.lost_threads.set_function(lambda: self.safeguards.lost)
        self.tasks = tasks.catalog()
        self.methods = explain.catalog()
        self.evaluations = LateCatalog(metrics.catalog)
        self.defaults = DefaultModels(self.tasks, self.methods, settings.models_by_task)
        self.budget = DecodeBudget(settings.decode_bytes)
        self._reading = threading.Lock()
        self._found = FoundCards()
        self._devices = devices(settings.device)
        self._starting = threading.Lock()
        self._closed = False
        self._backend: Backend | None = None
        self._loop: LoopThread | None = None
        self.rescan()

    # Its life

    def start(self) -> None:
        """Start the devices' threads, if need be. Raises `ServiceStopping` once closed."""
        self._running()

    def close(self, timeout: float = 10.0) -> None:
        """End every thread within so many seconds; what waits is refused."""
        with self._starting:
            self._closed = True
        if self._backend is not None:
            self._backend.close(timeout)
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def _running(self) -> Backend:
        if self._backend is None or self._closed:
            with self._starting:
                if self._closed:
                    raise _closed()
                if self._backend is None:
                    with self._reading:
                        self._backend = Backend(
                            self.settings,
                            self._devices,
                            self._found,
                            self.telemetry,
                            self.safeguards,
                            self.tasks,
                        )
        return self._backend

    # What there is

    @property
    def lanes(self) -> Sequence[Lane]:
        """The devices' threads."""
        return self._running().lanes

    @property
    def registry(self) -> Registry:
        """The models."""
        return self._running().registry

    @property
    def ready(self) -> bool:
        """Whether every device's thread is at work, and at nothing for too long."""
        return self._backend is not None and all(lane.state == "up" for lane in self._backend.lanes)

    def rescan(self) -> None:
        """Read the cards anew; models that are resident stay as they are until loaded anew."""
        with self._reading:  # so what was read later is not replaced by what was read before
            before, self._found = self._found, self.cards_on_disk()
            for name, fault in self._found.faults.items():
                if name not in before.faults or before.faults[name].detail != fault.detail:
                    log.warning("the model folder %s can't be used: %s", name, fault.detail)
            if self._backend is not None:
                self._backend.registry.replace_cards(self._found)

    def cards_on_disk(self) -> FoundCards:
        """The cards as they are on disk now; those that are used were read before."""
        return find_cards((zoo.folder(), *self.settings.model_folders))

    @property
    def card_faults(self) -> Mapping[str, InvalidCard]:
        """What was wrong with cards when they were read, by folder name."""
        return self._found.faults

    def default_model(self, endpoint: str) -> str:
        """The model that a task, or a group of methods, takes where none is named.

        Raises `UnknownModel` where none is set.
        """
        return self.defaults.named(endpoint)

    def preload(self) -> None:
        """Load the default models, but those that are set aside; blocks until they are warm."""
        self.begin_preload().wait()

    def begin_preload(self) -> Preloads:
        """Begin to load the default models; `Preloads` says what is wrong with them."""
        return self._running().begin_preload(self.defaults.names)

    def backlog(self) -> float:
        """Seconds of work that wait, on the lane that has most."""
        return max(lane.batcher.backlog() for lane in self.lanes)

    # Answers about images

    async def answer(
        self,
        work: Work,
        image: ImageLike,
        view: View | None = None,
        selection: Selection | None = None,
        ticket: Ticket | None = None,
        progress: Progress | None = None,
        attachments: Mapping[str, ImageLike] | None = None,
        **options: Unpack[LookOptions],
    ) -> Answer:
        """The answer to a task or a method about one image.

        How to look at it is said by the `options` (`model="nuclei"`, `region=(x, y, width,
        height)`, `z=3`, ...), or by a `View` and a `Selection`, which have the same fields. A
        `ticket` sets a deadline and withdraws the work. `attachments` are further images by their
        names, as `reference`. `progress` is called from the threads that do the work.

        Raises a `BrightfieldError` for every fault of the input, the model or the moment.
        """
        way_of(type(work))
        view, selection = look(view, selection, options)
        job = ImageJob(
            await _read(image),
            view,
            selection,
            ticket or Ticket(),
            self.image_limits,
            self.budget,
            progress or no_progress,
            {name: await _read(other) for name, other in (attachments or {}).items()},
        )
        if work.companion is not None:
            job = await accompanied(work.companion, job, self.tasks, self._answered)
        answer = await self._answered(work, job)
        answer.picture.let_go()  # it is the caller's now
        return answer

    def accounted(self, picture: Picture) -> Picture:
        """The picture, whose pixels count among the bytes of images in use until it is gone."""
        return replace(picture, hold=self.budget.hold(picture.pixels.nbytes))

    async def answer_together(
        self,
        work: Work,
        images: Sequence[ImageLike | ImageReader],
        view: View | None = None,
        selection: Selection | None = None,
        ticket: Ticket | None = None,
        progress: Progress | None = None,
        **options: Unpack[LookOptions],
    ) -> MultiImageAnswer:
        """The one answer to a task about several images together; else as `answer`.

        An image may be a function that gives its bytes when they are needed. What is wrong with one
        image alone stands in its place; where none can be read, the first fault is raised.
        """
        view, selection = look(view, selection, options)
        job = ImageJob(
            b"",
            view,
            selection,
            ticket or Ticket(),
            self.image_limits,
            self.budget,
            progress or no_progress,
        )
        readers = [image if callable(image) else partial(image_bytes, image) for image in images]
        return await self._with_model(work, job, partial(way_together(type(work)), work, readers))

    def ask(
        self,
        work: Work,
        image: ImageLike,
        view: View | None = None,
        selection: Selection | None = None,
        ticket: Ticket | None = None,
        progress: Progress | None = None,
        attachments: Mapping[str, ImageLike] | None = None,
        **options: Unpack[LookOptions],
    ) -> Answer:
        """As `answer`, for callers without an event loop. Blocks."""
        return self._blocking(
            self.answer(work, image, view, selection, ticket, progress, attachments, **options)
        )

    def ask_together(
        self,
        work: Work,
        images: Sequence[ImageLike | ImageReader],
        view: View | None = None,
        selection: Selection | None = None,
        ticket: Ticket | None = None,
        progress: Progress | None = None,
        **options: Unpack[LookOptions],
    ) -> MultiImageAnswer:
        """As `answer_together`, for callers without an event loop. Blocks."""
        return self._blocking(
            self.answer_together(work, images, view, selection, ticket, progress, **options)
        )

    # Answers about predictions and models

    async def evaluate(
        self, evaluation: Evaluation, data: Mapping[str, Any], ticket: Ticket | None = None
    ) -> dict[str, Any]:
        """The report about predictions, which no model is needed for."""
        check = (ticket or Ticket()).check
        return await self.evaluating(partial(evaluation.evaluate, data, self.limits, check))

    @property
    def image_limits(self) -> Limits:
        """What one image may have."""
        return Limits(self.settings.max_pixels, self.settings.max_image_bytes)

    @property
    def limits(self) -> DataLimits:
        """What predictions that are evaluated may have."""
        return DataLimits(replace(self.image_limits, budget=self.budget), self.settings.max_bytes)

    async def evaluating(self, work: Callable[[], T]) -> T:
        """Do the work of an evaluation, where no more than the settings say run side by side."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._running().evaluating, work)

    async def layers(self, model: str, ticket: Ticket | None = None) -> list[LayerInfo]:
        """Every module with its output shape, measured by one pass of zeros on the lane."""
        async with self.registry.use(model, ticket) as resident:
            return await asyncio.to_thread(inside.every_layer, resident)

    async def filters(
        self, model: str, choice: FilterChoice, ticket: Ticket | None = None, *, picture: bool
    ) -> Filters:
        """The filters of a convolution, as many as a picture shows where `picture` is set."""
        async with self.registry.use(model, ticket) as resident:
            return await asyncio.to_thread(inside.read_filters, resident, choice, picture=picture)

    # How it works

    async def _with_model(
        self, work: Work, job: ImageJob, way: Callable[[AnswerContext], Awaitable[T]]
    ) -> T:
        """Hold the model that the work needs while it is answered."""
        backend, timing = self._running(), Timing()
        model = self.defaults.chosen(work, job.view.model, backend.registry.cards())
        async with backend.registry.use(model, job.ticket) as resident:
            with own_faults(resident.card):
                _check_task(work, resident.card)
                model_task = self.tasks.get(resident.card.task, Task)
                answer = await way(AnswerContext(resident, model_task, job, timing, backend))
                self.telemetry.observe_stages(timing.seconds)
                return answer

    async def _answered(self, work: Work, job: ImageJob) -> Answer:
        return await self._with_model(work, job, partial(way_of(type(work)), work))

    def _blocking(self, work: Coroutine[Any, Any, T]) -> T:
        with self._starting:
            if self._closed:
                work.close()
                raise _closed()
            if self._loop is None:
                self._loop = LoopThread("engine-loop")
            loop = self._loop
        try:
            return loop.result(work)
        except CancelledError:
            raise _closed() from None


def _closed() -> ServiceStopping:
    return ServiceStopping("The engine is closed; make another.")


async def _read(image: ImageLike) -> bytes:
    if isinstance(image, bytes):
        return image
    return await asyncio.to_thread(image_bytes, image)


def _check_task(work: Work, card: ModelCard) -> None:
    allowed = work.tasks_of_model
    if allowed is not None and card.task not in allowed:
        raise WrongTask(f"The model {card.id} is for {card.task!r}, not for {work.name!r}.")
    if (refusal := work.refusal(card)) is not None:
        raise InvalidParameter(refusal)

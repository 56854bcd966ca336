"""The engine: the only place where images, models, tasks and explanations are put together.

It knows no HTTP. `predict` and `explain` take the bytes of an image and give an `Answer`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import takewhile
from typing import Any, TypeVar

from brightfield import explain, metrics, tasks, zoo
from brightfield.cards import ModelCard, find_cards
from brightfield.engine.answer import Answer, MultiImageAnswer, Timing
from brightfield.engine.devices import devices, memory_budget
from brightfield.engine.image_pass import ImageJob, ImagePass, decoded
from brightfield.engine.probe import LaneProbe
from brightfield.engine.scoring import scoring_pass
from brightfield.engine.target_selection import TargetSelection
from brightfield.engine.tiling.tiled_inference import TiledInference
from brightfield.engine.tiling.windows import class_map
from brightfield.engine.units import inside
from brightfield.engine.units.patch_search import SurveyedImage, surveyed
from brightfield.engine.view import View
from brightfield.errors import (
    InvalidCard,
    InvalidParameter,
    UnknownModel,
    WrongTask,
)
from brightfield.explain.method import Method
from brightfield.images.filters import FilterChoice, Filters
from brightfield.images.picture import Picture
from brightfield.images.selection import Selection
from brightfield.metrics.evaluation import DataLimits, Evaluation
from brightfield.models.inspection import layers
from brightfield.preprocess import Prepared
from brightfield.progress import Progress, Step, no_progress
from brightfield.results import Result
from brightfield.runtime.lane import Lane
from brightfield.runtime.loading import ModelLoader
from brightfield.runtime.operations import Activations, Operation
from brightfield.runtime.registry import Registry
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.worker_pool import WorkerPool
from brightfield.settings import Settings
from brightfield.tasks.activations import ReadActivations
from brightfield.tasks.classify import Classify, ClassPredictions
from brightfield.tasks.embed import Embed
from brightfield.tasks.kinds.dense import Dense
from brightfield.tasks.kinds.whole import Whole
from brightfield.tasks.patches import FindPatches
from brightfield.tasks.task import Task
from brightfield.work import Work

__all__ = ["Engine", "Progress"]

T = TypeVar("T")

_DEFAULT_MODELS = {
    "classify": "imagenet-lite0",
    "detect": "blood-cells",
    "segment": "nuclei",
    "superresolve": "photo-x2",
}
# What works on any model takes the classifier's when none is named.
_BORROWED = dict.fromkeys(("embed", "activations", "patches", "saliency", "occlusion"), "classify")


class Engine:
    """Models, devices and threads of one service. Make it, use it, `close` it."""

    def __init__(self, settings: Settings, telemetry: Telemetry | None = None) -> None:
        self.settings = settings
        self.telemetry = telemetry or Telemetry()
        self.tasks = tasks.catalog()
        self.methods = explain.catalog()
        self.evaluations = metrics.catalog()
        cards, self.card_faults = _cards(settings)
        threads = settings.threads or os.cpu_count() or 1
        self.lanes = [Lane(device, self.telemetry, threads) for device in devices(settings.device)]
        self.registry = Registry(
            cards,
            ModelLoader(data=settings.data, trust_model_code=settings.trust_model_code),
            {lane: settings.memory_budget or memory_budget(lane.device) for lane in self.lanes},
            self.telemetry,
        )
        self._decoders = WorkerPool(threads, "decode")
        self._explaining = ThreadPoolExecutor(settings.explanations, thread_name_prefix="explain")
        self._evaluating = ThreadPoolExecutor(settings.evaluations, thread_name_prefix="evaluate")

    # What there is

    @property
    def ready(self) -> bool:
        """Whether every device's thread runs."""
        return all(lane.up for lane in self.lanes)

    def rescan(self) -> None:
        """Read the cards anew; models that are resident stay as they are until loaded anew."""
        cards, self.card_faults = _cards(self.settings)
        self.registry.replace_cards(cards)

    def default_model(self, task: str) -> str:
        """The model that a task takes when none is named. Raises `UnknownModel` without one."""
        model = self._preset(task)
        if model is None:
            raise UnknownModel(f"No model is set for {task}; name one with `model`.")
        return model

    def _preset(self, task: str) -> str | None:
        lender = _BORROWED.get(task, task)
        wanted = self.settings.models_by_task
        return wanted.get(task) or wanted.get(lender) or _DEFAULT_MODELS.get(lender)

    def preload(self) -> None:
        """Load the default models; blocks until they are warm."""
        names = {model for task in self.tasks if (model := self._preset(task)) is not None}
        for future in [self.registry.load(name) for name in sorted(names)]:
            future.result()

    def backlog(self) -> float:
        """Seconds of work that wait, on the lane that has most."""
        return max(lane.batcher.backlog() for lane in self.lanes)

    def close(self) -> None:
        """End every thread; what waits is refused."""
        self._decoders.close()
        for lane in self.lanes:
            lane.stop()
        self._explaining.shutdown(cancel_futures=True)
        self._evaluating.shutdown(cancel_futures=True)
        self.registry.close()

    # Answers

    async def answer(
        self,
        work: Work,
        data: bytes,
        view: View,
        selection: Selection,
        ticket: Ticket,
        progress: Progress | None = None,
        attachments: Mapping[str, bytes] | None = None,
    ) -> Answer:
        """The answer to a task or a method about one image. Raises as `predict` does."""
        ask = self.predict if isinstance(work, Task) else self.explain
        return await ask(work, data, view, selection, ticket, progress, attachments)  # type: ignore[arg-type]

    async def predict(
        self,
        task: Task,
        data: bytes,
        view: View,
        selection: Selection,
        ticket: Ticket,
        progress: Progress | None = None,
        attachments: Mapping[str, bytes] | None = None,
    ) -> Answer:
        """The task's answer for one image; `attachments` are further images that it may need.

        Raises a `BrightfieldError` for every fault of the input, the model or the moment.
        """
        timing = Timing()
        async with self.registry.use(self._model_for(task, view)) as resident:
            _check_task(task, resident.card)
            job = ImageJob(data, view, selection, ticket, self.settings.max_pixels)
            if isinstance(task, Dense):
                answer = await self._dense(task, resident, job, timing, attachments or {}, progress)
            elif isinstance(task, ReadActivations):
                answer = await self._activations(task, resident, job, timing)
            else:
                assert isinstance(task, Whole)
                answer = await self._whole(task, resident, job, timing, progress)
            self.telemetry.observe_stages(timing.seconds)
            return answer

    async def explain(
        self,
        method: Method,
        data: bytes,
        view: View,
        selection: Selection,
        ticket: Ticket,
        progress: Progress | None = None,
        attachments: Mapping[str, bytes] | None = None,
    ) -> Answer:
        """Why the model answers as it does, by one method; with the attachment `reference`, why it
        takes the two images for alike. Raises as `predict` does."""
        timing = Timing()
        model = view.model or self.default_model(method.endpoint)
        async with self.registry.use(model) as resident:
            job = ImageJob(data, view, selection, ticket, self.settings.max_pixels)
            task = self.tasks.get(resident.card.task, Task)
            aim = TargetSelection(method, task, resident, self._decoders, timing)
            visit, probe = await aim(job, (attachments or {}).get("reference"))
            with timing.stage("explain"):
                result = await _off_loop(
                    self._explaining, _last_result, method, probe, visit.prepared, progress
                )
            self.telemetry.observe_stages(timing.seconds)
            return visit.answer(method.endpoint, result)

    async def survey(
        self,
        task: FindPatches,
        images: Sequence[SurveyedImage],
        view: View,
        selection: Selection,
        ticket: Ticket,
        progress: Progress | None = None,
    ) -> MultiImageAnswer:
        """One answer about several images together. Raises as `predict` does, but what is wrong
        with one image alone stands in its place, unless none can be read."""
        timing = Timing()
        async with self.registry.use(self._model_for(task, view)) as resident:
            job = ImageJob(b"", view, selection, ticket, self.settings.max_pixels)
            work = partial(surveyed, task, resident, images, job, progress or no_progress)
            survey = await _off_loop(self._explaining, work, timing)
            self.telemetry.observe_stages(timing.seconds)
            return survey

    async def evaluate(
        self, evaluation: Evaluation, data: Mapping[str, Any], ticket: Ticket
    ) -> dict[str, Any]:
        """The report about predictions, which no model is needed for."""
        work = partial(evaluation.evaluate, data, self.limits, ticket.check)
        return await self.evaluating(work)

    @property
    def limits(self) -> DataLimits:
        """What predictions that are evaluated may have."""
        return DataLimits(self.settings.max_pixels, self.settings.max_bytes)

    async def evaluating(self, work: Callable[[], T]) -> T:
        """Do the work of an evaluation, where no more than the settings say run side by side."""
        return await _off_loop(self._evaluating, work)

    async def layers(self, model: str) -> list[layers.LayerInfo]:
        """Every module with its output shape, measured by one pass of zeros on the lane."""
        async with self.registry.use(model) as resident:
            return await asyncio.to_thread(inside.every_layer, resident)

    async def filters(self, model: str, choice: FilterChoice, *, picture: bool) -> Filters:
        """The filters of a convolution, as many as a picture shows where it shall be one."""
        async with self.registry.use(model) as resident:
            return await asyncio.to_thread(inside.read_filters, resident, choice, picture=picture)

    # How it works

    def _model_for(self, task: Task, view: View) -> str:
        """The model that is named, else the task's, else another that does what is asked for."""
        if view.model is not None:
            return view.model
        preset = self.default_model(task.name)
        cards = self.registry.cards()
        if preset not in cards or (refusal := task.refusal(cards[preset])) is None:
            return preset
        able = [
            name
            for name, card in cards.items()
            if card.task == task.name and task.refusal(card) is None
        ]
        if not able:
            raise InvalidParameter(f"{refusal} No other model does, either; see GET /models.")
        # Of several the one that is named most alike, as photo-x4 for photo-x2.
        return max(sorted(able), key=lambda name: _alike(name, preset))

    async def _whole(
        self,
        task: Whole,
        resident: Resident,
        job: ImageJob,
        timing: Timing,
        progress: Progress | None,
    ) -> Answer:
        visit = ImagePass(job, resident, _operation(task, resident), timing)
        output = await visit.output(self._decoders)
        with timing.stage("postprocess"):
            result = task.postprocess(output, resident.card)
        answer = visit.answer(task.name, result)
        if isinstance(task, Classify) and task.window is not None:
            await self._slide(task, answer, resident, job, progress)
        return answer

    async def _activations(
        self, task: ReadActivations, resident: Resident, job: ImageJob, timing: Timing
    ) -> Answer:
        layer = await asyncio.to_thread(inside.layer_of, resident, task.layer)
        visit = ImagePass(job, resident, layer.features(task.units), timing)
        maps = await visit.output(self._decoders)
        with timing.stage("postprocess"):
            placed = await asyncio.to_thread(layer.placed, visit.prepared.geometry)
            result = task.postprocess(maps, placed)
        answer = visit.answer(task.name, result)
        answer.notes = (*answer.notes, *placed.notes)
        return answer

    async def _dense(
        self,
        task: Dense,
        resident: Resident,
        job: ImageJob,
        timing: Timing,
        attachments: Mapping[str, bytes],
        progress: Progress | None,
    ) -> Answer:
        """A small picture goes the way of all images; large ones and stacks are painted."""
        pictures: Mapping[str, Picture] = {}
        if attachments:
            with timing.stage("decode"):
                pictures = await asyncio.to_thread(decoded, attachments, job)
        painting = TiledInference(task, resident, job, pictures, progress or no_progress)
        if task.stacked:
            return await _off_loop(self._explaining, painting.answer, None, timing)
        forward = scoring_pass(resident, "probability")
        visit = ImagePass(job, resident, forward, timing, painting.too_large)
        output = await visit.output(self._decoders)
        if not visit.queued:
            return await _off_loop(self._explaining, painting.answer, visit.picture, timing)
        with timing.stage("postprocess"):
            result, notes = await asyncio.to_thread(painting.at_once, visit, output)
        answer = visit.answer(task.name, result)
        answer.notes = (*answer.notes, *notes)
        return answer

    async def _slide(
        self,
        task: Classify,
        answer: Answer,
        resident: Resident,
        job: ImageJob,
        progress: Progress | None,
    ) -> None:
        """Replace the answer's classes by those with maps."""
        assert isinstance(answer.result, ClassPredictions)

        def report(step: Step) -> None:
            answer.tiles = step.total
            (progress or no_progress)(step)

        with answer.timing.stage("windows"):
            answer.result = await _off_loop(
                self._explaining,
                class_map,
                task,
                answer.result,
                answer.picture,
                resident,
                job.view,
                job.ticket,
                report,
            )


def _alike(name: str, other: str) -> int:
    """Letters at the beginning that two names share."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(name, other, strict=False))
    )


def _cards(settings: Settings) -> tuple[dict[str, ModelCard], dict[str, InvalidCard]]:
    return find_cards((zoo.folder(), *settings.model_folders))


def _check_task(task: Task, card: ModelCard) -> None:
    allowed = task.tasks_of_model
    if allowed is not None and card.task not in allowed:
        raise WrongTask(f"The model {card.id} is for {card.task!r}, not for {task.name!r}.")
    if (refusal := task.refusal(card)) is not None:
        raise InvalidParameter(refusal)


def _operation(task: Task, resident: Resident) -> Operation:
    if isinstance(task, Embed):
        return Activations(layers.resolve(resident.module, task.layer, resident.card.explain))
    return scoring_pass(resident, "probability")


async def _off_loop(pool: ThreadPoolExecutor, work: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work, *args)


def _last_result(
    method: Method, probe: LaneProbe, prepared: Prepared, progress: Progress | None
) -> Result:
    """Run a method to its end, telling of each step."""
    for step in method(probe, prepared.tensor):
        if progress is not None:
            progress(step)
    assert step.result is not None
    return step.result

"""The way of a concept's test: the gradient of one class's score at a layer, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np

from brightfield.engine.answer import MultiImageAnswer
from brightfield.engine.context import AnswerContext
from brightfield.engine.image_bytes import ImageReader
from brightfield.engine.image_series import ImageSeries
from brightfield.engine.scoring import scoring_pass
from brightfield.engine.target_selection import check_unnormalised
from brightfield.errors import BrightfieldError
from brightfield.models.inspection.layers import resolve
from brightfield.progress import Step
from brightfield.runtime.operations import Gradients
from brightfield.runtime.work_item import Priority
from brightfield.targets import Aim, Target
from brightfield.tasks.concepts.concept_gradients import ConceptGradients, LayerGradients
from brightfield.tasks.targets.model_output import ModelOutput


async def answer(
    task: ConceptGradients, readers: Sequence[ImageReader], context: AnswerContext
) -> MultiImageAnswer:
    """One pass forward and back of each image; one more of the first, which finds the class."""
    return await context.off_loop(_answer, task, readers, context)


def _answer(
    task: ConceptGradients, readers: Sequence[ImageReader], context: AnswerContext
) -> MultiImageAnswer:
    resident = context.resident
    check_unnormalised("logit", resident)
    tap = resolve(resident.module, task.layer, resident.card.explain)
    series = ImageSeries(readers, context.job, resident)
    found: dict[int, np.ndarray] = {}
    with context.timing.stage("survey"):
        target = _class(task, series, context)
        layouts = None if task.pool == "none" else resident.layouts
        operation = Gradients(tap, resident.cut, layouts=layouts)
        with closing(series.outputs(operation, target.score)) as outputs:
            for image, _, gradient in outputs:
                found[image] = task.by_vector(gradient.gradients[0])
                context.job.progress(Step(image + 1, len(series)))
    series.images()  # raises where none could be read, before there is nothing to stack
    result = LayerGradients(
        tuple(found), np.stack(list(found.values())), target.label, target.class_id
    )
    return series.answer(task.endpoint, result, context.timing)


def _class(task: ConceptGradients, series: ImageSeries, context: AnswerContext) -> Target:
    """The class by the output for the first image that can be read. Raises `UnknownTarget`."""
    fault: BrightfieldError | None = None
    for index in range(len(series)):
        context.job.ticket.check()
        try:
            picture, prepared = series.look(index)
        except BrightfieldError as problem:
            fault = fault or problem
            continue
        output = context.resident.submit(
            scoring_pass(context.resident, "logit"),
            prepared.tensor,
            context.job.ticket,
            band=Priority.BULK,
        ).result()
        shown = ModelOutput(output, context.resident.card, picture, prepared.geometry)
        (target,) = context.model_task.targets(Aim(target=(task.target,)), shown, "logit")
        return target
    assert fault is not None
    raise fault

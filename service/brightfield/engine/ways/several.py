"""The way of a task that answers once about several images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from brightfield.engine.answer import MultiImageAnswer
from brightfield.engine.context import AnswerContext
from brightfield.engine.image_bytes import ImageReader
from brightfield.engine.image_series import ImageSeries
from brightfield.engine.scoring import reading_pass
from brightfield.progress import Step
from brightfield.tasks.kinds.several import ImageOutput, Several


async def answer(
    task: Several, readers: Sequence[ImageReader], context: AnswerContext
) -> MultiImageAnswer:
    """One pass of each image, and the task's result from all that could be read."""
    return await context.off_loop(_answer, task, readers, context)


def _answer(
    task: Several, readers: Sequence[ImageReader], context: AnswerContext
) -> MultiImageAnswer:
    series = ImageSeries(readers, context.job, context.resident)
    with context.timing.stage("survey"):
        result = task.combined(_outputs(task, series, context), context.resident.card)
    return series.answer(task.endpoint, result, context.timing)


def _outputs(task: Several, series: ImageSeries, context: AnswerContext) -> Iterator[ImageOutput]:
    """The images that could be read; raises where there are none, before the task misses them."""
    reading = reading_pass(context.resident, task.reads, context.job.view.wanted)
    with closing(series.outputs(reading)) as outputs:
        for image, _, output in outputs:
            yield ImageOutput(image, output)
            context.job.progress(Step(image + 1, len(series)))
    series.images()

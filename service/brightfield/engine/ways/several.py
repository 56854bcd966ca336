"""The way of a task that answers once about several images."""

from __future__ import annotations

from collections.abc import Sequence

from brightfield.engine.answer import MultiImageAnswer, notes_of_failed
from brightfield.engine.context import AnswerContext
from brightfield.engine.image_bytes import ImageReader
from brightfield.engine.scoring import reading_pass
from brightfield.engine.ways.image_series import ImageSeries
from brightfield.tasks.kinds.several import Several


async def answer(
    task: Several, sources: Sequence[ImageReader], context: AnswerContext
) -> MultiImageAnswer:
    """One pass of each image, and the task's result from all that could be read."""
    return await context.off_loop(_answer, task, sources, context)


def _answer(
    task: Several, sources: Sequence[ImageReader], context: AnswerContext
) -> MultiImageAnswer:
    resident = context.resident
    operation = reading_pass(resident, task.reads)
    series = ImageSeries(sources, context.job, resident, operation)
    with context.timing.stage("survey"):
        result = task.combined(series.outputs(), resident.card)
    images = series.images()
    return MultiImageAnswer(
        task=task.endpoint,
        card=resident.card,
        sha256=resident.sha256,
        images=images,
        result=result,
        notes=notes_of_failed(images),
        timing=context.timing,
        batch_size=series.batch_rows,
    )

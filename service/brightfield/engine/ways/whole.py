"""The way of a task that answers from one look at the whole image."""

from __future__ import annotations

from brightfield.engine.answer import Answer
from brightfield.engine.context import AnswerContext
from brightfield.engine.scoring import reading_pass
from brightfield.tasks.kinds.whole import Whole


async def answer(task: Whole, context: AnswerContext) -> Answer:
    """One pass of the image, and the task's result from what it puts out."""
    reading = reading_pass(context.resident, task.reads, context.job.view.wanted, raw=task.raw)
    image_pass = context.image_pass(reading)
    output = await context.output(image_pass)
    with context.timing.stage("postprocess"):
        result = task.postprocess(output, context.resident.card)
    return image_pass.answer(task.endpoint, result, task.notes_on(result))

"""The way of a task that looks at the whole image and, if asked to, through a sliding window."""

from __future__ import annotations

from dataclasses import replace

from brightfield.engine.answer import Answer
from brightfield.engine.context import AnswerContext
from brightfield.engine.tiling.windows import slid
from brightfield.engine.ways import whole
from brightfield.tasks.kinds.sliding import SlidingWindow


async def answer(task: SlidingWindow, context: AnswerContext) -> Answer:
    """The answer about the whole image, with a map of all windows where the task has a window."""
    found = await whole.answer(task, context)
    if task.window is None:
        return found
    with context.timing.stage("windows"):
        result, count = await context.off_loop(
            slid, task, task.window, found.result, found.picture, context.resident, context.job
        )
    return replace(found, result=result, tiles=count)

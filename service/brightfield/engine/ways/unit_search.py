"""The way of a task that searches many images for what excites the units of a layer."""

from __future__ import annotations

from collections.abc import Sequence

from brightfield.engine.answer import MultiImageAnswer
from brightfield.engine.context import AnswerContext
from brightfield.engine.image_bytes import ImageReader
from brightfield.engine.units.patch_search import surveyed
from brightfield.tasks.kinds.unit_search import UnitSearch


async def answer(
    task: UnitSearch, sources: Sequence[ImageReader], context: AnswerContext
) -> MultiImageAnswer:
    """All images once for their values, then those with the best once more."""
    job = context.job
    return await context.off_loop(
        surveyed, task, context.resident, sources, job, job.progress, context.timing
    )

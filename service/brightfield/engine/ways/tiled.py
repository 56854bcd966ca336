"""The way of a task that answers with places in the image, of whatever size."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from brightfield.engine.answer import Answer
from brightfield.engine.context import AnswerContext
from brightfield.engine.image_pass import ImageJob, decoded
from brightfield.engine.tiling.tiled_inference import TiledInference
from brightfield.errors import InvalidParameter
from brightfield.images.picture import Picture
from brightfield.tasks.kinds.dense import Dense


async def answer(task: Dense, context: AnswerContext) -> Answer:
    """One pass where the picture is small; large ones and stacks go tile by tile."""
    if not task.sized:
        context = replace(context, job=_as_it_is(context.job))
    tiled = TiledInference(
        task, context.resident, context.job, await _attached(context), context.job.progress
    )
    if task.stacked:
        return await context.off_loop(tiled.answer, None, context.timing)
    predicting = context.resident.predicting(context.job.view.wanted)
    image_pass = context.image_pass(predicting, tiled.too_large)
    output = await context.output(image_pass)
    if not image_pass.queued:
        return await context.off_loop(tiled.answer, image_pass.picture, context.timing)
    with context.timing.stage("postprocess"):
        result, notes = await asyncio.to_thread(tiled.at_once, image_pass, output)
    return image_pass.answer(task.endpoint, result, notes)


def _as_it_is(job: ImageJob) -> ImageJob:
    """The job of a task whose answer has a size of its own."""
    if job.view.diameter is not None or job.view.scale not in ("auto", "off"):
        raise InvalidParameter(
            "This task answers in pixels of its own, so its model sees the image as it is; leave "
            "diameter out.",
            errors=[{"location": "diameter"}],
        )
    return replace(job, view=job.view.model_copy(update={"scale": "off"}))


async def _attached(context: AnswerContext) -> Mapping[str, Picture]:
    """The further images that came with the request, decoded."""
    if not context.job.attachments:
        return {}
    with context.timing.stage("decode"):
        return await asyncio.to_thread(decoded, context.job)

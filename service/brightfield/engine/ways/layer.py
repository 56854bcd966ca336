"""The way of a task that reads the maps of a layer."""

from __future__ import annotations

import asyncio

from brightfield.engine.answer import Answer
from brightfield.engine.context import AnswerContext
from brightfield.engine.units.inside import layer_of
from brightfield.tasks.kinds.layer import LayerReading


async def answer(task: LayerReading, context: AnswerContext) -> Answer:
    """One pass of the image to the layer, and the result from its maps and their places."""
    layer = await asyncio.to_thread(layer_of, context.resident, task.layer)
    image_pass = context.image_pass(layer.features(task.units))
    maps = await context.output(image_pass)
    with context.timing.stage("postprocess"):
        placed = await asyncio.to_thread(layer.placed, image_pass.prepared.geometry)
        result = task.postprocess(maps, placed)
    return image_pass.answer(task.endpoint, result, placed.notes)

"""The way of a method: find what it explains, then run it against the model."""

from __future__ import annotations

from dataclasses import replace

from brightfield.engine.answer import Answer, Ran
from brightfield.engine.context import AnswerContext
from brightfield.engine.target_selection import TargetSelection
from brightfield.explain.method import Method


async def answer(method: Method, context: AnswerContext) -> Answer:
    """Why the model answers as it does, by one method; with the attachment `reference`, why it
    takes the two images for similar."""
    image_pass, probe = await TargetSelection(method, context).select()
    with context.timing.stage("explain"):
        result = await context.off_loop(
            method.run, probe, image_pass.prepared.tensor, context.job.progress
        )
    answer = image_pass.answer(method.endpoint, result, result.notes)
    return replace(answer, ran=Ran.by(probe.ran))

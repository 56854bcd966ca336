"""What a work needs to know of the image before it begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from brightfield.engine.answer import Answer
from brightfield.engine.image_pass import ImageJob
from brightfield.errors import BrightfieldError
from brightfield.images.labels import Labels
from brightfield.progress import no_progress
from brightfield.tasks.objects.segmentation import SegmentedObjects
from brightfield.tasks.task import Task
from brightfield.work import Companion, Work

Answering = Callable[[Work, ImageJob], Awaitable[Answer]]


async def accompanied(
    companion: Companion, job: ImageJob, tasks: Mapping[str, type[Task]], answering: Answering
) -> ImageJob:
    """The job with the objects that the companion of its work finds in its image.

    They are found before the job has its own model, since there may be no memory for both.
    """
    return replace(job, objects=await _objects(companion, job, tasks, answering))


async def _objects(
    companion: Companion, job: ImageJob, tasks: Mapping[str, type[Task]], answering: Answering
) -> Labels:
    task = tasks[companion.endpoint](**companion.parameters)
    # A size that was chosen for one model says nothing to the other.
    other = {"model": companion.model, "scale": "auto", "diameter": None}
    view = job.view.model_copy(update=other)
    try:
        answer = await answering(
            task, replace(job, view=view, progress=no_progress, attachments={})
        )
    except BrightfieldError as fault:
        raise fault.about(companion.parameter) from fault
    answer.picture.let_go()
    assert isinstance(answer.result, SegmentedObjects)
    return answer.result.labels

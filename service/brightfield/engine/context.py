"""What the ways of answering work with: a model, an image's job, and threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from brightfield.engine.answer import Timing
from brightfield.engine.backend import Backend
from brightfield.engine.image_pass import ImageJob, ImagePass
from brightfield.errors import BrightfieldError
from brightfield.frames import without_frames
from brightfield.images.picture import Picture
from brightfield.runtime.operations import Operation
from brightfield.runtime.resident import Resident
from brightfield.tasks.task import Task

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AnswerContext:
    """What one answer is made with.

    `model_task` is the task on the model's card, whatever is asked of it: it knows what can be
    explained.
    """

    resident: Resident
    model_task: type[Task]
    job: ImageJob
    timing: Timing
    backend: Backend

    def image_pass(
        self, operation: Operation, too_large: Callable[[Picture], bool] | None = None
    ) -> ImagePass:
        """The way of the job's image to the output of an operation."""
        return ImagePass(self.job, self.resident, operation, self.timing, too_large)

    async def output(self, image_pass: ImagePass) -> Any:
        """What the pass puts out. Raises a `BrightfieldError` for any fault."""
        return await image_pass.output(self.backend.decoders)

    async def off_loop(self, work: Callable[..., T], *args: Any) -> T:
        """Do work that waits for the lane, where a few such works run side by side."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.backend.explaining, _told, partial(work, *args))


def _told(work: Callable[[], T]) -> T:
    """What the work gives. Its fault keeps nothing of the thread alive, whether or not anybody
    waits for it any more."""
    try:
        return work()
    except BrightfieldError as fault:
        problem = without_frames(fault)
    del work
    raise problem.again()

"""A request about images, understood, and how it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.responses import Response

from brightfield.api.reading.image_parameters import ImageParameters
from brightfield.api.reading.inputs import Submission
from brightfield.api.reading.sources import ImageSource
from brightfield.api.services import Services
from brightfield.api.writing.replies import ReplyItem, Writer
from brightfield.engine import Answer
from brightfield.errors import BrightfieldError
from brightfield.progress import Progress, Step
from brightfield.runtime.ticket import Ticket

# Images of one batch that are on their way at once: those behind it in the decoders' line wait for
# no more than these. A job is in no hurry.
_AT_ONCE = 32
_AT_ONCE_OF_JOBS = 8


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A request understood: its parameters, its images and who writes the reply."""

    services: Services
    parameters: ImageParameters
    submission: Submission
    writer: Writer

    async def models(self) -> Sequence[str]:
        """Those that the answer needs. Raises as the answer would if it can't be said which."""
        engine, wanted = self.services.engine, self.parameters
        return engine.defaults.needed(wanted.work, wanted.view.model, engine.registry.cards())

    async def respond(self, ticket: Ticket, progress: Progress | None) -> Response:
        """The reply; one bad image of a batch never fails its neighbours."""
        if self.parameters.work.arity == "several":
            return await self._about_all(ticket, progress)
        if self.submission.batch:
            return await self._about_each(ticket, progress)
        answer = await self._about(self.submission.images[0], ticket, progress)
        if self.parameters.work.small and self.parameters.format == "json":
            return self.writer.single(answer, self._names[0])  # quicker than another thread
        answer.picture = self.services.engine.accounted(answer.picture)
        return await asyncio.to_thread(self.writer.single, answer, self._names[0])

    @property
    def _names(self) -> list[str | None]:
        """Those of the images' files, as far as they were told."""
        return [image.name for image in self.submission.images]

    async def _about_all(self, ticket: Ticket, progress: Progress | None) -> Response:
        wanted, store = self.parameters, self.services.images
        answer = await self.services.engine.answer_together(
            wanted.work,
            [partial(image.load, store) for image in self.submission.images],
            wanted.view,
            wanted.selection,
            ticket,
            progress,
        )
        return await asyncio.to_thread(self.writer.together, answer, self._names)

    async def _about_each(self, ticket: Ticket, progress: Progress | None) -> Response:
        share = _shared(len(self.submission.images), progress)
        turns = asyncio.Semaphore(_AT_ONCE if progress is None else _AT_ONCE_OF_JOBS)
        items = await asyncio.gather(
            *(
                self._about_or_fault(image, ticket, share(index), turns)
                for index, image in enumerate(self.submission.images)
            )
        )
        return await asyncio.to_thread(self.writer.batch, items, self._names)

    async def _about_or_fault(
        self,
        image: ImageSource,
        ticket: Ticket,
        progress: Progress | None,
        turns: asyncio.Semaphore,
    ) -> ReplyItem:
        try:
            async with turns:
                answer = await self._about(image, ticket, progress)
                self._let_go(answer)
                return answer
        except BrightfieldError as fault:
            return fault

    def _let_go(self, answer: Answer) -> None:
        """Of a batch's images the facts are enough for JSON."""
        if self.parameters.format == "json":
            answer.picture = answer.picture.without_pixels()

    async def _about(self, image: ImageSource, ticket: Ticket, progress: Progress | None) -> Answer:
        wanted, store = self.parameters, self.services.images
        others = self.submission.attachments
        attached = {name: await other.fetch(store) for name, other in others.items()}
        data = await image.fetch(store)
        return await self.services.engine.answer(
            wanted.work, data, wanted.view, wanted.selection, ticket, progress, attached
        )


def _shared(count: int, progress: Progress | None) -> Callable[[int], Progress | None]:
    """Per image of a batch a reporter; together they tell how much of all images is done."""
    shares = [0.0] * count

    def share(index: int) -> Progress | None:
        if progress is None:
            return None

        def report(step: Step) -> None:
            shares[index] = step.done / max(1, step.total)
            progress(Step(round(1000 * sum(shares)), 1000 * count))

        return report

    return share

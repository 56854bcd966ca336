"""The images of one request, taken one after another through a single pass each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from brightfield.engine.answer import ImageFacts, raise_if_all_failed
from brightfield.engine.image_bytes import ImageReader
from brightfield.engine.image_pass import ImageJob
from brightfield.errors import BrightfieldError
from brightfield.images.decode import decode
from brightfield.preprocess import preprocess
from brightfield.progress import Step
from brightfield.runtime.operations import Operation
from brightfield.runtime.resident import Resident
from brightfield.runtime.work_item import Priority, WorkItem
from brightfield.tasks.kinds.several import ImageOutput

# Images on their way at once, so that there are batches.
_AHEAD = 8


class ImageSeries:
    """Decodes and forwards images in order, a few ahead; of each the facts or the fault is kept.

    `job` says how to look; its data isn't used.
    """

    def __init__(
        self,
        sources: Sequence[ImageReader],
        job: ImageJob,
        resident: Resident,
        operation: Operation,
    ) -> None:
        self.batch_rows = 1
        self._sources = sources
        self._job = job
        self._resident = resident
        self._operation = operation
        self._images: dict[int, ImageFacts | BrightfieldError] = {}

    def outputs(self) -> Iterator[ImageOutput]:
        """The output of each image that can be read. Blocks.

        Raises the first fault at the end where none can, and that of a withdrawn ticket at once.
        """
        waiting: deque[_Queued] = deque()
        try:
            for index in range(len(self._sources)):
                self._job.ticket.check()
                try:
                    waiting.append(self._queued(index))
                except BrightfieldError as fault:
                    self._images[index] = fault
                if len(waiting) >= _AHEAD:
                    yield from self._received(waiting.popleft())
            while waiting:
                yield from self._received(waiting.popleft())
        finally:
            for queued in waiting:
                queued.item.future.cancel()
        raise_if_all_failed(self.images())

    def images(self) -> tuple[ImageFacts | BrightfieldError, ...]:
        """The facts of each image, or what is wrong with it, once the outputs are used up."""
        return tuple(self._images[index] for index in range(len(self._sources)))

    def _queued(self, index: int) -> _Queued:
        job, spec = self._job, self._resident.card.input
        raw = spec.pixels == "raw"
        picture = decode(self._sources[index](), job.selection, max_pixels=job.max_pixels, raw=raw)
        view = job.view
        prepared = preprocess(picture, spec, intensity=view.intensity, region=view.part)
        item = self._resident.submit(
            self._operation, prepared.tensor, job.ticket, band=Priority.BULK
        )
        self._images[index] = ImageFacts.of(picture, prepared.scaling, prepared.notes)
        return _Queued(index, item)

    def _received(self, queued: _Queued) -> Iterator[ImageOutput]:
        try:
            output = queued.item.future.result()
        except BrightfieldError as fault:
            self._job.ticket.check()
            self._images[queued.image] = fault
            return
        self.batch_rows = max(self.batch_rows, queued.item.batch_rows)
        yield ImageOutput(queued.image, output)
        self._job.report(Step(queued.image + 1, len(self._sources)))


class _Queued(NamedTuple):
    """An image on its way."""

    image: int
    item: WorkItem

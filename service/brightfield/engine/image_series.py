"""The images of one request, taken one after another through a single pass each."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from brightfield.engine.answer import ImageFacts, MultiImageAnswer, Ran, Timing, notes_of_failed
from brightfield.engine.image_bytes import ImageReader
from brightfield.engine.image_bytes_held import HeldDecoding
from brightfield.engine.image_pass import ImageJob
from brightfield.engine.rescaling import prepared, reading_needs
from brightfield.errors import BrightfieldError
from brightfield.frames import without_frames
from brightfield.images.picture import Note, Picture
from brightfield.preprocess import Prepared
from brightfield.results import Result
from brightfield.runtime.ahead import ROWS_AHEAD, ahead
from brightfield.runtime.operations import Operation
from brightfield.runtime.resident import Resident
from brightfield.runtime.work_item import Priority, WorkItem


class SeriesOutput(NamedTuple):
    """What an operation puts out for one image, by its place among those sent."""

    image: int
    prepared: Prepared
    output: Any


class ImageSeries:
    """Decodes and forwards images in order, a few ahead; of each the facts or the fault is kept.

    As few images as are on their way are in memory. `job` says how to look; its data isn't used.
    """

    def __init__(self, readers: Sequence[ImageReader], job: ImageJob, resident: Resident) -> None:
        self.batch_rows = 1
        self._ran = Ran()
        self._readers = readers
        self._job = job
        self._resident = resident
        self._images: dict[int, ImageFacts | BrightfieldError] = {}

    def __len__(self) -> int:
        return len(self._readers)

    def outputs(
        self, operation: Operation, argument: Any = None
    ) -> Generator[SeriesOutput, None, None]:
        """The output for each image that can be read; `argument` is that of every item. Blocks.

        Raises the fault of a withdrawn ticket; what is wrong with an image is kept.
        """

        def submit(image: tuple[int, Prepared]) -> WorkItem:
            tensor, ticket = image[1].tensor, self._job.ticket
            return self._resident.submit(
                operation, tensor, ticket, band=Priority.BULK, argument=argument
            )

        items = ahead(self._readable(), submit, self._job.ticket, ROWS_AHEAD, keep_faults=True)
        with closing(items):
            for (index, seen), item in items:
                try:
                    output = item.result()
                except BrightfieldError as fault:
                    self.fail(index, fault)
                    continue
                self.batch_rows = max(self.batch_rows, item.batch_rows)
                self._ran = Ran.by(item.operation)
                yield SeriesOutput(index, seen, output)

    def look(self, index: int) -> tuple[Picture, Prepared]:
        """An image, and what the model takes of it. Raises what is wrong with the image."""
        job, spec = self._job, self._resident.card.input
        data = self._readers[index]()
        decoding = HeldDecoding(job.budget, job.limits)
        needs = reading_needs(spec, job.view)
        picture = decoding.blocking(data, job.selection, job.ticket, needs)
        seen = prepared(picture, spec, job.view)
        picture.settle()
        return picture, seen

    def fail(self, index: int, fault: BrightfieldError) -> None:
        """Keep what is wrong with an image. Raises the ticket's fault where that is the reason."""
        self._job.ticket.check()
        self._images[index] = without_frames(fault)

    def images(self) -> tuple[ImageFacts | BrightfieldError, ...]:
        """The facts of each image, or what is wrong with it, once the outputs are used up.

        Raises the first fault where no image could be read.
        """
        images = tuple(self._images[index] for index in range(len(self)))
        faults = [image for image in images if isinstance(image, BrightfieldError)]
        if faults and len(faults) == len(images):
            raise faults[0]
        return images

    def answer(
        self, task: str, result: Result, timing: Timing, notes: Sequence[Note] = ()
    ) -> MultiImageAnswer:
        """The answer of an endpoint about all images; `notes` are further ones on the result.

        Raises the first fault where no image could be read.
        """
        resident, images = self._resident, self.images()
        return MultiImageAnswer(
            task=task,
            card=resident.card,
            sha256=resident.sha256,
            digest=resident.digest,
            images=images,
            result=result,
            notes=(*resident.notes, *notes, *notes_of_failed(images)),
            timing=timing,
            batch_size=self.batch_rows,
            ran=self._ran,
        )

    def _readable(self) -> Iterator[tuple[int, Prepared]]:
        """The images that can be decoded, as the model takes them."""
        for index in range(len(self)):
            self._job.ticket.check()
            try:
                picture, seen = self.look(index)
            except BrightfieldError as fault:
                self.fail(index, fault)
                continue
            facts = (seen.scaling, self._job.view.part, seen.notes, seen.scale)
            self._images[index] = ImageFacts.of(picture, *facts)
            yield index, seen

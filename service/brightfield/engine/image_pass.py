"""One image on its way from bytes to the model's output."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from brightfield.engine.answer import Answer, Timing
from brightfield.engine.image_bytes_held import HeldDecoding, NoRoom
from brightfield.engine.view import View
from brightfield.errors import BrightfieldError
from brightfield.images.budget import DecodeBudget
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.picture import Note, Picture
from brightfield.images.selection import Selection
from brightfield.preprocess import Prepared, check_channels, preprocess
from brightfield.progress import Progress, no_progress
from brightfield.results import Result
from brightfield.runtime.operations import Operation
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.runtime.work_item import WorkItem
from brightfield.runtime.worker_pool import WorkerPool


@dataclass(frozen=True, slots=True)
class ImageJob:
    """One image's bytes, what to look at, and who waits for the answer.

    `attachments` are the bytes of further images by their names.
    """

    data: bytes
    view: View
    selection: Selection
    ticket: Ticket
    limits: Limits
    budget: DecodeBudget
    progress: Progress = no_progress
    attachments: Mapping[str, bytes] = field(default_factory=dict)


def decoded(job: ImageJob) -> dict[str, Picture]:
    """The plane of each attachment that the job's selection names; a fault says which has it."""
    pictures = {}
    for name, data in job.attachments.items():
        try:
            pictures[name] = HeldDecoding(job.budget, job.limits).beside(data, job.selection)
        except BrightfieldError as fault:
            raise fault.about(name) from fault
    return pictures


class ImagePass:
    """Decodes and preprocesses in a decoder's thread, queues for the lane, and wakes the event loop
    once, when the model's output is there or the first thing has gone wrong.

    After `output()` the facts of the way are at hand: `picture`, `prepared`, `item`. A picture
    that `too_large` tells of is only decoded: `output()` is None then, `prepared` isn't there, and
    `item` is None.
    """

    __slots__ = (
        "_decoders",
        "_decoding",
        "_job",
        "_loop",
        "_operation",
        "_resident",
        "_timing",
        "_too_large",
        "_waiter",
        "_withdrawn",
        "item",
        "picture",
        "prepared",
    )

    picture: Picture
    prepared: Prepared
    item: WorkItem | None

    def __init__(
        self,
        job: ImageJob,
        resident: Resident,
        operation: Operation,
        timing: Timing,
        too_large: Callable[[Picture], bool] | None = None,
    ) -> None:
        self._job = job
        self._too_large = too_large
        self._resident = resident
        self._operation = operation
        self._timing = timing
        self._withdrawn = False
        self._decoding = HeldDecoding(job.budget, job.limits, self._check)
        self.item = None
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[Any] = self._loop.create_future()

    async def output(self, decoders: WorkerPool) -> Any:
        """The model's output for the image; raises a `BrightfieldError` for any fault.

        A caller who is cancelled withdraws the image wherever it is.
        """
        self._decoders = decoders
        decoders.do(self._take_in)
        try:
            output = await self._waiter
        except asyncio.CancelledError:
            self._withdraw()
            raise
        except BaseException:
            self._decoding.let_go()
            raise
        if self.item is not None:
            self._timing.forward(self.item)
        return output

    def answer(self, task: str, result: Result, notes: Sequence[Note] = ()) -> Answer:
        """The result, with what is to be known of the image and what the `notes` add."""
        return Answer(
            task,
            self._resident.card,
            self._resident.sha256,
            self._resident.digest,
            self.picture,
            self.prepared.scaling,
            result,
            (*self._resident.notes, *self.picture.notes, *self.prepared.notes, *notes),
            self._timing,
            1 if self.item is None else self.item.batch_rows,
        )

    @property
    def queued(self) -> bool:
        """Whether the image has come as far as the lane's queue."""
        return self.item is not None

    def _withdraw(self) -> None:
        self._withdrawn = True
        self._decoding.withdraw()
        if self.item is not None:
            self.item.future.cancel()

    def _take_in(self) -> None:
        """Decode, preprocess and queue, in one thread, so that the lane waits for nobody else."""
        if self._withdrawn:
            return
        try:
            self._job.ticket.check()
            self._decode()
            if self._too_large is not None and self._too_large(self.picture):
                self.picture.settle()
                self._wake(None, None)
                return
            self._preprocess()
            self.picture.settle()
            item = self._resident.submit(self._operation, self.prepared.tensor, self._job.ticket)
        except NoRoom as full:
            self._decoding.wait(full.count, self._again)
        except BaseException as fault:
            self._wake(None, fault)
        else:
            self.item = item
            if self._withdrawn:
                item.future.cancel()
            item.future.add_done_callback(self._forwarded)

    def _decode(self) -> None:
        job, raw = self._job, self._resident.card.input.pixels == "raw"
        with self._timing.stage("decode"):
            self.picture = self._decoding.at_once(job.data, job.selection, raw=raw)

    def _again(self) -> None:
        """There is room for the image now."""
        self._decoders.do(self._take_in)

    def _check(self, decoded: DecodedSize) -> None:
        """Refuse channels that the model doesn't take; tiled work may split them by itself."""
        spec = self._resident.card.input
        if self._too_large is None and spec.pixels != "raw":
            check_channels(decoded.channels, spec.channels)

    def _preprocess(self) -> None:
        view = self._job.view
        with self._timing.stage("preprocess"):
            self.prepared = preprocess(
                self.picture, self._resident.card.input, intensity=view.intensity, region=view.part
            )

    def _forwarded(self, future: Future[Any]) -> None:
        if not future.cancelled():
            fault = future.exception()
            self._wake(None if fault else future.result(), fault)

    def _wake(self, output: Any, fault: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, output, fault)

    def _settle(self, output: Any, fault: BaseException | None) -> None:
        if self._waiter.done():
            return
        if fault is not None:
            self._waiter.set_exception(fault)
        else:
            self._waiter.set_result(output)

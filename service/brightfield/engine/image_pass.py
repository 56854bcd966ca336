"""One image on its way from bytes to the model's output."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from brightfield.cards import InputSpec
from brightfield.channel_fit import check_channels
from brightfield.engine.answer import Answer, Ran, Timing
from brightfield.engine.image_bytes_held import HeldDecoding, NoRoom
from brightfield.engine.rescaling import prepared, reading_needs
from brightfield.engine.view import View
from brightfield.errors import BrightfieldError
from brightfield.images.budget import DecodeBudget
from brightfield.images.labels import Labels
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.picture import Note, Picture
from brightfield.images.selection import Selection
from brightfield.preprocess import Prepared
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

    `attachments` are the bytes of further images by their names, `objects` (H, W) those that the
    work's companion has found in the image.
    """

    data: bytes
    view: View
    selection: Selection
    ticket: Ticket
    limits: Limits
    budget: DecodeBudget
    progress: Progress = no_progress
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    objects: Labels | None = None


def decoded(job: ImageJob) -> dict[str, Picture]:
    """The plane of each attachment that the job's selection names; a fault says which has it."""
    pictures = {}
    for name, data in job.attachments.items():
        try:
            pictures[name] = HeldDecoding(job.budget, job.limits).beside(data, job.selection)
        except BrightfieldError as fault:
            raise fault.about(name) from fault
    return pictures


class _Waker:
    """Wakes the event loop once, with the end of an image's way, and then keeps nothing of it.

    The lane's future never forgets whom it called, so what it calls must not know the image.
    """

    __slots__ = ("_loop", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[Any]) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[Any] | None = waiter

    def forwarded(self, future: Future[Any]) -> None:
        """The lane is done; its fault is the future's own, so who waits gets another."""
        if future.cancelled():
            return
        fault = future.exception()
        if isinstance(fault, BrightfieldError):
            self.wake(None, fault.again())
        else:
            self.wake(None if fault else future.result(), fault)

    def wake(self, output: Any, fault: BaseException | None) -> None:
        waiter, self._waiter = self._waiter, None
        assert waiter is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_settle, waiter, output, fault)


def _settle(waiter: asyncio.Future[Any], output: Any, fault: BaseException | None) -> None:
    if waiter.done():
        return
    if fault is not None:
        waiter.set_exception(fault)
    else:
        waiter.set_result(output)


class ImagePass:
    """Decodes and preprocesses in a decoder's thread, queues for the lane, and wakes the event loop
    once, when the model's output is there or the first thing has gone wrong.

    After `output()` the facts of the way are at hand: `picture`, `prepared`, `item`. A picture
    that `too_large` tells of is only decoded: `output()` is None then, `prepared` isn't there, and
    `item` is None.
    """

    __slots__ = (
        "_decoding",
        "_job",
        "_operation",
        "_resident",
        "_timing",
        "_too_large",
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
        # A function and not a method: what the pass has must not have the pass.
        check = None if too_large is not None else partial(_check, resident.card.input)
        self._decoding = HeldDecoding(job.budget, job.limits, check)
        self.item = None

    async def output(self, decoders: WorkerPool) -> Any:
        """The model's output for the image; raises a `BrightfieldError` for any fault.

        A caller who is cancelled withdraws the image wherever it is.
        """
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Any] = loop.create_future()
        decoders.do(partial(self._take_in, decoders, _Waker(loop, waiter)))
        try:
            output = await waiter
        except asyncio.CancelledError:
            self._withdraw()
            raise
        except BaseException:
            self._decoding.let_go()
            raise
        finally:
            del waiter  # it holds the fault, and the fault this frame
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
            scale=self.prepared.scale,
            ran=Ran.by(self._operation if self.item is None else self.item.operation),
            region=self._job.view.part,
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

    def _take_in(self, decoders: WorkerPool, waker: _Waker) -> None:
        """Decode, preprocess and queue, in one thread, so that the lane waits for nobody else."""
        if self._withdrawn:
            return
        try:
            self._job.ticket.check()
            self._decode()
            if self._too_large is not None and self._too_large(self.picture):
                self.picture.settle()
                waker.wake(None, None)
                return
            self._preprocess()
            self.picture.settle()
            item = self._resident.submit(self._operation, self.prepared.tensor, self._job.ticket)
        except NoRoom as full:
            again = partial(self._take_in, decoders, waker)
            self._decoding.wait(full.count, partial(decoders.do, again))
        except BaseException as fault:
            waker.wake(None, fault)
        else:
            self.item = item
            if self._withdrawn:
                item.future.cancel()
            item.future.add_done_callback(waker.forwarded)

    def _decode(self) -> None:
        job = self._job
        needs = reading_needs(self._resident.card.input, job.view)
        with self._timing.stage("decode"):
            self.picture = self._decoding.at_once(job.data, job.selection, needs)

    def _preprocess(self) -> None:
        with self._timing.stage("preprocess"):
            self.prepared = prepared(self.picture, self._resident.card.input, self._job.view)


def _check(spec: InputSpec, decoded: DecodedSize) -> None:
    """Refuse channels that the model doesn't take; tiled work may split them by itself."""
    if spec.pixels != "raw":
        check_channels(decoded.channels, decoded.facts, spec)

"""A lane: the one thread that does all work of a device."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch

from brightfield.outages import LaneDown, ModelHangs
from brightfield.runtime.batcher import Batcher, Closed
from brightfield.runtime.execution import execute
from brightfield.runtime.safeguards import Safeguards
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.work_item import PlacedModel, WorkItem

log = logging.getLogger(__name__)

LaneState = Literal["up", "busy", "down"]

_LONGEST_PAUSE = 5.0
_here = threading.local()


def assert_off_lane() -> None:
    """Called at the start of what waits for a lane's work.

    Raises `RuntimeError` on a lane's own thread, which would wait for itself for ever.
    """
    if getattr(_here, "is_lane", False):
        raise RuntimeError(
            f"{threading.current_thread().name} may not wait for work of a lane: it would wait for "
            "itself; call this in another thread, or do the work right here"
        )


@dataclass(slots=True, eq=False)
class _Shift:
    """A thread's time as the lane: what it has in hand, and since when."""

    thread: threading.Thread | None = None
    batch: list[WorkItem] = field(default_factory=list)
    began: float | None = None
    dismissed: bool = False


class Lane:
    """One thread per device does all device work, so hooks, autograd and forwards never meet.

    Whatever a model raises fails its own items only. A batch that takes longer than the
    safeguards' `lane_timeout` is given up: its items fail with `ModelHangs`, `on_hang` is told its
    model, and a new thread takes over. Should the thread die (an error of ours or of the
    interpreter), the items in its hands fail with `LaneDown` and a new thread takes over after a
    pause that doubles with each death in a row. What waits in the queue is then served.
    """

    def __init__(
        self,
        device: torch.device,
        telemetry: Telemetry,
        threads: int = 0,
        safeguards: Safeguards | None = None,
    ) -> None:
        self.device = device
        self.name = str(device)
        self.batcher = Batcher(self.name, telemetry)
        self.on_hang: Callable[[PlacedModel], None] = _ignore
        self._telemetry = telemetry
        self._threads = threads
        self._safeguards = safeguards or Safeguards()
        self._stop = threading.Event()
        self._up = threading.Event()
        self._lock = threading.Lock()
        self._deaths = 0
        self._shift = self._spawn()
        telemetry.lane_busy.labels(self.name).set_function(lambda: self.busy_seconds)

    @property
    def state(self) -> LaneState:
        """`busy`: one batch has been running for half the time after which it is given up."""
        if not self._up.is_set() or self._stop.is_set():
            return "down"
        return "busy" if self.busy_seconds > self._safeguards.lane_timeout / 2 else "up"

    @property
    def busy_seconds(self) -> float:
        """How long the batch that runs has been running; 0 if there is none."""
        began = self._shift.began
        return 0.0 if began is None else time.monotonic() - began

    @property
    def busy_with(self) -> str | None:
        """The id of the model that runs."""
        batch = self._shift.batch
        return batch[0].model.card.id if batch else None

    def submit(self, item: WorkItem) -> Future[Any]:
        """Queue an item; its future is always settled."""
        self.batcher.submit(item)
        return item.future

    def refuse(self) -> None:
        """Refuse what waits and what will come; the batch that runs goes on."""
        self._stop.set()
        self.batcher.close()

    def stop(self, timeout: float | None = None) -> bool:
        """End the thread after the batch in its hands and refuse what waits; whether it has ended
        within so many seconds."""
        self.refuse()
        thread = self._shift.thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def end_overdue(self) -> None:
        """Give a batch up that has been running for too long; called now and then."""
        with self._lock:
            shift, seconds = self._shift, self.busy_seconds
            if seconds < self._safeguards.lane_timeout or self._stop.is_set():
                return
            shift.dismissed = True
            batch, thread = shift.batch, shift.thread
            self._shift = self._spawn()
        self._give_up(batch, seconds)
        if thread is not None:
            self._safeguards.give_up(thread)

    def _give_up(self, batch: list[WorkItem], seconds: float) -> None:
        model = batch[0].model
        name = model.card.id
        self._telemetry.lane_restarts.labels(self.name).inc()
        self._safeguards.quarantine.strike(name, f"it did not return within {seconds:.0f} s")
        self.on_hang(model)
        for item in batch:
            item.refuse(
                ModelHangs(
                    f"The model {name} did not return within {seconds:.0f} s and was given up "
                    "(lane_timeout); ask another model, or for a smaller image or region."
                )
            )

    def _spawn(self) -> _Shift:
        shift = _Shift()
        work = partial(self._live, shift)
        shift.thread = threading.Thread(target=work, name=f"lane-{self.name}", daemon=True)
        shift.thread.start()
        return shift

    def _live(self, shift: _Shift) -> None:
        _here.is_lane = True
        if self._deaths and self._stop.wait(min(0.1 * 2**self._deaths, _LONGEST_PAUSE)):
            return
        if self._threads:
            torch.set_num_threads(self._threads)
        if self.device.type == "cuda":  # by default convolutions in fp32 round to 10 bits
            torch.backends.cudnn.allow_tf32 = False
        try:
            self._up.set()
            while not shift.dismissed:
                self._take(shift)
        except Closed:
            self._up.clear()
        except BaseException as fault:  # whatever it was, the device needs a living thread
            if not shift.dismissed:
                self._succeed(shift.batch, fault)

    def _take(self, shift: _Shift) -> None:
        """The next batch, from the queue to its answers."""
        batch = self.batcher.take()
        if not batch:
            return
        with self._lock:
            shift.batch, shift.began = batch, time.monotonic()
        with self._safeguards.flights.of(batch[0].model.card.id):
            batch[0].context.run(execute, batch, self._telemetry)
        with self._lock:
            shift.batch, shift.began = [], None
        self._deaths = 0

    def _succeed(self, batch: list[WorkItem], fault: BaseException) -> None:
        """Fail the batch in hand and let a new thread take over."""
        log.critical("the thread of %s died and is restarted", self.name, exc_info=fault)
        self._up.clear()
        self._deaths += 1
        self._telemetry.lane_restarts.labels(self.name).inc()
        for item in batch:
            item.refuse(
                LaneDown(
                    "The device's thread stopped and is being restarted; ask again.", retry_after=1
                )
            )
        if not self._stop.is_set():
            self._shift = self._spawn()


def _ignore(_: PlacedModel) -> None:
    """Nobody needs to know."""


class LaneWatch:
    """A thread that ends what lanes have been at for too long."""

    def __init__(self, lanes: list[Lane], every: float) -> None:
        self._lanes = lanes
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lane-watch", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 1.0) -> None:
        """End the thread, and wait for it so many seconds at most."""
        self._stop.set()
        self._thread.join(timeout)

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            for lane in self._lanes:
                try:
                    lane.end_overdue()
                except Exception:
                    log.exception("%s could not be looked at", lane.name)

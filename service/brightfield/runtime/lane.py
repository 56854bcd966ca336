"""A lane: the one thread that does all work of a device."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from typing import Any

import torch

from brightfield.errors import LaneDown
from brightfield.runtime.batcher import Batcher, Closed
from brightfield.runtime.execution import execute
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.work_item import WorkItem

log = logging.getLogger(__name__)

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


class Lane:
    """One thread per device does all device work, so hooks, autograd and forwards never meet.

    An exception in a model fails its own items only. Should the thread itself die (an error of
    the interpreter or the driver), the items in its hands fail with `LaneDown`, `up` turns False
    and a new thread takes over after a pause that doubles with each death in a row; what waits
    in the queue is then served.
    """

    def __init__(self, device: torch.device, telemetry: Telemetry, threads: int = 0) -> None:
        self.device = device
        self.name = str(device)
        self.batcher = Batcher(self.name, telemetry)
        self._telemetry = telemetry
        self._threads = threads
        self._stop = threading.Event()
        self._up = threading.Event()
        self._deaths = 0
        self._thread = self._spawn()

    @property
    def up(self) -> bool:
        """Whether the thread runs."""
        return self._up.is_set() and not self._stop.is_set()

    def submit(self, item: WorkItem) -> Future[Any]:
        """Queue an item; its future is always settled."""
        self.batcher.submit(item)
        return item.future

    def stop(self) -> None:
        """End the thread after the batch in its hands and refuse what waits."""
        self._stop.set()
        self.batcher.close()
        self._thread.join()

    def _spawn(self) -> threading.Thread:
        thread = threading.Thread(target=self._live, name=f"lane-{self.name}", daemon=True)
        thread.start()
        return thread

    def _live(self) -> None:
        _here.is_lane = True
        if self._deaths and self._stop.wait(min(0.1 * 2**self._deaths, _LONGEST_PAUSE)):
            return
        if self._threads:
            torch.set_num_threads(self._threads)
        batch: list[WorkItem] = []
        try:
            self._up.set()
            while True:
                batch = self.batcher.take()
                if batch:
                    execute(batch, self._telemetry)
                    self._deaths = 0
        except Closed:
            self._up.clear()
        except BaseException as fault:  # whatever it was, the device needs a living thread
            self._succeed(batch, fault)

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
            self._thread = self._spawn()

"""The supervisor: it listens, and has a worker answer; one that dies is started again at once."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import tempfile
import threading
import time
from pathlib import Path

import psutil

from brightfield.runtime.flights import LastFlights
from brightfield.runtime.quarantine import Quarantine
from brightfield.serving.blame import blamed, how_it_ended
from brightfield.serving.handover import STOP, Handover
from brightfield.serving.listening import listen
from brightfield.serving.records import CRASH, FLIGHTS, QUARANTINE, RESTART, WRONG
from brightfield.serving.worker_process import WorkerProcess
from brightfield.settings import Settings

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0
_MOST_FAILED_STARTS = 6
_LOOK = 1.0  # seconds between two looks at what was left behind
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def supervise(settings: Settings, begun: WorkerProcess | None = None) -> int:
    """Run the service until it is asked to stop; the exit code. The first worker may be `begun`.

    Raises `ValueError` with one sentence where nobody can listen at the address.
    """
    sockets = listen(settings.host, settings.port)
    try:
        with tempfile.TemporaryDirectory(prefix="brightfield-") as folder:
            return Supervisor(Handover(settings, sockets, Path(folder), 0), begun).run()
    finally:
        for each in sockets:
            each.close()


class Supervisor:
    """Starts a worker, passes signals on, and starts another when it dies.

    Connections that come while no worker is there wait in the sockets' backlog. What a worker did
    last is read from its records, so the model that it died of is known (`serving.blame`).
    """

    def __init__(self, handover: Handover, begun: WorkerProcess | None = None) -> None:
        self._handover = handover
        self._settings = handover.settings
        self._begun = begun
        self._events: queue.SimpleQueue[int | tuple[WorkerProcess, int]] = queue.SimpleQueue()
        self._worker: WorkerProcess | None = None
        self._number = 0
        self._failed_starts = 0
        self._stopping_until: float | None = None

    def run(self) -> int:
        """The exit code: 0 after a stop, 2 where the worker finds something wrong at its start."""
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # as by nohup
                signal.signal(number, lambda number, _: self._events.put(number))
        self._start()
        try:
            while True:
                code = self._next()
                if code is not None:
                    return code
        finally:
            self._end_worker()

    def _start(self) -> None:
        given = self._handover
        for name in (FLIGHTS, CRASH):
            (given.records / name).unlink(missing_ok=True)
        self._worker = worker = self._begun or WorkerProcess()
        self._begun = None
        Handover(self._settings, given.sockets, given.records, self._number).tell(worker)
        self._number += 1

        def wait() -> None:
            self._events.put((worker, worker.wait()))

        threading.Thread(target=wait, name="wait", daemon=True).start()

    def _next(self) -> int | None:
        """Wait for what happens next, and do what it asks for; an exit code at the end of all."""
        try:
            event = self._events.get(timeout=_LOOK)
        except queue.Empty:
            _reap(self._worker)
            overdue = self._stopping_until is not None and time.monotonic() > self._stopping_until
            return self._give_up() if overdue else None
        if isinstance(event, int):
            return self._signalled(event)
        return self._died(*event)

    def _signalled(self, number: int) -> int | None:
        if self._stopping_until is not None:
            log.warning("a second signal: the service ends at once")
            return 128 + number
        self._stopping_until = time.monotonic() + 0.95 * self._settings.stop_timeout
        for each in self._handover.sockets:  # the worker's own are the last ones
            each.close()
        if self._worker is None:
            return 0
        self._worker.say(STOP)
        return None

    def _give_up(self) -> int:
        log.error("the worker did not end within %.0f s and is killed", self._settings.stop_timeout)
        return 1

    def _died(self, worker: WorkerProcess, code: int) -> int | None:
        """Look at what a worker has left, and start another, unless it was asked to end."""
        worker.end_group()
        self._worker = None
        if self._stopping_until is not None:
            return code if code >= 0 else 1
        last = LastFlights.read(self._handover.records / FLIGHTS)
        if not last.up and (code == WRONG or (code >= 0 and not last.flights)):
            return code or 1  # it has said itself what is wrong
        if code == RESTART:
            log.warning("the worker has ended itself and is started again")
        else:
            self._investigate(code, last)
        return self._start_again(last.up)

    def _investigate(self, code: int, last: LastFlights) -> None:
        file = self._handover.records / CRASH
        crash = file.read_text(errors="replace") if file.exists() else ""
        end = how_it_ended(code, crash)
        log.error("the worker %s and is started again", end)
        for line in crash.splitlines():
            log.error("%s", line)
        quarantine = Quarantine(self._handover.records / QUARANTINE)
        for model in blamed(last, crash):
            quarantine.strike(model, f"the process {end} while it ran")

    def _start_again(self, was_up: bool) -> int | None:
        """At once; after pauses that double where workers die before they answer."""
        self._failed_starts = 0 if was_up else self._failed_starts + 1
        pause = min(2.0 ** (self._failed_starts - 1), _LONGEST_PAUSE) if self._failed_starts else 0
        end = time.monotonic() + pause
        while time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                event = self._events.get(timeout=max(0.0, end - time.monotonic()))
                if isinstance(event, int):
                    return 0
        if self._failed_starts > _MOST_FAILED_STARTS:
            log.error("the worker has ended %d times before it answered", self._failed_starts)
            return 1
        self._start()
        return None

    def _end_worker(self) -> None:
        if self._worker is not None:
            self._worker.end()


def _reap(worker: WorkerProcess | None) -> None:
    """As process 1 of a container: let go of orphans that have ended."""
    if os.getpid() != 1:
        return
    for child in psutil.Process().children():
        if worker is None or child.pid != worker.pid:
            with contextlib.suppress(psutil.Error, OSError):
                if child.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(child.pid, os.WNOHANG)

"""The life of a worker: it is told on its standard input what to do (`serving.handover`), and stops
when that says so or ends, as it does with the supervisor."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import io
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from brightfield.api.logs import configure
from brightfield.errors import BrightfieldError
from brightfield.runtime.flights import Flights
from brightfield.runtime.quarantine import Quarantine
from brightfield.runtime.safeguards import Safeguards
from brightfield.serving.freed_memory import FreedMemory, trim_function
from brightfield.serving.handover import STOP, Handover
from brightfield.serving.interpreter import look_through_all
from brightfield.serving.records import CRASH, FLIGHTS, QUARANTINE, RESTART, WRONG
from brightfield.settings import Settings

if TYPE_CHECKING:
    from brightfield.engine.engine import Engine
    from brightfield.serving.server import Server

log = logging.getLogger(__name__)

_MOST_LOST = 3
"""Threads that may be given up and still run; with more the worker starts anew."""


def lead(given: list[socket.socket]) -> int:
    """Answer at the sockets until told to stop; the exit code, for the supervisor."""
    told = io.FileIO(0, closefd=False)  # no buffer, and so no lock that the end could wait for
    handover = Handover.receive(given, told)
    settings, records = handover.settings, handover.records
    configure(settings)
    flights = Flights(records / FLIGHTS)
    report_crashes(records / CRASH, flights)
    safeguards = Safeguards(flights, Quarantine(records / QUARANTINE), settings.lane_timeout)
    try:
        server = _prepared(settings, safeguards)
    except (BrightfieldError, ValueError) as fault:
        return _told(fault)
    server.on_started = flights.say_up
    server.says_where = handover.number == 0
    threading.Thread(target=_obey, args=(told, server), name="lifeline", daemon=True).start()
    beat = _Heartbeat(records / CRASH, server, safeguards)
    threading.Thread(target=beat.run, name="heartbeat", daemon=True).start()
    memory = FreedMemory(trim_function() or gc.collect, rest_of(server.engine))
    threading.Thread(target=memory.run, name="freed-memory", daemon=True).start()
    with contextlib.suppress(SystemExit):  # uvicorn's way to say that the start has failed
        server.run(handover.sockets)
    if server.lifespan_faults.fault is not None:
        return _told(server.lifespan_faults.fault)
    if server.leaves_group:
        server.end_process()
    return server.exit_code


def _prepared(settings: Settings, safeguards: Safeguards) -> Server:
    """The server; the first default model is being loaded while the rest is imported and built. The
    others wait until it answers: all that is done here needs the interpreter's lock.

    Raises `ValueError` or a `BrightfieldError` with one sentence where the settings are wrong.
    """
    from brightfield.engine.engine import Engine

    engine = Engine(settings, safeguards=safeguards)
    if settings.preload:
        engine.begin_preload(most=1)
    from brightfield.api.app import create_app
    from brightfield.serving.server import Server

    return Server(create_app(settings, engine=engine), settings)


def rest_of(engine: Engine) -> Callable[[], object]:
    """What a rest has time for: to look for garbage, at first also for that of the start, and to
    let backends give back what they keep."""
    collects: Iterator[Callable[[], object]] = chain([look_through_all], repeat(gc.collect))

    def rest() -> None:
        next(collects)()
        engine.registry.release_memory()

    return rest


def _told(fault: BaseException) -> int:
    """Say what was wrong at the start, in one sentence if it is for the one who started it."""
    if isinstance(fault, BrightfieldError | ValueError | OSError):
        print(f"brightfield: {fault}", file=sys.stderr)
        return WRONG
    log.critical("the service could not start or stop", exc_info=fault)
    return 1


def _obey(told: io.FileIO, server: Server) -> None:
    """Stop when the supervisor says so, or is gone; then nobody else ends what we have started."""
    line = told.readline()
    if line != STOP:
        server.leaves_group = True
    server.stop()


def report_crashes(file: Path, flights: Flights) -> None:
    """Have a process that dies say where, and spare the supervisor when memory runs out."""
    faulthandler.enable(file.open("w"))
    end = os._exit

    def exit_and_say(code: int) -> None:
        flights.say_exit()
        end(code)

    os._exit = exit_and_say  # type: ignore[assignment]
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_close_sockets)


def _close_sockets() -> None:
    """In a process that a model's code forks: let go of the callers and of the port.

    Else a connection would stay open after its answer, and the port taken after the end.
    """
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 (a fork of many threads: no more than needed)
        with contextlib.suppress(OSError):
            found = socket.socket(fileno=int(name))
            if found.family in (socket.AF_INET, socket.AF_INET6):
                found.close()
            else:
                found.detach()


class _Heartbeat:
    """Shows that the interpreter moves, and looks after threads that were given up.

    Code that holds the interpreter's lock and never returns stops every thread, this one too. Then
    `faulthandler`, which needs no lock, ends the process when `lane_timeout` is over.
    """

    def __init__(self, crash: Path, server: Server, safeguards: Safeguards) -> None:
        self._file = crash.open("a")
        self._server = server
        self._safeguards = safeguards
        self._pause = min(5.0, safeguards.lane_timeout / 4)

    def run(self) -> None:
        while True:
            faulthandler.dump_traceback_later(
                self._safeguards.lane_timeout, exit=True, file=self._file
            )
            if self._safeguards.lost >= _MOST_LOST:
                self._server.stop(RESTART)
            threading.Event().wait(self._pause)

"""Which models run at this moment, written where it survives the process."""

from __future__ import annotations

import mmap
import os
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SLOTS = 64
_ID = 232
_SLOT = struct.Struct(f"<QQ{_ID}s")  # thread, flights that ended well, id of the model
_HEAD = struct.Struct("<BQ")  # whether the service is up, the thread that called os._exit
_SIZE = _HEAD.size + SLOTS * _SLOT.size


@dataclass(frozen=True, slots=True)
class Flight:
    """A model that runs: in which thread, and how often it has come back well in this process."""

    model: str
    thread: int
    completed: int


class Flights:
    """What runs of which model, in a file of fixed size that the memory maps.

    A process that dies (a segmentation fault, the kernel's kill for memory) can say nothing any
    more; whoever started it reads here what it was doing. To write is to copy 250 bytes, without a
    call to the system. Without a `path` nobody reads it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._page: mmap.mmap | bytearray = bytearray(_SIZE) if path is None else _mapped(path)
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._free = list(range(SLOTS))
        self._completed: Counter[str] = Counter()

    @contextmanager
    def of(self, model: str) -> Iterator[None]:
        """Within it this thread runs code of the model."""
        with self._lock:
            slot = self._free.pop() if self._free else None
        if slot is None:  # more threads than slots: this one goes unwritten
            yield
            return
        place = _HEAD.size + slot * _SLOT.size
        name = model.encode()[:_ID]
        _SLOT.pack_into(self._page, place, threading.get_ident(), self._completed[model], name)
        try:
            yield
            self._completed[model] += 1
        finally:
            if os.getpid() == self._process:
                _SLOT.pack_into(self._page, place, 0, 0, b"")
                with self._lock:
                    self._free.append(slot)

    def by_thread(self) -> dict[int, str]:
        """The model that each thread runs."""
        return {flight.thread: flight.model for flight in _flights(self._page)}

    def say_up(self) -> None:
        """Write that the service answers."""
        _HEAD.pack_into(self._page, 0, 1, 0)

    def say_exit(self) -> None:
        """Write that this thread ends the process at once. Does nothing in a forked process."""
        if os.getpid() == self._process:
            _HEAD.pack_into(self._page, 0, self._page[0], threading.get_ident())


@dataclass(frozen=True, slots=True)
class LastFlights:
    """What a process has left: whether it was up, which thread ended it by `os._exit` (0: none),
    and what ran."""

    up: bool
    exiting: int
    flights: tuple[Flight, ...]

    @classmethod
    def read(cls, path: Path) -> LastFlights:
        """What is written there; nothing where no process has begun to write."""
        data = path.read_bytes() if path.exists() else b""
        if len(data) < _SIZE:
            return cls(False, 0, ())
        up, exiting = _HEAD.unpack_from(data)
        return cls(bool(up), exiting, _flights(data))


def _flights(page: mmap.mmap | bytearray | bytes) -> tuple[Flight, ...]:
    slots = (_SLOT.unpack_from(page, _HEAD.size + n * _SLOT.size) for n in range(SLOTS))
    return tuple(
        Flight(name.rstrip(b"\0").decode(errors="replace"), thread, completed)
        for thread, completed, name in slots
        if thread
    )


def _mapped(path: Path) -> mmap.mmap:
    path.write_bytes(bytes(_SIZE))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), _SIZE)

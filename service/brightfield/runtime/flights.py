"""Which models run at this moment, written where it survives the process."""

from __future__ import annotations

import mmap
import os
import struct
import threading
from collections import Counter
from contextlib import AbstractContextManager
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

    def of(self, model: str) -> AbstractContextManager[None]:
        """Within it this thread runs code of the model."""
        return _InTheAir(self, model)

    def begin(self, model: str) -> int | None:
        """Write that this thread runs the model; the slot. None: there are more threads than slots,
        and this one goes unwritten."""
        with self._lock:
            slot = self._free.pop() if self._free else None
        if slot is not None:
            place, name = _HEAD.size + slot * _SLOT.size, model.encode()[:_ID]
            _SLOT.pack_into(self._page, place, threading.get_ident(), self._completed[model], name)
        return slot

    def end(self, slot: int, model: str, *, well: bool) -> None:
        """Write that the thread of a slot is done. Writes nothing in a forked process."""
        if well:
            self._completed[model] += 1
        if os.getpid() == self._process:
            _SLOT.pack_into(self._page, _HEAD.size + slot * _SLOT.size, 0, 0, b"")
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


class _InTheAir:
    """A model that runs, from the beginning of a block to its end."""

    __slots__ = ("_flights", "_model", "_slot")

    def __init__(self, flights: Flights, model: str) -> None:
        self._flights = flights
        self._model = model

    def __enter__(self) -> None:
        self._slot = self._flights.begin(self._model)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._slot is not None:
            self._flights.end(self._slot, self._model, well=kind is None)


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

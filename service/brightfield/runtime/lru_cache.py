"""The values used last, by key, each made once however many threads ask for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from brightfield.runtime.held_bytes import held_bytes
from brightfield.runtime.ticket import Ticket

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST_BYTES = 256 * 2**20
"""Of what is kept in one cache, unless it says otherwise."""


class LRUCache(Generic[K, V]):
    """At most `most` values and `most_bytes` of them, but one value whatever its size; the least
    recently used one is forgotten.

    Thread-safe. The lock is held for a look at the table only, never while a value is made, so
    who asks for one key never waits for another. Who asks for a key whose value is being made
    waits for that value, until their own ticket ends. What `make` raises is raised to the thread
    that called it and is not kept; who waited for it then makes the value.
    """

    def __init__(self, most: int, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()
        self._making: dict[K, Future[None]] = {}

    @property
    def size_bytes(self) -> int:
        """Bytes of the values that are kept."""
        with self._lock:
            return self._size()

    def __contains__(self, key: K) -> bool:
        """Whether the value is there, so that asking for it would not make it."""
        with self._lock:
            return key in self._values

    def get(self, key: K, make: Callable[[], V], ticket: Ticket | None = None) -> V:
        """The value of a key, made by `make` if need be; `make` must not ask for the same key.

        Raises what `make` raises, and the ticket's fault where it ends while another thread makes
        the value.
        """
        while True:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return self._values[key]
                other = self._making.get(key)
                if other is None:
                    own = self._making[key] = Future()
                    break
            (ticket or Ticket()).wait(other)
        try:
            value = make()
            self._keep(key, value)
            return value
        finally:
            with self._lock:
                del self._making[key]
            own.set_result(None)

    def _keep(self, key: K, value: V) -> None:
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most or (
                len(self._values) > 1 and self._size() > self.most_bytes
            ):
                self._values.popitem(last=False)

    def _size(self) -> int:
        return held_bytes(list(self._values.values()))

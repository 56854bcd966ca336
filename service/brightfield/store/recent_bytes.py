"""Bytes that were used lately, in memory, bounded in all."""

from __future__ import annotations

import threading
from collections import OrderedDict


class RecentBytes:
    """At most `most` bytes; the longest unused go first, and what alone is more than a quarter is
    not kept. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self.size = 0

    def get(self, name: str) -> bytes | None:
        """What is kept under a name; that counts as a use."""
        with self._lock:
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
            return found

    def keep(self, name: str, data: bytes) -> None:
        """Keep bytes under a name, which always stands for the same."""
        if 4 * len(data) > self._most:
            return
        with self._lock:
            if name not in self._kept:
                self._kept[name] = data
                self.size += len(data)
            while self.size > self._most:
                self.size -= len(self._kept.popitem(last=False)[1])

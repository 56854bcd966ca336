from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from brightfield.errors import Cancelled
from brightfield.runtime.lru_cache import LRUCache
from brightfield.runtime.ticket import Ticket


class Slow:
    """Makes a value, or fails, when it is let go; `begun` says that it is being made."""

    def __init__(self, outcome: int | Exception) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self._outcome = outcome

    def __call__(self) -> int:
        self.begun.set()
        assert self.go.wait(5)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class Watched(Ticket):
    """Says when somebody has come to wait under it."""

    __slots__ = ("waits",)

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Event()

    def wait(self, other: Future[object]) -> None:
        self.waits.set()
        super().wait(other)


def test_the_least_recently_used_is_forgotten() -> None:
    cache: LRUCache[str, str] = LRUCache(2)
    for key in ("a", "b", "a", "c"):
        cache.get(key, key.upper)
    assert [key in cache for key in "abc"] == [True, False, True]
    assert cache.get("a", lambda: pytest.fail("was made already")) == "A"


def test_who_asks_meanwhile_gets_the_one_value_that_is_made() -> None:
    cache: LRUCache[int, int] = LRUCache(2)
    slow, ticket = Slow(7), Watched()
    with ThreadPoolExecutor(2) as pool:
        maker = pool.submit(cache.get, 1, slow)
        assert slow.begun.wait(5)
        waiter = pool.submit(cache.get, 1, lambda: pytest.fail("is being made already"), ticket)
        assert ticket.waits.wait(5)
        slow.go.set()
        assert maker.result(5) == waiter.result(5) == 7


def test_another_key_does_not_wait_for_a_value_that_is_being_made() -> None:
    cache: LRUCache[int, int] = LRUCache(2)
    slow = Slow(1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, 1, slow)
        assert slow.begun.wait(5)
        other = pool.submit(cache.get, 2, lambda: 2)
        try:
            assert other.result(5) == 2 and not first.done() and 1 not in cache
        finally:
            slow.go.set()
        assert first.result(5) == 1 and cache.get(2, lambda: 3) == 2


def test_who_waits_leaves_when_their_ticket_is_withdrawn() -> None:
    cache: LRUCache[int, int] = LRUCache(2)
    slow, ticket = Slow(1), Watched()
    with ThreadPoolExecutor(2) as pool:
        maker = pool.submit(cache.get, 1, slow)
        assert slow.begun.wait(5)
        waiter = pool.submit(cache.get, 1, lambda: 2, ticket)
        assert ticket.waits.wait(5)
        ticket.cancel()
        try:
            with pytest.raises(Cancelled):
                waiter.result(5)
            assert not maker.done()
        finally:
            slow.go.set()
        assert maker.result(5) == 1


def test_a_failure_is_not_kept_and_who_waited_makes_the_value() -> None:
    cache: LRUCache[int, int] = LRUCache(2)
    slow, ticket = Slow(Cancelled("the first caller left")), Watched()
    with ThreadPoolExecutor(2) as pool:
        maker = pool.submit(cache.get, 1, slow)
        assert slow.begun.wait(5)
        waiter = pool.submit(cache.get, 1, lambda: 5, ticket)
        assert ticket.waits.wait(5)
        slow.go.set()
        with pytest.raises(Cancelled):
            maker.result(5)
        assert waiter.result(5) == 5 and cache.get(1, lambda: 6) == 5


def test_more_bytes_than_allowed_are_forgotten_but_for_the_newest() -> None:
    cache: LRUCache[str, np.ndarray] = LRUCache(10, most_bytes=1000)
    for key, size in (("a", 400), ("b", 500), ("c", 300)):
        cache.get(key, lambda size=size: np.zeros(size, np.uint8))  # type: ignore[misc]
    assert [key in cache for key in "abc"] == [False, True, True] and cache.size_bytes == 800
    cache.get("d", lambda: np.zeros(5000, np.uint8))
    assert [key in cache for key in "abcd"] == [False, False, False, True]

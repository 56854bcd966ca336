from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from brightfield.runtime.lru_cache import LRUCache


def test_the_least_recently_used_is_forgotten() -> None:
    recent: LRUCache[str, str] = LRUCache(2)
    for key in ("a", "b", "a", "c"):
        recent.get(key, key.upper)
    assert [key in recent for key in "abc"] == [True, False, True]
    assert recent.get("a", lambda: pytest.fail("was made already")) == "A"


def test_it_is_made_once_however_many_ask() -> None:
    recent: LRUCache[int, int] = LRUCache(2)
    made, all_there = [], threading.Barrier(4)

    def ask() -> int:
        all_there.wait(5)
        return recent.get(1, lambda: made.append(1) or len(made))  # type: ignore[func-returns-value]

    with ThreadPoolExecutor(4) as pool:
        assert [f.result(5) for f in [pool.submit(ask) for _ in range(4)]] == [1, 1, 1, 1]


def test_a_failure_is_not_remembered() -> None:
    recent: LRUCache[int, int] = LRUCache(2)
    with pytest.raises(ZeroDivisionError):
        recent.get(1, lambda: 1 // 0)
    assert recent.get(1, lambda: 5) == 5

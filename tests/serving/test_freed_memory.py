"""Freed memory goes back to the system, and not while it is about to be used again."""

from __future__ import annotations

import itertools

import numpy as np
import psutil
import pytest

from brightfield.serving.freed_memory import FreedMemory, trim_function


@pytest.mark.parametrize(
    ("seconds", "trims", "rests"),
    [
        ([0.0] * 5, [], []),  # nothing was done
        ([0.02] * 20, [], []),  # nor was anything worth the trouble
        ([1.8, 1.2, 0.01, 0.01, 0.01], [3], [3]),  # once, when the work is over
        ([1.8, 0.0, 0.9, 0.0], [2, 4], [2, 4]),
        ([1.5] * 25, [10, 20], []),  # without a rest
    ],
)
def test_it_is_given_back_after_work(
    seconds: list[float], trims: list[int], rests: list[int]
) -> None:
    spent = itertools.accumulate(seconds, initial=0.0)
    now, done, rested = [next(spent)], [], []
    memory = FreedMemory(lambda: done.append(tick), lambda: rested.append(tick), lambda: now[0])
    for tick, now[0] in enumerate(spent, 1):  # noqa: B007 (the function reads it)
        memory.tick()
    assert (done, rested) == (trims, rests)


def test_the_process_holds_less() -> None:
    trim = trim_function()
    if trim is None:
        pytest.skip("only glibc has it")
    process = psutil.Process()
    small = [np.ones(96 * 1024, np.uint8) for _ in range(1000)]  # not mapped one by one
    small = small[-1:]  # what lies at the end of the heap keeps the rest
    before = process.memory_info().rss
    trim()
    assert before - process.memory_info().rss > 60 * 2**20

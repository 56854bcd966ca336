"""The same digits with one thread and with two, of sums that are long enough to be divided."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from brightfield.embedding.clusters import kmeans
from brightfield.embedding.one_thread import one_thread
from brightfield.embedding.principal import principal_components

LONG = np.random.default_rng(0).normal(size=(700, 600)).astype(np.float32)
MANY = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)


@pytest.mark.parametrize(
    "work",
    [
        lambda: principal_components(LONG, 3).project(LONG),
        lambda: kmeans(MANY, 5, runs=2).centers,
    ],
)
def test_results_do_not_depend_on_the_number_of_threads(work: Callable[[], NDArray[Any]]) -> None:
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(work())
    np.testing.assert_array_equal(*found)


def blas_threads() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_no_other_sets_the_number_meanwhile() -> None:
    inside: list[set[int]] = []

    def other() -> None:
        with one_thread():
            inside.append(blas_threads())

    before = blas_threads()
    threads = [threading.Thread(target=other) for _ in range(3)]
    with one_thread():
        for thread in threads:
            thread.start()
        assert blas_threads() == {1} and not inside
    for thread in threads:
        thread.join()
    assert inside == [{1}] * 3 and blas_threads() == before

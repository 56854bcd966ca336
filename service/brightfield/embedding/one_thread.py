"""Linear algebra whose sums don't depend on the number of threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

# BLAS has one number of threads for the whole process, and who leaves first would set it back.
_one_at_a_time = threading.RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """In this block sums are made in one order, so the same data give the same digits.

    Others who come wait for its end, so a block holds one computation.
    """
    with _one_at_a_time, ThreadpoolController().limit(limits=1):
        yield

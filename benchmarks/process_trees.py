"""What processes and all that they have started take."""

from __future__ import annotations

import contextlib

import psutil


def cpu_seconds(*pids: int) -> float:
    """CPU seconds of trees of processes so far; of those that live."""
    total = 0.0
    for pid in pids:
        own = psutil.Process(pid)
        for each in (own, *own.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system
    return total

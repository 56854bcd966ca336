"""Which process runs a job, so a restart fails only the jobs of dead processes."""

from __future__ import annotations

import os
import socket

import psutil

_SAME_START = 2.0  # seconds by which a clock that is being set may move a start time


def this_process() -> str:
    """`host/pid@start`: the start time tells a process from a later one with the same number."""
    return f"{socket.gethostname()}/{os.getpid()}@{psutil.Process().create_time():.3f}"


def is_another_living(owner: str) -> bool:
    """Whether `owner` is a process of this machine that runs still and is not this one.

    A process of another machine counts as gone: a container that is made again has a new
    host name, and its jobs must not stay "running" for ever.
    """
    host, _, process = owner.rpartition("/")
    pid, _, start = process.partition("@")
    if host != socket.gethostname() or int(pid) == os.getpid():
        return False
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(start)) < _SAME_START
    except psutil.Error:
        return False

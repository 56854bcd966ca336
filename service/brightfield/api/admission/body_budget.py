"""Bytes of bodies in memory: one budget for all requests, and one for jobs that wait."""

from __future__ import annotations

import random
from typing import Self

from brightfield.errors import Overloaded

_SOONEST, _LATEST = 1, 10  # seconds after which somebody refused shall come back


class BodyBudget:
    """Counts the bytes of bodies from their arrival to the end of their request.

    A body counts by what has come of it and not by what it promises, so nobody is kept out by
    bytes that are never sent. Lives on the event loop's thread alone, so it needs no lock.
    """

    def __init__(self, most: int, setting: str) -> None:
        self._most = most
        self._setting = setting
        self._held = 0

    @property
    def held(self) -> int:
        """Bytes that are held."""
        return self._held

    def hold(self) -> HeldBytes:
        """Bytes of one request, given back at the end of a `with` block."""
        return HeldBytes(self)

    def check(self, count: int) -> None:
        """Raises `Overloaded` if so many bytes more don't fit now."""
        if self._held and self._held + count > self._most:
            wait = random.randint(_SOONEST, _LATEST)
            raise Overloaded(
                f"The bodies of other requests fill the memory for them, {self._most} bytes "
                f"({self._setting}); ask again in {wait} s.",
                retry_after=wait,
            )

    def change(self, count: int) -> None:
        self._held += count


class HeldBytes:
    """What one request holds of a budget."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def check(self, count: int) -> None:
        """Raises `Overloaded` if `count` bytes more don't fit now; holds nothing."""
        self._budget.check(count)

    def add(self, count: int) -> None:
        """Hold `count` bytes more. Raises `Overloaded`."""
        self._budget.check(count)
        self._budget.change(count)
        self._count += count

    def hand_over(self, other: BodyBudget) -> HeldBytes:
        """Count the bytes in another budget from now on. Raises `Overloaded`."""
        moved = HeldBytes(other)
        moved.add(self._count)
        self.release()
        return moved

    def release(self) -> None:
        self._budget.change(-self._count)
        self._count = 0

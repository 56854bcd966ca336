"""Bytes held while an image is decoded and as long as its pixels are there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from brightfield.errors import BrightfieldError
from brightfield.images.budget import DecodeBudget, Hold, Waiting
from brightfield.images.channels import NO_NEEDS, ReadingNeeds
from brightfield.images.decode import decode
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.picture import Picture
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket

Check = Callable[[DecodedSize], None]


class NoRoom(BrightfieldError):
    """The bytes aren't free at the moment; reaches no caller."""

    def __init__(self, count: int) -> None:
        super().__init__("")
        self.count = count


class HeldDecoding:
    """Decodes one image with bytes of the budget, which its `Picture` holds from then on.

    The size is known from the header, and `check` may refuse it before anything is allocated.
    """

    def __init__(self, budget: DecodeBudget, limits: Limits, check: Check | None = None) -> None:
        self._budget = budget
        self._check = check
        self._limits = limits
        self._hold: Hold | None = None
        self._waiting: Waiting | None = None

    def at_once(self, data: bytes, selection: Selection, needs: ReadingNeeds) -> Picture:
        """Raises `NoRoom` where other images have all bytes: `wait`, and come again."""
        return self._decoded(data, selection, self._take, needs)

    def wait(self, count: int, ready: Callable[[], None]) -> None:
        """Stand in line for the bytes; `ready` is called from any thread when they are there."""

        def granted(hold: Hold) -> None:
            self._hold, self._waiting = hold, None
            ready()

        self._waiting = self._budget.ask(count, granted)

    def withdraw(self) -> None:
        """Leave the line."""
        if self._waiting is not None:
            self._waiting.withdraw()
            self._waiting = None

    def let_go(self) -> None:
        """Give the bytes back at once: an image that failed may stay in a traceback for long."""
        if self._hold is not None:
            self._hold.release()

    def blocking(
        self,
        data: bytes,
        selection: Selection,
        ticket: Ticket,
        needs: ReadingNeeds = NO_NEEDS,
    ) -> Picture:
        """As `at_once`, but blocks until the bytes are there, or raises the ticket's fault."""

        def admit(decoded: DecodedSize) -> None:
            there: Future[Hold] = Future()
            waiting = self._budget.ask(decoded.cost, there.set_result)
            try:
                ticket.wait(there)
            except BaseException:
                waiting.withdraw()
                raise
            self._hold = there.result()

        return self._decoded(data, selection, admit, needs)

    def beside(self, data: bytes, selection: Selection, needs: ReadingNeeds = NO_NEEDS) -> Picture:
        """As `at_once`, but never waits: for an image beside one that is held already, which would
        wait for itself. Few threads do such work."""

        def admit(decoded: DecodedSize) -> None:
            self._hold = self._budget.hold(decoded.cost)

        return self._decoded(data, selection, admit, needs)

    def _take(self, decoded: DecodedSize) -> None:
        if self._check is not None:
            self._check(decoded)
        if self._hold is None:
            self._hold = self._budget.take(decoded.cost)
        if self._hold is None:
            raise NoRoom(decoded.cost)

    def _decoded(
        self, data: bytes, selection: Selection, admit: Check, needs: ReadingNeeds
    ) -> Picture:
        limits = self._limits.admitting(admit)
        return decode(data, selection, limits=limits, needs=needs, held=lambda: self._hold)

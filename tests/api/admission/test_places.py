"""Places are held by who works; who finds none learns when there will be one."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from brightfield.api.admission.places import Caller, PlacesInFlight
from brightfield.errors import Overloaded, TooManyImages

pytestmark = pytest.mark.anyio
NOBODY = Caller()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def places(most: int) -> PlacesInFlight:
    """Their clock is well away from the next moment at which refusals are sent."""
    begun = time.monotonic()
    return PlacesInFlight(most, lambda: 1.0, clock=lambda: 10.2 + time.monotonic() - begun)


async def test_places_come_back_whatever_ends_the_work() -> None:
    some = places(2)
    for fault in (ValueError, asyncio.CancelledError):
        with pytest.raises(fault):
            async with some.admit(2, NOBODY):
                assert some.taken == 2
                raise fault
    assert some.taken == 0


async def test_who_comes_back_when_told_is_let_in_though_others_ask() -> None:
    some = places(2)
    calls: Any = set()
    await some.take(2, NOBODY)
    with pytest.raises(Overloaded) as refused:
        await some.take(1, Caller(calls))
    wait = refused.value.retry_after
    assert wait is not None and wait == int(wait) >= 1
    await asyncio.sleep(wait)
    with pytest.raises(Overloaded):
        await some.take(1, Caller(set()))
    # The place was kept, and may be one more than there are.
    some.give(1)
    await some.take(1, Caller(calls))
    assert some.taken == 2


async def test_who_waits_for_its_refusal_takes_a_place_that_comes_free() -> None:
    some = places(1)
    await some.take(1, NOBODY)
    waiting = asyncio.create_task(some.take(1, NOBODY))
    await asyncio.sleep(0.01)
    some.give(1)
    await waiting
    assert some.taken == 1


async def test_a_closed_connection_leaves_nothing_behind() -> None:
    some = places(1)
    calls: Any = set()
    await some.take(1, NOBODY)
    with pytest.raises(Overloaded):
        await some.take(1, Caller(calls))
    assert len(calls) == 1
    for call in tuple(calls):
        call()
    assert not some._watched


async def test_more_than_there_are_is_no_matter_of_waiting() -> None:
    some = places(2)
    with pytest.raises(TooManyImages, match="max_in_flight"):
        await some.take(3, NOBODY)

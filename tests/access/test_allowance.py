"""What a key may take: requests per second by a bucket, images in flight by a count."""

from __future__ import annotations

import pytest

from brightfield.access.allowance import Allowance
from brightfield.errors import TooManyImages
from brightfield.refusals import RateExceeded, ShareExceeded
from brightfield.store.keys import KeyLimits


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("rate", "burst"), [(5.0, 5), (0.5, 1), (2.5, 2)])
def test_over_a_long_time_as_many_requests_pass_as_the_rate_says(rate: float, burst: int) -> None:
    clock = Clock()
    allowance, passed = Allowance(KeyLimits(rate=rate), clock), 0
    for step in range(10_000):  # 100 seconds, a request every 10 ms
        clock.now = 100.0 + step / 100
        try:
            allowance.request()
            passed += 1
        except RateExceeded:
            pass
        if step == 0:
            first = allowance.quotas()[0]
    assert passed == pytest.approx(100 * rate + burst, abs=1.5)
    assert first.left == burst - 1


def test_the_wait_that_is_named_is_enough_and_not_too_long() -> None:
    clock = Clock()
    allowance = Allowance(KeyLimits(rate=4.0), clock)
    for _ in range(4):
        allowance.request()
    with pytest.raises(RateExceeded) as refused:
        allowance.request()
    assert refused.value.retry_after == pytest.approx(0.25)
    clock.now += refused.value.retry_after - 0.01
    with pytest.raises(RateExceeded):
        allowance.request()
    clock.now += 0.011
    allowance.request()


def test_images_in_flight_are_counted_and_given_back() -> None:
    allowance = Allowance(KeyLimits(in_flight=3))
    with allowance.hold(2) as share:
        assert [quota.left for quota in allowance.quotas()] == [1]
        with pytest.raises(ShareExceeded), allowance.hold(2):
            pass
        with pytest.raises(TooManyImages), allowance.hold(4):
            pass
        with allowance.hold(1):
            assert [quota.left for quota in allowance.quotas()] == [0]
        give = share.keep()
    assert [quota.left for quota in allowance.quotas()] == [1]
    give()
    with pytest.raises(ZeroDivisionError), allowance.hold(3):
        raise ZeroDivisionError
    assert [quota.left for quota in allowance.quotas()] == [3]


def test_a_key_without_limits_has_none_to_tell() -> None:
    allowance = Allowance(KeyLimits())
    for _ in range(1000):
        allowance.request()
    with allowance.hold(100_000):
        assert allowance.quotas() == []

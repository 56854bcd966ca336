"""Objects beyond the limits that the others set are counted."""

from __future__ import annotations

from brightfield.scaling import Scaling
from brightfield.tasks.objects.outshining import outshining_notes

SIGNAL = Scaling("signal", 400, 5000)


def test_those_beyond_the_limits_are_counted() -> None:
    (note,) = outshining_notes([(3000.0,), (60_000.0,), (None,), (100.0,)], SIGNAL)
    assert (note.code, note.detail[:9]) == ("objects_outshine", "2 of 4 ob")


def test_every_channel_has_its_own_limits() -> None:
    apart = Scaling("signal", 0, 5000, ((400, 5000), (0, 90)))
    (note,) = outshining_notes([(3000.0, 80.0), (3000.0, 95.0)], apart)
    assert note.detail.startswith("1 of 2")


def test_limits_that_somebody_set_are_no_surprise() -> None:
    assert outshining_notes([(3000.0,)], SIGNAL) == ()
    assert outshining_notes([(9000.0,)], Scaling("range:0,5000", 0, 5000)) == ()
    assert outshining_notes([], SIGNAL) == outshining_notes(None, SIGNAL) == ()
    assert outshining_notes([(9000.0,)], None) == ()

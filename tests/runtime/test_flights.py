from __future__ import annotations

import threading
from pathlib import Path

from brightfield.runtime.flights import SLOTS, Flight, Flights, LastFlights


def test_what_runs_can_be_read_from_outside(tmp_path: Path) -> None:
    path, own = tmp_path / "flights", threading.get_ident()
    assert LastFlights.read(path) == LastFlights(False, 0, ())
    flights = Flights(path)
    for _ in range(3):
        with flights.of("good"):
            pass
    with flights.of("good"), flights.of("naïve"):
        flights.say_up()
        assert flights.by_thread() == {own: "good"} or flights.by_thread() == {own: "naïve"}
        last = LastFlights.read(path)
    assert last.up and not last.exiting
    assert set(last.flights) == {Flight("good", own, 3), Flight("naïve", own, 0)}
    assert LastFlights.read(path).flights == ()


def test_who_ends_the_process_is_written(tmp_path: Path) -> None:
    flights = Flights(tmp_path / "flights")
    flights.say_up()
    flights.say_exit()
    last = LastFlights.read(tmp_path / "flights")
    assert last.up and last.exiting == threading.get_ident()


def test_a_failed_flight_does_not_count_and_gives_its_slot_back() -> None:
    flights = Flights()
    for _ in range(SLOTS + 1):
        try:
            with flights.of("bad"):
                raise ValueError
        except ValueError:
            pass
    with flights.of("bad"):
        assert list(flights.by_thread().values()) == ["bad"]

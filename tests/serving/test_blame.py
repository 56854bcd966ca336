from __future__ import annotations

import pytest

from brightfield.runtime.flights import Flight, LastFlights
from brightfield.serving.blame import blamed, how_it_ended

GOOD, NEW = Flight("good", 0xA0, 5000), Flight("new", 0xB0, 2)
# As Python 3.11 writes it.
CRASH = """Fatal Python error: Segmentation fault

Thread 0x00000000000000b0 (most recent call first):
  File "lane.py", line 1 in run

Current thread 0x00000000000000a0 (most recent call first):
  File "net.py", line 7 in forward
"""


@pytest.mark.parametrize(
    ("last", "crash", "models"),
    [
        (LastFlights(True, 0, (GOOD, NEW)), CRASH, ["good"]),  # the thread that was hit
        (LastFlights(True, 0xA0, (GOOD, NEW)), "", ["good"]),  # the one that called os._exit
        (LastFlights(True, 0, (GOOD, NEW)), "", ["new"]),  # killed: what has proved itself least
        (LastFlights(True, 0xC0, (GOOD,)), "", ["good"]),  # by a thread of its own making
        (LastFlights(True, 0, ()), CRASH, []),
    ],
)
def test_the_model_that_a_worker_died_of(last: LastFlights, crash: str, models: list[str]) -> None:
    assert blamed(last, crash) == models


def test_an_end_in_words() -> None:
    assert how_it_ended(7, "") == "ended with the exit code 7"
    assert how_it_ended(-11, CRASH) == "ended by the signal SIGSEGV"
    assert "memory" in how_it_ended(-9, "")
    assert how_it_ended(1, "Timeout (0:02:00)!\n") == "stood still and was ended"

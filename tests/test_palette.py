from __future__ import annotations

from brightfield.palette import BLUE, ORANGE, web


def test_colours_as_css_writes_them() -> None:
    assert (web(BLUE), web(ORANGE), web((0, 10, 255))) == ("#0072b2", "#e69f00", "#000aff")

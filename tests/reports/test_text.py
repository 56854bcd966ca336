"""Callers' texts in one line that XML can hold."""

from __future__ import annotations

import pytest

from brightfield.reports.text import label, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("RBC", "RBC"),
        ("a\x00b\n\tc  d", "a b c d"),
        ("\u202eabc\u2069", "abc"),
        ("\ud800\ufffe", "\ufffd\ufffd"),
        ("細胞 \U0001f9ab", "細胞 \U0001f9ab"),
        ("<b>&", "<b>&"),
        (7, "7"),
    ],
)
def test_plain(text: object, shown: str) -> None:
    assert plain(text) == shown


def test_long_texts_are_cut() -> None:
    assert plain("x" * 10, 5) == "xxxx…"
    assert plain("x" * 5, 5) == "xxxxx"


def test_names_of_classes_lose_their_middle() -> None:
    assert label("a longer name of class 12", 12) == "a long…ss 12"
    assert len(label("x" * 99, 12)) == 12
    assert label("RBC") == "RBC"

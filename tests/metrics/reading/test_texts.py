"""Texts are sorted as Python sorts them."""

from __future__ import annotations

import random

from brightfield.metrics.reading.texts import order_of


def test_the_order_is_that_of_python() -> None:
    draw = random.Random(0)
    letters = ["\0", "0", "a", "b", "é", "\uffff", "\ud800", "\U0001f52c"]
    texts = ["".join(draw.choices(letters, k=draw.randrange(5))) for _ in range(500)]
    texts += ["x" * 31 + "".join(draw.choices(letters, k=draw.randrange(40))) for _ in range(500)]
    draw.shuffle(texts)
    assert order_of(texts).tolist() == sorted(range(len(texts)), key=texts.__getitem__)


def test_none_are_in_order() -> None:
    assert order_of([]).tolist() == []

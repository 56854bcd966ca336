"""A key's text is read back, and only whole; what is kept of it is a salted hash."""

from __future__ import annotations

import hashlib
import hmac
import re

import pytest

from brightfield.access.secret import KeyText, new_salt


def test_a_key_is_recognised_and_read_back() -> None:
    key = KeyText.new()
    assert re.fullmatch(r"bf_[a-z0-9]{8}_[A-Za-z0-9]{43}[0-9a-f]{8}", key.text)
    assert KeyText.read(key.text) == key
    assert key.secret not in repr(key)
    assert len({KeyText.new().text for _ in range(100)}) == 100


@pytest.mark.parametrize("place", [3, 12, 40, 60])
def test_a_key_with_a_letter_mistyped_or_lost_is_no_key(place: int) -> None:
    text = KeyText.new().text
    other = "x" if text[place] != "x" else "y"
    assert KeyText.read(text[:place] + other + text[place + 1 :]) is None
    assert KeyText.read(text[:place] + text[place + 1 :]) is None
    assert KeyText.read(text[:place]) is None
    assert KeyText.read(f"{text}\n") is None


def test_the_hash_is_salted_and_the_secret_is_not_in_it() -> None:
    key, one, two = KeyText.new(), new_salt(), new_salt()
    assert one != two and key.digest(one) != key.digest(two)
    keyed = hashlib.blake2b(digest_size=32, salt=one, person=b"brightfield-key")
    keyed.update(key.secret.encode())
    assert key.digest(one) == keyed.digest()
    assert key.is_that_of(one, key.digest(one))
    assert not key.is_that_of(two, key.digest(one))


def test_hashes_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    exact = hmac.compare_digest

    def watched(one: bytes, two: bytes) -> bool:
        compared.append((one, two))
        return exact(one, two)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    key, salt = KeyText.new(), new_salt()
    assert not key.is_that_of(salt, bytes(32))
    assert compared == [(key.digest(salt), bytes(32))]

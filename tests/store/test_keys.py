"""Keys in both kinds of store."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from brightfield.refusals import KeyExists, UnknownKey
from brightfield.store.keys import KeyLimits, KeyStore, StoredKey

from .conftest import Clock

KEY = StoredKey(
    "abcd1234", "lab", "optics", ("read", "write"), b"salt" * 4, b"\x00\xff" * 16,
    KeyLimits(rate=0.5, stored_bytes=10**12), created=1.5, expires=2.5,
)  # fmt: skip


def test_a_key_is_read_as_it_was_written(engine: sa.Engine, clock: Clock) -> None:
    store = KeyStore(engine, clock)
    store.add(KEY)
    store.add(replace(KEY, id="zz", name="other", limits=KeyLimits(), expires=None, created=1.0))
    assert [each.id for each in store.all()] == ["zz", "abcd1234"]
    assert store.all()[1] == KEY
    clock.now = 77.0
    store.touch(["abcd1234"])
    assert [each.used for each in store.all()] == [None, 77.0]


def test_a_name_belongs_to_one_key_that_is_not_revoked(engine: sa.Engine, clock: Clock) -> None:
    store = KeyStore(engine, clock)
    store.add(KEY)
    with pytest.raises(KeyExists):
        store.add(replace(KEY, id="other"))
    with pytest.raises(KeyExists):
        store.add(replace(KEY, name="other"))
    store.revoke("lab")
    store.add(replace(KEY, id="other"))
    assert [each.revoked for each in store.all()] == [clock.now, None]


def test_a_key_that_is_revoked_stays_so_and_the_unknown_is_told(
    engine: sa.Engine, clock: Clock
) -> None:
    store = KeyStore(engine, clock)
    store.add(KEY)
    first = clock.now
    store.revoke(KEY.id)
    clock.now += 5
    store.revoke(KEY.id)
    assert store.all()[0].revoked == first
    with pytest.raises(UnknownKey, match="abcd1234"):
        store.revoke("abcd1243")
    with pytest.raises(UnknownKey):
        store.revoke("lab")  # a name of revoked keys alone

"""Keys are looked up in memory, and what changes in the store is known within seconds."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from brightfield.access import keyring as module
from brightfield.access.issuing import KeyRequest, issue
from brightfield.access.keyring import Keyring
from brightfield.access.secret import KeyText
from brightfield.outages import StoreUnavailable
from brightfield.refusals import InvalidKey, Unauthorized
from brightfield.store.keys import KeyStore, open_keys

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with open_keys(f"sqlite:///{tmp_path / 'store.db'}") as store:
        yield store


def bearer(key: KeyText) -> str:
    return f"Bearer {key.text}"


async def test_a_key_opens_and_everything_else_does_not(store: KeyStore) -> None:
    key, stored = issue(store, KeyRequest("lab", ("read",), "optics"))
    ring = Keyring(store, "auto")
    visitor = await ring.visitor(bearer(key))
    assert (visitor.key, visitor.name, visitor.project) == (stored.id, "lab", "optics")
    assert await ring.visitor(f"bearer  {key.text} ") is visitor
    with pytest.raises(Unauthorized) as missing:
        await ring.visitor(None)
    assert missing.value.code == "missing_key"
    forged = KeyText(key.id, KeyText.new().secret)
    for wrong in ("", key.text, "Bearer", "Bearer bf_", f"Basic {key.text}", bearer(forged),
                  bearer(KeyText.new()), f"Bearer {key.text},Bearer {key.text}"):  # fmt: skip
        with pytest.raises(InvalidKey):
            await ring.visitor(wrong)


async def test_without_a_key_in_the_store_nobody_needs_one_unless_it_is_said(
    store: KeyStore,
) -> None:
    assert (await Keyring(store, "auto").visitor(None)).scopes >= {"read", "write", "models"}
    with pytest.raises(Unauthorized):
        await Keyring(store, "always").visitor(None)
    key, _ = issue(store, KeyRequest("lab"))
    assert (await Keyring(store, "never").visitor(None)).key is None
    assert (await Keyring(store, "never").visitor(bearer(key))).key is None


async def test_revoking_the_last_key_does_not_open_the_door(store: KeyStore) -> None:
    key, stored = issue(store, KeyRequest("lab"))
    ring = Keyring(store, "auto")
    await ring.visitor(bearer(key))
    store.revoke(stored.id)
    ring.read()
    with pytest.raises(InvalidKey, match="revoked"):
        await ring.visitor(bearer(key))
    with pytest.raises(Unauthorized):
        await ring.visitor(None)


async def test_a_store_that_is_replaced_by_one_without_keys_does_not_open_the_door(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = issue(store, KeyRequest("lab"))
    ring = Keyring(store, "auto")
    await ring.visitor(bearer(key))
    monkeypatch.setattr(store, "all", list)
    ring.read()
    with pytest.raises(InvalidKey):
        await ring.visitor(bearer(key))
    with pytest.raises(Unauthorized):
        await ring.visitor(None)


async def test_a_key_ends_when_it_expires(store: KeyStore) -> None:
    now = [1_000_000.0]
    key, _ = issue(store, KeyRequest("lab", expires="1h"), lambda: now[0])
    ring = Keyring(store, "auto", lambda: now[0])
    now[0] += 3599
    await ring.visitor(bearer(key))
    now[0] += 1
    with pytest.raises(InvalidKey, match="expired"):
        await ring.visitor(bearer(key))


async def test_what_another_process_changes_is_noticed(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH", 0.02)
    ring = Keyring(store, "auto")
    ring.read()
    watching = asyncio.create_task(ring.watch())
    key, stored = issue(store, KeyRequest("lab"))
    await asyncio.sleep(0.5)
    assert ring.needed
    await ring.visitor(bearer(key))
    store.revoke(stored.id)
    await asyncio.sleep(0.5)
    with pytest.raises(InvalidKey, match="revoked"):
        await ring.visitor(bearer(key))
    watching.cancel()


async def test_a_new_key_opens_at_once_and_made_up_ids_cost_one_query_a_second(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(store, KeyRequest("first"))
    ring = Keyring(store, "auto")
    ring.read()
    key, _ = issue(store, KeyRequest("second"))
    await ring.visitor(bearer(key))
    reads = []
    monkeypatch.setattr(store, "all", lambda: reads.append(1))
    for _ in range(50):
        with pytest.raises(InvalidKey):
            await ring.visitor(bearer(KeyText.new()))
    assert reads == []


async def test_unknown_ids_are_compared_as_known_ones_are(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(store, KeyRequest("lab"))
    ring = Keyring(store, "auto")
    ring.read()
    compared = []
    exact = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *pair: compared.append(1) or exact(*pair))
    with pytest.raises(InvalidKey):
        await ring.visitor(bearer(KeyText.new()))
    assert compared == [1]


async def test_a_store_that_is_away_keeps_the_last_keys_and_lets_nobody_in_without_any(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key, _ = issue(store, KeyRequest("lab"))
    ring = Keyring(store, "auto")
    ring.read()

    def away() -> None:
        raise StoreUnavailable("The disk is gone.")

    monkeypatch.setattr(store, "all", away)
    monkeypatch.setattr(module, "FRESH", 0.001)
    with caplog.at_level(logging.WARNING):
        watching = asyncio.create_task(ring.watch())
        await asyncio.sleep(0.2)
    watching.cancel()
    assert len(caplog.records) == 1  # not one for every attempt
    await ring.visitor(bearer(key))
    with pytest.raises(StoreUnavailable):
        await Keyring(store, "auto").visitor(None)


async def test_the_last_use_is_kept_and_seldom_written(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = issue(store, KeyRequest("lab"))
    ring, writes = Keyring(store, "auto"), []
    touch = store.touch
    monkeypatch.setattr(store, "touch", lambda ids: writes.append(1) or touch(ids))
    for _ in range(5):
        await ring.visitor(bearer(key))
        ring.read()
    assert len(writes) == 1
    assert store.all()[0].used == pytest.approx(store.all()[0].created, abs=60)


async def test_keys_that_come_and_go_are_in_the_audit(
    store: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    ring = Keyring(store, "auto")
    ring.read()
    key, stored = issue(store, KeyRequest("lab", ("read", "write")))
    with caplog.at_level(logging.INFO, "brightfield.audit"):
        ring.read()
        store.revoke("lab")
        ring.read()
        ring.read()
    told = [(each.message, each.key, each.key_name) for each in caplog.records]  # type: ignore[attr-defined]
    assert told == [("key added", stored.id, "lab"), ("key revoked", stored.id, "lab")]
    assert key.secret not in caplog.text

"""The keys in memory: who a request is from is looked up without asking the store."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from brightfield.access.allowance import Allowance
from brightfield.access.secret import KeyText, new_salt
from brightfield.access.visitor import Visitor, anybody
from brightfield.errors import BrightfieldError
from brightfield.refusals import InvalidKey, Unauthorized
from brightfield.store.keys import KeyStore, StoredKey

log = logging.getLogger(__name__)
audit = logging.getLogger("brightfield.audit")

KeyPolicy = Literal["auto", "always", "never"]
"""When a key is needed: `auto` is as soon as the store has one."""

FRESH = 2.0
"""Seconds between two readings of the keys: a revoked key ends within this time everywhere."""
_NEW = 1.0
"""Seconds between two readings for keys that are not known, which anybody can make up."""
_USED = 3600.0
"""Seconds within which the last use of a key is kept."""


@dataclass(slots=True)
class _Known:
    """A key and the visitor that it stands for."""

    stored: StoredKey
    visitor: Visitor
    used: bool = False


@dataclass(slots=True)
class _Nobody:
    """What an unknown id is compared with, so that it takes as long as a known one."""

    salt: bytes = field(default_factory=new_salt)
    digest: bytes = bytes(32)


class Keyring:
    """The keys of a store, read again every `FRESH` seconds by `watch`.

    Requests are looked up on the event loop's thread. While the store doesn't answer, the last keys
    that were read hold, since answers need no store. `clock` gives seconds since 1970.
    """

    def __init__(
        self, store: KeyStore, policy: KeyPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._known: Mapping[str, _Known] = {}
        self._anybody = anybody()
        self._nobody = _Nobody()
        self._loaded = self._shut = False
        self._lock = threading.Lock()
        self._looking = asyncio.Lock()
        self._asked = -_NEW

    @property
    def needed(self) -> bool:
        """Whether requests need a key. A store that ever had one stays closed when it is revoked,
        or revoking the last key would let everybody in; and this process stays so when the store
        is replaced by one without."""
        if self._policy == "auto":
            return self._shut or not self._loaded
        return self._policy == "always"

    async def visitor(self, authorization: str | None) -> Visitor:
        """Who sends this `Authorization`.

        Raises `Unauthorized`, `InvalidKey`, and `StoreUnavailable` until the keys were read once.
        """
        if not self._loaded:
            await self._look_again()
        if not self.needed:
            return self._anybody
        if authorization is None:
            raise Unauthorized(
                "The service needs an API key: send `Authorization: Bearer bf_...`, or set "
                "BRIGHTFIELD_API_KEY for the client. The person who runs the service makes one "
                "with: brightfield keys add NAME."
            )
        scheme, _, text = authorization.partition(" ")
        key = KeyText.read(text.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            raise InvalidKey(
                "The Authorization isn't `Bearer` and an API key (bf_...), or the key is mistyped "
                "or cut short; copy the whole key."
            )
        if key.id not in self._known:
            await self._look_again()
        return self._opened_by(key)

    def read(self) -> None:
        """Read all keys; blocks."""
        with self._lock:
            self._keep_use()
            found, before = self._store.all(), self._known
            if self._loaded:
                _report(before, found)
            self._known = {
                each.id: _Known(each, before[each.id].visitor)
                if each.id in before
                else _Known(each, _visitor(each))
                for each in found
            }
            self._shut = self._shut or bool(found)
            self._loaded = True

    async def watch(self) -> None:
        """Read the keys again and again, until it is cancelled."""
        failed = False
        while True:
            await asyncio.sleep(FRESH)
            try:
                await asyncio.to_thread(self.read)
                failed = False
            except Exception as fault:  # whatever it is, keys are to be read again
                if not failed:
                    log.warning("the API keys can't be read, the last ones hold: %s", fault)
                failed = True

    def _opened_by(self, key: KeyText) -> Visitor:
        known = self._known.get(key.id)
        against = self._nobody if known is None else known.stored
        right = key.is_that_of(against.salt, against.digest)
        if known is None or not right:
            raise InvalidKey("There is no such API key; ask for a new one.")
        stored = known.stored
        if stored.revoked is not None:
            raise InvalidKey(f"The API key {stored.name!r} was revoked; ask for a new one.")
        if stored.expires is not None and stored.expires <= self._clock():
            raise InvalidKey(f"The API key {stored.name!r} has expired; ask for a new one.")
        known.used = True
        return known.visitor

    async def _look_again(self) -> None:
        """Read the keys for an id that may be new, at most once in `_NEW` seconds."""
        async with self._looking:
            now = time.monotonic()
            if now - self._asked >= _NEW:
                self._asked = now
                await asyncio.to_thread(self.read)

    def _keep_use(self) -> None:
        late = self._clock() - _USED
        used = [
            name
            for name, each in self._known.items()
            if each.used and (each.stored.used or 0.0) < late
        ]
        if used:
            with contextlib.suppress(BrightfieldError):  # it can still be read
                self._store.touch(used)


def _report(before: Mapping[str, _Known], found: list[StoredKey]) -> None:
    """Tell the audit's log of keys that came, and of those that were revoked."""
    for each in found:
        former = before.get(each.id)
        facts = {"key": each.id, "key_name": each.name, "project": each.project}
        if former is None:
            audit.info("key added", extra={**facts, "scopes": ",".join(each.scopes)})
        if each.revoked is not None and (former is None or former.stored.revoked is None):
            audit.info("key revoked", extra=facts)


def _visitor(stored: StoredKey) -> Visitor:
    scopes = frozenset(stored.scopes)
    return Visitor(stored.id, stored.name, stored.project, scopes, Allowance(stored.limits))

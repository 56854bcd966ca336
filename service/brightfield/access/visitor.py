"""Who sent a request."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield.access.allowance import Allowance
from brightfield.access.scopes import SCOPES, Need, covers
from brightfield.refusals import InsufficientScope
from brightfield.store.keys import KeyLimits
from brightfield.store.ownership import DEFAULT_PROJECT


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request: a key, or somebody who needs none and has no `key`."""

    key: str | None
    name: str
    project: str
    scopes: frozenset[str]
    allowance: Allowance

    def check(self, need: Need) -> None:
        """Raises `InsufficientScope` naming the scope."""
        if not covers(self.scopes, need):
            has = ", ".join(sorted(self.scopes)) or "none"
            raise InsufficientScope(
                f"This needs a key with the scope `{need}`, and the key {self.name!r} has {has}. "
                "Ask the person who runs the service for another key.",
                scope=need,
                errors=[{"location": "Authorization", "expected": need, "received": has}],
            )


STRANGER = Visitor(None, "", DEFAULT_PROJECT, frozenset(), Allowance(KeyLimits()))
"""Somebody who asks for what is open to all: the service knows no more of them."""


def anybody() -> Visitor:
    """Somebody without a key, where none is needed."""
    return Visitor(None, "", DEFAULT_PROJECT, frozenset(SCOPES), Allowance(KeyLimits()))


def of_job(project: str) -> Visitor:
    """Who asks while a job runs that was accepted from a key of the project."""
    return Visitor(None, "", project, frozenset(SCOPES), Allowance(KeyLimits()))

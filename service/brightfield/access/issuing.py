"""Making a key: what it may, until when, within which limits."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from brightfield.access.scopes import SCOPES
from brightfield.access.secret import KeyText, new_salt
from brightfield.store.keys import KeyLimits, KeyStore, StoredKey
from brightfield.store.ownership import DEFAULT_PROJECT

_NAME = re.compile(r"[\w .@+-]{1,128}")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_DURATION = re.compile(r"(\d+)([hdwy])")
_SECONDS = {"h": 3600, "d": 86_400, "w": 604_800, "y": 31_557_600}


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """What is asked for; every part is checked when the key is made."""

    name: str
    scopes: Sequence[str] = ("read",)
    project: str = DEFAULT_PROJECT
    expires: str | None = None
    """A time from now, as `90d` (h, d, w, y), or a date, as `2030-01-31`, at whose end it ends."""
    limits: KeyLimits = field(default_factory=KeyLimits)


def issue(
    store: KeyStore, wanted: KeyRequest, clock: Callable[[], float] = time.time
) -> tuple[KeyText, StoredKey]:
    """A new key, which is shown once, and what is kept of it.

    Raises `ValueError` naming what is wrong, `KeyExists` for a name that a key has already.
    """
    _check(wanted)
    key, salt = KeyText.new(), new_salt()
    stored = StoredKey(
        id=key.id,
        name=wanted.name,
        project=wanted.project,
        scopes=tuple(scope for scope in SCOPES if scope in wanted.scopes),
        salt=salt,
        digest=key.digest(salt),
        limits=wanted.limits,
        created=clock(),
        expires=None if wanted.expires is None else moment(wanted.expires, clock()),
    )
    store.add(stored)
    return key, stored


def moment(text: str, now: float) -> float:
    """Seconds since 1970 of `90d` from now, or of the end of a day in UTC. Raises `ValueError`."""
    duration = _DURATION.fullmatch(text)
    if duration is not None:
        return now + int(duration[1]) * _SECONDS[duration[2]]
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a time, as 12h, 90d, 4w or 1y, nor a date, as 2030-01-31."
        ) from None
    end = day.timestamp() + _SECONDS["d"]
    if end <= now:
        raise ValueError(f"{text} has passed; choose a later day.")
    return end


def _check(wanted: KeyRequest) -> None:
    unknown = sorted(set(wanted.scopes) - set(SCOPES))
    if unknown or not wanted.scopes:
        raise ValueError(
            f"{', '.join(unknown) or 'Nothing'} is not a scope; choose among {', '.join(SCOPES)}."
        )
    if _NAME.fullmatch(wanted.name) is None:
        raise ValueError(
            f"{wanted.name!r} is not a name of a key: at most 128 letters, digits, blanks and "
            ". @ + - _, as in 'microscope 2'."
        )
    if _PROJECT.fullmatch(wanted.project) is None:
        raise ValueError(
            f"{wanted.project!r} is not a project: at most 64 of a-z, 0-9, _ and -, "
            "the first a letter or a digit."
        )
    for name, most in (
        ("rate", wanted.limits.rate),
        ("in-flight", wanted.limits.in_flight),
        ("bytes", wanted.limits.stored_bytes),
    ):
        if most is not None and not 0 < most < float("inf"):
            raise ValueError(f"{name} is a number above 0, not {most}.")

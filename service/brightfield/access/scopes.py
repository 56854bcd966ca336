"""Scopes: the kinds of things that a key may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

KeyScope = Literal["read", "write", "models", "admin"]
"""A kind of thing that a key may do."""

Need = KeyScope | Literal["open"]
"""What a request needs: a scope, or nothing if it is open to everybody."""

SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)

MEANINGS: Mapping[KeyScope, str] = {
    "read": "answers, explanations and metrics; reading the project's collections, jobs and runs",
    "write": "making, changing and deleting collections, runs and jobs of the project",
    "models": "loading and unloading models, which all projects share",
    "admin": "all of these",
}


def covers(scopes: frozenset[str], need: Need) -> bool:
    """Whether a key with these scopes may do what needs `need`."""
    return need == "open" or need in scopes or "admin" in scopes

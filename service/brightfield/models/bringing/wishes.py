"""What somebody says about a file: everything else is read from it, or assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Wishes:
    """The flags of `brightfield models add`, by the names of the card's keys."""

    task: str
    id: str | None = None
    labels: tuple[str, ...] = ()
    architecture: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of the architecture."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """`entry` and `prefix`."""
    input: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)
    """Texts at the top of the card: version, licence, description."""
    code: tuple[Path, ...] = ()
    """Files of a lab's own code, which lie beside the card."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file says of itself: sections of its card, what of them is `assumed` (by section, as
    sentences), and `told`, how it was recognised."""

    architecture: Mapping[str, Any]
    weights: Mapping[str, str] = field(default_factory=dict)
    input: Mapping[str, Any] = field(default_factory=dict)
    assumed: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()

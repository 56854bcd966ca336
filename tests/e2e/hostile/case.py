"""One hostile request, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A request; `pixels` are the bytes that decoding it may take, 0 for what is to be refused."""

    name: str
    body: bytes
    path: str = "/classify"
    headers: Mapping[str, str] = field(default_factory=dict)
    pixels: int = 0
    seconds: float = 0.0
    """CPU that the allowed pixels take by themselves."""

"""What every answer about an image carries."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from brightfield_client.results._shapes import ModelRef, Warned
from brightfield_client.results.asked import Asked
from brightfield_client.results.value import Json, at, read_fields


@dataclass(frozen=True, eq=False, kw_only=True)
class Result(Asked):
    """The facts of an answer's envelope; each endpoint's result adds its own.

    `image` holds what the service read (sha256, width, height, axes, dtype, intensity, ...),
    `timing_ms` the milliseconds of each stage, `batch_size` the number of images that shared the
    forward pass, and `raw` the whole envelope, keys that this client does not know included.
    """

    id: str = ""
    task: str = ""
    model: ModelRef = field(default_factory=ModelRef)
    image: Json = field(default_factory=dict, repr=False)
    warnings: tuple[Warned, ...] = ()
    timing_ms: Json = field(default_factory=dict, repr=False)
    batch_size: int | None = None
    raw: Json = at(whole=True, repr=False)

    @classmethod
    def _read(cls, value: Json) -> dict[str, Any]:
        facts = read_fields(Result, value)
        own = [name for name in cls.__dataclass_fields__ if name not in Result.__dataclass_fields__]
        return facts | (read_fields(cls, value["result"], own) if own else {})

    @property
    def json(self) -> Json:
        """The endpoint's `result`, as the service wrote it."""
        inside: Json = self.raw["result"]
        return inside

    def _caption(self) -> str:
        notes = "".join(f"<br><small>{html.escape(w.detail)}</small>" for w in self.warnings)
        return (
            f"<small>{html.escape(self.model.id)} {html.escape(self.model.version)}</small>{notes}"
        )

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code><br>{self._caption()}"

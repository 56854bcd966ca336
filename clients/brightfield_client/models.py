"""Models, as the service describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brightfield_client.results.table import html_table
from brightfield_client.results.value import Json, Value, at


def _names(labels: list[Any]) -> tuple[str, ...]:
    return tuple(str(each["name"] if isinstance(each, dict) else each) for each in labels)


@dataclass(frozen=True, kw_only=True)
class Model(Value):
    """A model by its card and its state; `raw` has everything that the service says of it."""

    id: str
    version: str = ""
    task: str = ""
    state: str = ""
    licence: str = ""
    labels: tuple[str, ...] = at(read=_names, default=(), repr=False)
    raw: Json = at(whole=True, default_factory=dict, repr=False)

    def _repr_html_(self) -> str:
        row = (self.id, self.version, self.task, self.state, self.licence)
        return html_table(("model", "version", "task", "state", "licence"), [row])

"""Models, as the service describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brightfield_client.results._shapes import ModelFacts
from brightfield_client.results.table import html_table
from brightfield_client.results.value import at


def _names(labels: list[Any]) -> tuple[str, ...]:
    return tuple(str(each["name"] if isinstance(each, dict) else each) for each in labels)


@dataclass(frozen=True, kw_only=True)
class Model(ModelFacts):
    """A model by its card and its state; `raw` has everything that the service says of it."""

    labels: tuple[str, ...] = at(read=_names, default=(), repr=False)

    def _repr_html_(self) -> str:
        row = (self.id, self.version, self.task, self.state, self.licence)
        return html_table(("model", "version", "task", "state", "licence"), [row])

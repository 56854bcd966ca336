"""The answer of /classify."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from brightfield_client.results._answers import ClassMapResult
from brightfield_client.results._shapes import Prediction
from brightfield_client.results.result import frame, html_table


class Classification(ClassMapResult):
    """The classes of an image, best first.

    With a sliding `window`, `map` is K x H x W: the score of each of `map_labels` at every
    position.
    """

    @property
    def top(self) -> Prediction | None:
        """The best class; None when no score reached the threshold."""
        return self.predictions[0] if self.predictions else None

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.predictions)

    def __len__(self) -> int:
        return len(self.predictions)

    def to_pandas(self) -> Any:
        """A `DataFrame` with the columns label, class_id and score."""
        rows = [(p.label, p.class_id, p.score) for p in self.predictions]
        return frame(("label", "class_id", "score"), rows)

    def _repr_html_(self) -> str:
        rows = [(p.label, f"{p.score:.4f}") for p in self.predictions]
        return html_table(("class", "score"), rows) + self._caption()

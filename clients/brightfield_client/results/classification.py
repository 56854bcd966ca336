"""The answer of /classify."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brightfield_client.results._answers import ClassMapResult
from brightfield_client.results._shapes import Prediction
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.table import Cells, Listing, Table, cells, columns, html_table


class Classification(ClassMapResult, Drawn, Listing[Prediction], Table):
    """The classes of an image, best first; a sequence of `Prediction`.

    With a sliding `window`, `map` is K x H x W: the score of each of `map_labels` at every
    position. `picture` shows the image with a bar for each score, or the most probable class of
    every pixel. `to_pandas` has the columns label, class_id and score.
    """

    @property
    def top(self) -> Prediction | None:
        """The best class; None when no score reached the threshold."""
        return self.predictions[0] if self.predictions else None

    @property
    def _items(self) -> tuple[Prediction, ...]:
        return self.predictions

    @property
    def _drawing(self) -> Mapping[str, Any]:
        return {} if self.map is None else {"paint": "class"}

    def _table(self) -> Cells:
        return cells(columns("label class_id score"), self)

    def _repr_html_(self) -> str:
        rows = [(p.label, f"{p.score:.4f}") for p in self.predictions]
        return html_table(("class", "score"), rows) + self._caption()

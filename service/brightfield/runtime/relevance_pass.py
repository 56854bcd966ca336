"""The lane's pass for layer-wise relevance propagation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.normalising import Rewrite, run
from brightfield.models.relevance.network import Relevance, relevance
from brightfield.runtime.layer_layouts import LayerLayouts
from brightfield.runtime.operations import RowSpan, row_reader, seen
from brightfield.tensors import Images


@dataclass(frozen=True, slots=True)
class RelevancePass:
    """The relevance of one row's values for a score; the item's argument is score and rules.

    The score is taken of the model's output, or with `of` of what flows through a place within.
    A batch has one row, since what constants are given is a sum over the batch. Raises
    `Unexplainable` as `models.relevance` does.
    """

    cut: Rewrite | None = None
    of: Tap | None = None
    layouts: LayerLayouts | None = None

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Relevance:
        ((_, _, (score, rules)),) = spans
        return relevance(self._forward(module, rows), rows, score, rules)

    def _forward(self, module: nn.Module, rows: Images) -> Callable[[Images], Any]:
        """What the score is taken of."""
        of = self.of
        if of is None:
            return lambda images: run(module, images, self.cut)
        as_rows = row_reader(self.layouts, module, of, rows)

        def forward(images: Images) -> Any:
            with reading(module, (of,)) as read:
                module(images)
            return as_rows(seen(read, of))

        return forward

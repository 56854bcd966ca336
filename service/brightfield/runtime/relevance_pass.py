"""The lane's pass for layer-wise relevance propagation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.normalising import Rewrite, run
from brightfield.models.relevance.network import Relevance, relevance
from brightfield.runtime.operations import RowSpan, seen
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

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Relevance:
        ((_, _, (score, rules)),) = spans

        def forward(images: Images) -> Any:
            if self.of is None:
                return run(module, images, self.cut)
            with reading(module, (self.of,)) as read:
                module(images)
                return seen(read, self.of)

        return relevance(forward, rows, score, rules)

"""A network's output as plain tensors, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils import _pytree as pytree

from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.normalising import Rewrite, run
from brightfield.tensors import Images


class OutputTensors(nn.Module):
    """The tensors in the output of a network, or of the rewritten one, as a tuple; last comes what
    flows through the place of `features`, if one is named."""

    def __init__(
        self, network: nn.Module, rewrite: Rewrite | None, features: Tap | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self._rewrite = rewrite
        self._taps = () if features is None else (features,)

    def forward(self, rows: Images) -> tuple[Tensor, ...]:
        with reading(self.network, self._taps) as read:
            leaves = pytree.tree_leaves(run(self.network, rows, self._rewrite))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        return (*tensors, *(read[tap] for tap in self._taps))


@dataclass(frozen=True, slots=True)
class OutputTree:
    """The form of an output: where in it the tensors are, and what else it has."""

    leaves: Sequence[Any]
    spec: pytree.TreeSpec

    @classmethod
    def of(cls, output: Any) -> OutputTree:
        leaves, spec = pytree.tree_flatten(output)
        return cls([None if isinstance(leaf, Tensor) else (leaf,) for leaf in leaves], spec)

    def filled(self, tensors: Sequence[Tensor]) -> Any:
        """An output of this form. Raises `ValueError` for another number of tensors."""
        if len(tensors) != sum(leaf is None for leaf in self.leaves):
            raise ValueError(f"{len(tensors)} tensors came, and the output has another number")
        coming = iter(tensors)
        leaves = [next(coming) if leaf is None else leaf[0] for leaf in self.leaves]
        return pytree.tree_unflatten(leaves, self.spec)

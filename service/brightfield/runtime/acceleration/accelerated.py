"""A forward pass by another backend than the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from brightfield.backend_names import BackendName, Precision
from brightfield.runtime.acceleration.network import OutputTree
from brightfield.runtime.backends.inference_backend import RunnableNetwork
from brightfield.runtime.operations import Forward, RowSpan
from brightfield.tensors import Images

# An image that a backend can't take is no reason to do without it for all others.
_MOST_FAILURES = 3


@dataclass(slots=True, eq=False)
class FastNetwork:
    """A model's forward pass as a backend has prepared it; for the lane's thread.

    With `one_by_one` it takes a single row at a time. `failures` are batches that it couldn't run,
    and the model itself could.
    """

    backend: BackendName
    precision: Precision
    prepared: RunnableNetwork
    tree: OutputTree
    one_by_one: bool = False
    failures: int = 0

    def output(self, rows: Images) -> Any:
        """The model's output for rows, on the CPU or its device."""
        if not self.one_by_one or len(rows) == 1:
            return self.tree.filled(self.prepared.run(rows))
        parts = [self.tree.filled(self.prepared.run(row[None])) for row in rows]
        return pytree.tree_map(_joined, *parts)


@dataclass(frozen=True, slots=True)
class Accelerated(Forward):
    """The same output as `Forward`'s, within what its check allows."""

    network: FastNetwork = field(kw_only=True)

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Any:
        return self.network.output(rows)

    def __str__(self) -> str:
        return f"{self.network.backend} {self.network.precision}"

    @property
    def backend(self) -> BackendName:
        return self.network.backend

    @property
    def precision(self) -> Precision:
        return self.network.precision

    @property
    def usable(self) -> bool:
        """Whether it hasn't failed too often."""
        return self.network.failures < _MOST_FAILURES

    def place(self, rows: Images) -> Images:
        """The rows as they are: each backend has its own layout."""
        return rows

    @property
    def instead(self) -> Forward:
        """The model's own pass, for what this one can't run."""
        return Forward(self.cut)

    def failed(self) -> None:
        """Note a batch that the model itself could run; after a few it is used no longer."""
        self.network.failures += 1


def _joined(*parts: Any) -> Any:
    return torch.cat(parts) if isinstance(parts[0], torch.Tensor) else parts[0]

"""A forward pass by another backend than the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from brightfield.backend_names import BackendName, Precision
from brightfield.models.inspection.layers import Tap
from brightfield.runtime.acceleration.network import OutputTree
from brightfield.runtime.backends.inference_backend import RunnableNetwork
from brightfield.runtime.operations import Activations, Forward, RowSpan
from brightfield.tensors import Images

# An image that a backend can't take is no reason to do without it for all others.
_MOST_FAILURES = 3


@dataclass(slots=True, eq=False)
class FastNetwork:
    """A model's forward pass as a backend has prepared it; for the lane's thread.

    With `one_by_one` it takes a single row at a time. Its last tensor is what flows through the
    place `features`, if there is one; `features_agree` with those of the model, or aren't used.
    `failures` are batches that it couldn't run, and the model itself could.
    """

    backend: BackendName
    precision: Precision
    prepared: RunnableNetwork
    tree: OutputTree
    one_by_one: bool = False
    features: Tap | None = None
    features_agree: bool = False
    failures: int = 0

    def output(self, rows: Images) -> Any:
        """The model's output for rows, on the CPU or its device."""
        tensors = self._tensors(rows)
        return self.tree.filled(tensors if self.features is None else tensors[:-1])

    def feature_rows(self, rows: Images) -> Tensor:
        """What flows through the place `features` for rows: (B, K)."""
        return self._tensors(rows)[-1]

    def _tensors(self, rows: Images) -> Sequence[Tensor]:
        if not self.one_by_one or len(rows) == 1:
            return self.prepared.run(rows)
        parts = [self.prepared.run(row[None]) for row in rows]
        return [torch.cat(each) for each in zip(*parts, strict=True)]


class _ByNetwork:
    """What a pass by another backend tells of itself."""

    __slots__ = ()
    network: FastNetwork

    def __str__(self) -> str:
        return f"{self.network.backend} {self.network.precision}"

    @property
    def backend(self) -> BackendName:
        return self.network.backend

    @property
    def precision(self) -> Precision:
        return self.network.precision

    @property
    def own_threads(self) -> bool:
        """Whether it computes in others than PyTorch's threads, which shall then keep away."""
        return self.network.prepared.own_threads

    @property
    def usable(self) -> bool:
        """Whether it hasn't failed too often."""
        return self.network.failures < _MOST_FAILURES

    def place(self, rows: Images) -> Images:
        """The rows as they are: each backend has its own layout."""
        return rows

    def failed(self) -> None:
        """Note a batch that the model itself could run; after a few it is used no longer."""
        self.network.failures += 1


@dataclass(frozen=True, slots=True)
class Accelerated(_ByNetwork, Forward):
    """The same output as `Forward`'s, within what its check allows."""

    network: FastNetwork = field(kw_only=True)

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Any:
        return self.network.output(rows)

    @property
    def instead(self) -> Forward:
        """The model's own pass, for what this one can't run."""
        return Forward(self.cut)

    def reading(self, own: Activations) -> AcceleratedFeatures | None:
        """The pass to the same place as the model's own; None if this one doesn't put it out."""
        network = self.network
        if not network.features_agree or network.features != own.tap:
            return None
        return AcceleratedFeatures(own, network)


@dataclass(frozen=True, slots=True)
class AcceleratedFeatures(_ByNetwork):
    """The same feature vectors (B, K) as the model's own pass `instead` reads, as exactly as sums
    in another order are."""

    instead: Activations
    network: FastNetwork

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> Tensor:
        return self.network.feature_rows(rows)

    def __str__(self) -> str:
        return f"{self.backend} {self.precision} features"

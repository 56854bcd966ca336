"""Embedding: the feature vector that a layer gives an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.cards import ModelCard
from brightfield.errors import UnknownLayer
from brightfield.outages import ModelFailed
from brightfield.results import MapSpace, Raster, Result, ResultTable, finite
from brightfield.tasks.kinds.whole import Whole


@dataclass(frozen=True)
class Embedding(Result):
    """A feature vector (D,) float32 and the layer that it comes from."""

    formats: ClassVar[tuple[str, ...]] = ("json", "npy", "csv")
    vector: NDArray[np.float32]
    layer: str
    normalized: bool

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {
            "dim": len(self.vector),
            "layer": self.layer,
            "embedding": [finite(value) for value in self.vector.tolist()],
            "normalized": self.normalized,
        }

    def raster(self, space: MapSpace) -> Raster:
        return Raster(self.vector, "C")

    def table(self) -> ResultTable:
        return ResultTable(tuple(f"f{i}" for i in range(len(self.vector))), [self.vector.tolist()])


class Embed(Whole):
    """The values of a layer as one vector."""

    result: ClassVar[type[Result]] = Embedding
    borrows: ClassVar[str | None] = "classify"
    explainable: ClassVar[bool] = True  # against a reference

    layer: str = "penultimate"
    """A name of GET /models/{id}/layers, `penultimate` (what enters the classifier), `logits`."""
    pool: Literal["mean", "max", "none"] = "mean"
    """How a layer with places becomes a vector: mean or maximum per channel, or all its values in C
    order. Of a transformer's tokens those count that stand for places of the image, not class or
    register tokens; with `none`, all."""
    normalize: bool = False
    """Scale the vector to Euclidean length 1 (a zero vector stays zero)."""

    @property
    def reads(self) -> str | None:
        return self.layer

    @property
    def raw(self) -> bool:
        return self.pool == "none"

    def postprocess(self, output: Any, card: ModelCard) -> Embedding:
        if not isinstance(output, torch.Tensor):
            raise UnknownLayer(
                f"The layer {self.layer!r} does not put out one tensor; choose a submodule of it."
            )
        vector = self.pooled(output[0].float())
        if not vector.isfinite().all():
            raise ModelFailed(
                f"The layer {self.layer!r} of the model {card.id} has NaN or infinite values among "
                "its outputs for this image; /activations shows which units have them."
            )
        if self.normalize:
            vector = torch.nn.functional.normalize(vector, dim=0, eps=1e-12)
        return Embedding(vector.numpy(), self.layer, self.normalize)

    def pooled(self, features: torch.Tensor) -> torch.Tensor:
        """Maps (C, h, w) to (C,), or to all values in C order; (K,) as they are."""
        if features.dim() < 2 or self.pool == "none":
            return features.reshape(-1)
        spread = features.flatten(1)
        return spread.mean(dim=1) if self.pool == "mean" else spread.amax(dim=1)

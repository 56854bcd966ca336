"""What is explained against another image: how similar a layer's features are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from brightfield.targets import Target
from brightfield.tasks.embed import Embed


@dataclass(frozen=True, slots=True, eq=False)
class CosineScore:
    """(B,): u . v / (|u| |v|) of each image's pooled features u with the `reference` v.

    In [-1, 1]; 0 where one of them is zero. The features are those of /embed, as the layer gives
    them: means over space.
    """

    reference: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        vectors = torch.stack([Embed().pooled(one) for one in features])
        return functional.cosine_similarity(vectors, self.reference.to(vectors)[None], dim=1)


@dataclass(frozen=True, slots=True)
class ReferenceTarget(Target):
    """Another image, by its SHA-256, through the features of a layer; it isn't a class."""

    layer: str
    sha256: str

    def payload(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "class_id": self.class_id,
            "measure": "cosine similarity to the reference",
            "layer": self.layer,
            "reference": self.sha256,
        }


def reference_target(
    features: Tensor, reference: Tensor, layer: str, sha256: str
) -> ReferenceTarget:
    """The similarity of an image to a reference, by what the layer gives for each, (1, ...)."""
    score = CosineScore(Embed().pooled(reference[0].float()))
    value = float(score(features)[0])
    return ReferenceTarget(
        "reference", None, score, value, kind="similarity", layer=layer, sha256=sha256
    )

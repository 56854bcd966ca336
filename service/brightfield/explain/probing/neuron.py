"""A value of a feature map as what is explained, instead of a class score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import BeforeValidator, Field

from brightfield.errors import InvalidParameter
from brightfield.parameters import natural_numbers, several, written
from brightfield.targets import Target

Neuron = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    BeforeValidator(several),
    Field(min_length=1),
    written(
        "int | Sequence[int]",
        {"pattern": r"^\d+(,\d+)*$", "examples": ["3,7,7", "12"]},
        *natural_numbers(),
    ),
]
"""c,y,x of a layer with maps; one number for a flat layer."""


@dataclass(frozen=True, slots=True)
class NeuronScore:
    """(B,): one value of each image's features (B, C, H, W) or (B, K)."""

    index: tuple[int, ...]

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        place: tuple[slice | int, ...] = (slice(None), *self.index)
        return features[place]


@dataclass(frozen=True, slots=True)
class NeuronTarget(Target):
    """A neuron of a layer; it isn't a class."""

    layer: str
    index: tuple[int, ...]

    @property
    def told(self) -> str:
        unit, *place = self.index
        where = f" at row {place[0]}, column {place[1]}" if len(place) == 2 else ""
        return f"unit {unit}{where} of {self.layer}"

    def payload(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "class_id": self.class_id,
            "layer": self.layer,
            "neuron": list(self.index),
        }


def neuron_target(layer: str, index: tuple[int, ...], features: torch.Tensor) -> NeuronTarget:
    """The neuron at `index`, whose value is that of the first row of the layer's `features`.

    Raises `InvalidParameter` with the layer's shape for an index that does not fit it.
    """
    shape = tuple(features.shape[1:])
    fits = len(index) == len(shape) and all(i < n for i, n in zip(index, shape, strict=True))
    text = ",".join(map(str, index))
    if not fits:
        axes = {1: "k", 3: "c,y,x"}.get(len(shape), ",".join("abcdefgh"[: len(shape)]))
        last = ",".join(str(n - 1) for n in shape)
        raise InvalidParameter(
            f"neuron={text} does not lie in the layer {layer!r}, which is "
            f"{' x '.join(map(str, shape))}; give {axes} from {','.join('0' * len(shape))} "
            f"to {last}."
        )
    score = NeuronScore(index)
    return NeuronTarget(f"{layer}[{text}]", None, score, float(score(features)[0]), layer, index)

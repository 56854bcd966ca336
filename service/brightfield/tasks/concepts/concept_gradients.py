"""The gradients of a class's score at a layer, in several images: what a concept is tested by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.results import MapSpace, Result
from brightfield.tasks.embed import Embed
from brightfield.tasks.task import Task
from brightfield.work import Arity


@dataclass(frozen=True)
class LayerGradients(Result):
    """Of the images that could be read, by their places among those sent: d score / d vector
    (n, D), for the class `label`."""

    images: tuple[int, ...]
    gradients: NDArray[np.float64]
    label: str
    class_id: int | None

    def payload(self, space: MapSpace) -> dict[str, Any]:
        return {
            "label": self.label,
            "class_id": self.class_id,
            "images": list(self.images),
            "gradients": self.gradients.tolist(),
        }


class ConceptGradients(Task):
    """The gradient of a class's logit by the vector that /embed gives of a layer."""

    arity: ClassVar[Arity] = "several"
    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("classify",)
    result: ClassVar[type[Result]] = LayerGradients

    target: str
    """The class: a label, or a class id."""
    layer: str
    """As at /embed."""
    pool: Literal["mean", "max", "none"]
    """As at /embed."""

    def by_vector(self, gradient: torch.Tensor) -> NDArray[np.float64]:
        """(D,) of the gradient by the layer's output for one image.

        Its change along a direction of the vector: all places of a map change alike, which moves
        their mean, and their maximum, by as much.
        """
        pool: Literal["mean", "none"] = "none" if self.pool == "none" else "mean"
        mean = Embed(layer=self.layer, pool=pool).pooled(gradient.double())
        by: NDArray[np.float64] = (mean * (gradient.numel() / mean.numel())).numpy()
        return by

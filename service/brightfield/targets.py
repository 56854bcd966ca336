"""What an explanation is about: one score of a model's output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator

from brightfield.images.objects import Box
from brightfield.images.shapes import ShapeParameter, parse_shape
from brightfield.parameters import Commas, EdgesParameter, Offset, Parameters
from brightfield.tensors import Scores

Score = Callable[[Any], torch.Tensor]
"""From the model's unnormalised output of B images to (B,) scores, differentiable."""

Kind = Literal["logit", "probability", "similarity"]
"""The scale of a score: unnormalised, after the card's activation, or how similar something is to
what was found in the whole image, or to another image."""

EVERY = "all"
"""Instead of a target: every class."""

_PLACES = ("box", "point", "object", "within")


class Aim(Parameters):
    """What to explain; the task of the model makes targets of it."""

    target: Commas = ("top",)
    """What to explain: a label, a class id, or `top` for the highest score."""
    box: EdgesParameter | None = None
    """For models that find or segment objects: the object at xmin,ymin,xmax,ymax, in image pixels.
    Default: a detector explains its best detection."""
    point: Offset | None = None
    """For models that find or segment objects: the object at x,y, in image pixels."""
    object: Annotated[int, Field(ge=1)] | None = None
    """For models that find or segment objects: the object with this id, as /detect and
    /segment?mode=instance give them by default."""
    within: ShapeParameter | None = None
    """For models that segment: the class's mean over x,y,width,height, or over the polygon
    x,y;x,y;x,y, in image pixels. Default: over the pixels that the model gives to the class."""
    reference_layer: str = "penultimate"
    """With a second image, `reference`: the layer whose means over space are compared."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [name for name in _PLACES if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(
                f"{' and '.join(given)} each say where the explained thing is; give one of them"
            )
        if self.within is not None:
            parse_shape(self.within, "within")
        return self

    @property
    def place(self) -> str | None:
        """The parameter that says where the explained thing is, if one does."""
        return next((name for name in _PLACES if getattr(self, name) is not None), None)


@dataclass(frozen=True, slots=True)
class Target:
    """A class (or another part of the output) with its `score` and the whole image's `value`.

    What is not a class has no `class_id`. `kind` is the scale of the score.
    """

    label: str
    class_id: int | None
    score: Score
    value: float
    kind: Kind = field(default="logit", kw_only=True)

    def payload(self) -> dict[str, Any]:
        return {"label": self.label, "class_id": self.class_id}

    @property
    def told(self) -> str:
        """What its score is, for people."""
        return f"the {self.kind} of {self.label}"

    @property
    def frame(self) -> Box | None:
        """Where in the image it is, for a frame on pictures; None for what is everywhere."""
        return None


class Gradient(NamedTuple):
    """`scores` (B,), `gradients` of each score by its own row, and what they were taken by.

    Without a layer `activations` is the input (B, C, H, W), else the layer's output; `gradients`
    has the same shape. `unguided` has the names of activations that did not follow the rule that
    rectifiers were to follow.
    """

    scores: Scores
    gradients: torch.Tensor
    activations: torch.Tensor
    unguided: tuple[str, ...] = ()


class Attention(NamedTuple):
    """How the attention of B images moves information between N tokens.

    `matrices` (B, L, N, N): of each layer, how much the tokens (rows) look at others (columns), as
    one matrix for all heads. `read` (B, N) sums to 1: which tokens the score is read from. `places`
    (B, h, w): the token that stands for each place of a grid over the model's input. `mixed` (B,):
    the layer after which tokens are first mixed by something else; -1: none.
    """

    matrices: torch.Tensor
    read: torch.Tensor
    places: torch.Tensor
    mixed: torch.Tensor

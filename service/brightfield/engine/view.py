"""Which model looks, and at what part of the plane."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from brightfield.backend_names import BackendChoice, PrecisionChoice
from brightfield.images.intensity import Intensity
from brightfield.images.picture import Region
from brightfield.images.scale_choice import ObjectDiameter, ScaleChoice
from brightfield.parameters import BoxParameter, Parameters
from brightfield.runtime.acceleration.wanted import Wanted


class View(Parameters):
    """Which model looks, and at what part of the plane."""

    model: str | None = None
    """A model's id as in GET /models. Default: the task's default model."""
    region: BoxParameter | None = None
    """Only this part: x,y,width,height in pixels of the displayed image. Default: all of it."""
    intensity: Intensity = Intensity("auto")
    """How values are brought to [0, 1]: `dtype`, `signal`, `percentile:low,high` or
    `range:low,high`. `auto` is the card's, else `dtype` for 8-bit images and colours, and
    `signal`, with a warning, for others."""
    scale: ScaleChoice = "auto"
    """At which size the model sees the image: so many of its pixels for each of the image along a
    side, as 0.25, or `off`. `auto`: by the pixel size, if the image and the model's card have one;
    else as it is. Answers are in the image's own pixels."""
    diameter: ObjectDiameter | None = None
    """How large the objects are, in pixels of the image (`40`) or in micrometres (`12um`): the
    model sees them at the size that it knows best. Takes the place of `scale`."""

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if self.diameter is not None and self.scale != "auto":
            raise ValueError("scale and diameter both say how large the image is seen; give one")
        return self

    backend: BackendChoice = "auto"
    """What runs the model: `eager` (PyTorch as it is, always possible), `openvino`, `cuda_graphs`
    or `inductor`; `auto`: what is fastest on this machine and close enough, as `GET /models/{id}`
    says."""
    precision: PrecisionChoice = "auto"
    """What the model computes in: `fp32`, `bf16` or `fp16`; `auto`: what its card says."""

    @property
    def wanted(self) -> Wanted:
        """By what the model may run."""
        return Wanted(self.backend, self.precision)

    @property
    def part(self) -> Region | None:
        """The region as the images know one; None: the whole plane."""
        return None if self.region is None else Region(*self.region)

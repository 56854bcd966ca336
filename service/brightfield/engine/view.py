"""Which model looks, and at what part of the plane."""

from __future__ import annotations

from brightfield.backend_names import BackendChoice, PrecisionChoice
from brightfield.images.intensity import Intensity
from brightfield.images.picture import Region
from brightfield.parameters import BoxParameter, Parameters
from brightfield.runtime.acceleration.wanted import Wanted


class View(Parameters):
    """Which model looks, and at what part of the plane."""

    model: str | None = None
    """A model's id as in GET /models. Default: the task's default model."""
    region: BoxParameter | None = None
    """Only this part: x,y,width,height in pixels of the displayed image. Default: all of it."""
    intensity: Intensity = Intensity("auto")
    """How values are brought to [0, 1]: `dtype`, `percentile:low,high` or `range:low,high`.
    `auto` is the card's, else `dtype` for 8-bit images and `percentile:1,99.8`, with a warning,
    for others."""

    backend: BackendChoice = "auto"
    """What runs the model: `eager` (PyTorch as it is, always possible), `openvino` or `inductor`.
    Default: what is fastest on this machine and close enough, as `GET /models/{id}` says."""
    precision: PrecisionChoice = "auto"
    """What the model computes in: `fp32`, `bf16` or `fp16`. Default: the same."""

    @property
    def wanted(self) -> Wanted:
        """By what the model may run."""
        return Wanted(self.backend, self.precision)

    @property
    def part(self) -> Region | None:
        """The region as the images know one; None: the whole plane."""
        return None if self.region is None else Region(*self.region)

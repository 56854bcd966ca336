"""What the methods of /occlusion share: they hide parts of the image and look at the scores."""

from __future__ import annotations

from typing import ClassVar

from brightfield.explain.baselines import Baseline
from brightfield.explain.method import Method
from brightfield.parameters import Commas
from brightfield.targets import Kind


class Perturbation(Method):
    """A method that runs the model on changed copies of the image, for several targets at once."""

    endpoint: ClassVar[str] = "occlusion"
    several: ClassVar[bool] = True

    target: Commas = ("top",)
    """What to explain: labels or class ids, several with commas, or `top` for the highest score."""
    baseline: Baseline = "mean"
    """What hides: `mean`, `zero`, `grey`, `blur`, or a number before mean and std."""
    output: Kind = "logit"
    """Scale of the scores."""

    @property
    def kind(self) -> Kind:
        return self.output

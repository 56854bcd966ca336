"""What the methods of /occlusion share: they hide parts of the image and look at the scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.method import Method, Step
from brightfield.explain.probing.baselines import Baseline
from brightfield.explain.probing.probe import Probe
from brightfield.parameters import Commas
from brightfield.targets import Kind
from brightfield.tensors import Images


class Perturbation(Method):
    """A method that runs the model on changed copies of the image, for several targets at once."""

    endpoint: ClassVar[str] = "occlusion"
    several: ClassVar[bool] = True

    target: Commas = ("top",)
    """What to explain: labels or class ids, several with commas, or `top` for the highest score; at
    occlusion also `all`, every class of a classifier."""
    baseline: Baseline = "mean"
    """What hides: `mean`, `zero`, `grey`, `blur`, or a number before mean and std."""
    output: Kind | None = None
    """Scale of the scores: `logit`, `probability`, or, for models that find boxes, `similarity`:
    the greatest IoU x probability over all candidates. Default: `similarity` for these, `logit`
    for others; with a `reference` it is the cosine."""

    @property
    def kind(self) -> Kind | None:
        return self.output

    def __call__(self, probe: Probe, images: Images) -> Iterator[Step]:
        """As for all methods; the result states the scale that its scores came to have."""
        for step in super().__call__(probe, images):
            if isinstance(step.result, Explanation):
                yield replace(step, result=step.result.stating(output=probe.targets[0].kind))
            else:
                yield step

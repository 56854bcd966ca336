"""What the methods on a layer's activation maps share: each weighs them in its own way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import torch

from brightfield.explain.kinds.saliency_method import SaliencyMethod
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.maps.verdict import NO_GRADIENT, rounding
from brightfield.explain.method import Step
from brightfield.explain.probing.probe import Probe
from brightfield.targets import Gradient
from brightfield.tensors import Images

_AGAINST = (
    "Whatever the layer says speaks against the target: relu=false shows it, and another layer may "
    "say more."
)


class ClassActivation(SaliencyMethod):
    """A map on a layer's own grid, from its maps and their gradients, enlarged bilinearly.

    The tokens of a transformer are read as maps, without those that stand for no place. Values are
    not normalised.
    """

    layer: str | None = None
    """Module whose output is weighed; name@0 is the first of its calls. Default: the last call of
    the card's layer, else the last one with places before the network's head."""
    relu: bool = True
    """Keep only what supports the target; without it the map is signed."""

    @staticmethod
    @abstractmethod
    def weighed(activations: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        """(h, w), signed, from the layer's maps (C, h, w) and d score / d maps."""

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        layer = probe.spatial_layer(self.layer, images)
        (found,) = probe.gradients([images], layer.tap)
        coarse = self.weighed(found.activations[0], found.gradients[0])
        hint = _AGAINST if self.relu and coarse.any() else NO_GRADIENT
        if self.relu:
            coarse = coarse.relu()
        result = saliency_map(
            self.name,
            probe,
            enlarged(coarse, images),
            signed=not self.relu,
            noise=rounding_of(found),
            hint=hint,
            **layer.facts(),
        )
        yield Step(1, 1, result=result.stating(*layer.notes))


def rounding_of(gradient: Gradient) -> float:
    """The largest value of a weighed map that rounding alone can give."""
    weights = gradient.gradients[0].abs().mean(dim=(1, 2))
    scale = torch.einsum("k,khw->hw", weights, gradient.activations[0].abs()).amax()
    return rounding(float(scale), gradient.activations.dtype)


def enlarged(coarse: torch.Tensor, images: Images) -> torch.Tensor:
    """(h, w) resized bilinearly to the model's input."""
    return torch.nn.functional.interpolate(
        coarse[None, None], size=images.shape[-2:], mode="bilinear", align_corners=False
    )[0, 0]

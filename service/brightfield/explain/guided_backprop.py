"""Saliency by guided backpropagation."""

from __future__ import annotations

from collections.abc import Iterator

from brightfield.explain.kinds.pixel_gradients import PixelGradients
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.method import Step
from brightfield.explain.probing.probe import Probe
from brightfield.images.picture import Note
from brightfield.targets import Gradient
from brightfield.tensors import Images

FAILS_SANITY_CHECK = Note(
    "fails_sanity_check",
    "Guided backpropagation is known to fail the sanity check of Adebayo et al. 2018: it shows the "
    "edges of the image, and changes little when the model's last layers are randomised.",
)


def guided_notes(gradient: Gradient) -> tuple[Note, ...]:
    """What is to be known of a gradient by the guided rule."""
    if not gradient.unguided:
        return (FAILS_SANITY_CHECK,)
    partly = Note(
        "partly_guided",
        "Some activations between the image and the score don't follow the rule and pass gradients "
        f"as they are: {', '.join(gradient.unguided)}.",
    )
    return FAILS_SANITY_CHECK, partly


class GuidedBackprop(PixelGradients):
    """max over channels of |d score / d pixel|, where every ReLU passes only positive gradient.

    A ReLU y = max(x, 0), or one with a cap, as ReLU6, hands on max(d / dy, 0) where x > 0 and y is
    below the cap, however the model makes it: as a function, a choice, a product with a mask or in
    TorchScript. The reply says which activations are no such rectifiers. Unsigned. The map is
    sharp, but it is known to fail the sanity check. Refused where no ReLU lies between the image
    and the score.
    Source: Springenberg et al. 2015.
    """

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        (gradient,) = probe.gradients([images], relu_rule="guided")
        values = gradient.gradients[0].abs().amax(dim=0)
        result = saliency_map(self.name, probe, values, signed=False)
        yield Step(1, 1, result=result.stating(*guided_notes(gradient)))

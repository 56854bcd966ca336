"""What explanations need of a network: gradients, rectifiers, and a trace of its operations."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brightfield.cards import ExplainSection
from brightfield.errors import UnknownLayer
from brightfield.models.examination.examination import Ability, ExplainedMaps
from brightfield.models.incremental import Refusal
from brightfield.models.incremental.plan import followed
from brightfield.models.inspection.default_layer import last_spatial_layer
from brightfield.models.inspection.layers import resolve
from brightfield.models.inspection.layouts import MapLayout, layouts
from brightfield.models.inspection.normalising import Rewrite, repeatable, run, scores_of
from brightfield.models.inspection.rectifiers import Guided
from brightfield.tensors import Images


def differentiates(
    module: nn.Module, sample: Images, cut: Rewrite | None
) -> tuple[Ability, Ability]:
    """Whether the scores have a gradient by the image, and whether it comes through rectifiers.

    Of the scores' sum, weighted at random: that of a softmax is always 1.
    """
    with repeatable(), torch.enable_grad(), Guided() as guide:
        image = sample.detach().requires_grad_()
        scores = scores_of(run(module, image.clone(), cut))
        gradient = _gradient(scores, image)
    reached = Ability(guide.reached > 0, None if guide.reached else "There is no ReLU on the way.")
    if gradient is None:
        said = "The output does not depend on the image in a way that can be differentiated."
        return Ability(False, said), Ability(False, said)
    if not gradient.isfinite().all():
        return Ability(False, "The gradient has NaN or infinity."), reached
    if not gradient.any():
        return Ability(False, "The gradient is 0 everywhere."), reached
    return Ability(True), reached


def _gradient(scores: object, image: Tensor) -> Tensor | None:
    if not isinstance(scores, Tensor) or not scores.requires_grad:
        return None
    weights = torch.randn_like(scores)
    (found,) = torch.autograd.grad((scores * weights).sum(), image, allow_unused=True)
    return found


def explained_maps(
    module: nn.Module, sample: Images, cut: Rewrite | None, explain: ExplainSection
) -> ExplainedMaps:
    """The layer of the card, else the one that Grad-CAM takes, and how its values are read."""
    if explain.layer is None:
        try:
            found = last_spatial_layer(module, sample, cut=cut, stated=explain.axes)
        except UnknownLayer as fault:
            return ExplainedMaps(None, None, fault.detail)
        return ExplainedMaps(found.tap.label, found.layout.axes)
    tap = resolve(module, explain.layer, explain)
    layout = layouts(module, [tap], sample, explain.axes).get(tap)
    if isinstance(layout, MapLayout):
        return ExplainedMaps(tap.label, layout.axes)
    return ExplainedMaps(tap.label, None, None if layout is None else f"It {layout.reason}.")


def follows(module: nn.Module, sample: Images) -> Ability:
    """Whether the network's operations can be followed for incremental occlusion."""
    found = followed(module, sample)
    return Ability(False, found.reason) if isinstance(found, Refusal) else Ability(True)

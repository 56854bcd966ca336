"""Saliency by layer-wise relevance propagation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from brightfield.explain.kinds.pixel_gradients import PixelGradients
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.method import Step
from brightfield.explain.probing.probe import Probe
from brightfield.images.picture import Note
from brightfield.models.relevance import rules
from brightfield.models.relevance.network import RuleSet
from brightfield.results import finite
from brightfield.tensors import Images

# Pixels with less of the score than this are a small part of the explanation.
_SMALL_SHARE = 0.1

RuleName = Literal["epsilon_plus", "epsilon_gamma", "epsilon", "gamma", "z_plus"]


class Lrp(PixelGradients):
    """sum over channels of the relevance R of x: the score, given back layer by layer.

    A layer z_j = sum over i of x_i w_ij + b_j gives R_i = sum over j of the share of x_i w_ij in
    z_j, times R_j. Functions of each value pass relevance on, a maximum passes it to the greatest
    value, sums and means divide it in proportion. Batch normalisation behind a layer counts as part
    of it. Signed; pixels, biases and what is `lost` to the stabilisers sum to the score. Refused
    by the name of the operation for networks with gates, attention or normalisation by the image's
    own statistics. Source: Bach et al. 2015; Montavon et al. 2019.
    """

    times_input: ClassVar[bool] = True

    rule: RuleName = "epsilon_plus"
    """How a layer divides its relevance. `epsilon`: in proportion, `gamma`: what agrees with the
    output's sign counts more, `z_plus`: only positive contributions; or `z_plus` (`epsilon_plus`)
    or `gamma` (`epsilon_gamma`) for convolutions and `epsilon` for dense layers."""
    epsilon: Annotated[float, Field(gt=0, le=1e6)] = 1e-6
    """What is added to the magnitude of each z_j; a larger one gives a sparser map."""
    gamma: Annotated[float, Field(ge=0, le=1e6)] = 0.25
    """By how much contributions that agree in sign count more."""

    biases: Literal["absorb", "ignore"] = "absorb"
    """Whether a layer's bias gets its share of the relevance, or is left out of the sum: then
    more of it comes to the pixels, and what is nothing but its bias has nothing to divide."""

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        found = probe.relevance(images, self._rules())
        score, constants = float(found.scores[0]), float(found.constants[0])
        pixels = float(found.values.double().sum())
        result = saliency_map(
            self.name,
            probe,
            found.values[0].double().sum(dim=0),
            signed=True,
            rule=self.rule,
            **self._parameters(),
            biases=self.biases,
            relevance={
                "pixels": finite(pixels),
                "biases": finite(constants),
                "lost": finite(score - pixels - constants),
            },
        )
        little = abs(pixels) < _SMALL_SHARE * abs(score)
        notes = [_elsewhere(score, pixels, constants)] if little else []
        yield Step(1, 1, result=result.stating(*notes))

    def _rules(self) -> RuleSet:
        known = {
            "epsilon": rules.epsilon(self.epsilon),
            "gamma": rules.gamma(self.gamma),
            "z_plus": rules.z_plus(),
        }
        if self.biases == "ignore":
            known = {name: rule.without_biases() for name, rule in known.items()}
        match self.rule:
            case "epsilon_plus":
                return RuleSet(convolution=known["z_plus"], dense=known["epsilon"])
            case "epsilon_gamma":
                return RuleSet(convolution=known["gamma"], dense=known["epsilon"])
            case rule:
                return RuleSet(convolution=known[rule], dense=known[rule])

    def _parameters(self) -> dict[str, Any]:
        """Those that the rule has."""
        names = [name for name in ("epsilon", "gamma") if name in self.rule]
        return {name: getattr(self, name) for name in names}


def _elsewhere(score: float, pixels: float, biases: float) -> Note:
    return Note(
        "relevance_elsewhere",
        f"The map sums to {pixels:.3g}, of a score of {score:.3g}: biases got {biases:.3g}, and "
        f"{score - pixels - biases:.3g} was lost. Compare places within the map alone, or try "
        "another `rule` or `biases`.",
    )

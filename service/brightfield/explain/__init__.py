"""The catalog of explanation methods: one file per method, found by its name.

Each method's class is an attribute, too, whatever its file: `explain.GradCam(layer="blocks.6")`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from brightfield.explain.method import Method
from brightfield.plugins import discover, member

if TYPE_CHECKING:  # the shipped ones, for editors and type checkers
    from brightfield.explain.attention_relevance import AttentionRelevance as AttentionRelevance
    from brightfield.explain.attention_rollout import AttentionRollout as AttentionRollout
    from brightfield.explain.grad_cam import GradCam as GradCam
    from brightfield.explain.gradient import GradientSaliency as GradientSaliency
    from brightfield.explain.guided_backprop import GuidedBackprop as GuidedBackprop
    from brightfield.explain.guided_grad_cam import GuidedGradCam as GuidedGradCam
    from brightfield.explain.hires_cam import HiresCam as HiresCam
    from brightfield.explain.input_x_gradient import InputTimesGradient as InputTimesGradient
    from brightfield.explain.integrated_gradients import IntegratedGradients as IntegratedGradients
    from brightfield.explain.kernel_shap import KernelShap as KernelShap
    from brightfield.explain.layer_cam import LayerCam as LayerCam
    from brightfield.explain.lrp import Lrp as Lrp
    from brightfield.explain.occlusion import Occlusion as Occlusion
    from brightfield.explain.rise import Rise as Rise
    from brightfield.explain.smoothgrad import SmoothGrad as SmoothGrad


def catalog(endpoint: str | None = None) -> dict[str, type[Method]]:
    """Every method by name; with `endpoint`, those that it serves."""
    methods = discover(sys.modules[__name__], Method)  # type: ignore[type-abstract]
    return {name: method for name, method in methods.items() if endpoint in (None, method.endpoint)}


def __getattr__(name: str) -> Any:
    return member(sys.modules[__name__], catalog, name)


def __dir__() -> list[str]:
    return sorted(["catalog", *(method.__name__ for method in catalog().values())])

"""Which shape the result of each task and method has.

A task that is not listed has the shape that the return type of its result's `payload` names, if
that is a TypedDict, else that of any object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_type_hints

from typing_extensions import is_typeddict

from brightfield.api.schema.shapes import explanations as ex
from brightfield.api.schema.shapes import predictions as pr
from brightfield.explain.maps.occlusion_map import OcclusionMap
from brightfield.explain.maps.region_values import RegionValues
from brightfield.explain.maps.rise_map import RiseMap
from brightfield.explain.maps.saliency_map import SaliencyMap
from brightfield.results import Result
from brightfield.work import Work

RESULTS: Mapping[str, Any] = {
    "activations": pr.ActivationsResult,
    "attention_relevance": ex.AttentionResult,
    "attention_rollout": ex.AttentionResult,
    "classify": pr.ClassMapResult | pr.ClassificationResult,
    "detect": pr.DetectionResult,
    "embed": pr.EmbeddingResult,
    "patches": pr.PatchesResult,
    "segment": pr.VolumeResult | pr.SegmentationResult,
    "superresolve": pr.SuperresolutionResult,
    "grad_cam": ex.GradCamResult,
    "gradient": ex.GradientResult,
    "guided_backprop": ex.GradientResult,
    "guided_grad_cam": ex.GradCamResult,
    "hires_cam": ex.GradCamResult,
    "input_x_gradient": ex.GradientResult,
    "integrated_gradients": ex.IntegratedGradientsResult,
    "kernel_shap": ex.KernelShapResult,
    "lrp": ex.LrpResult,
    "layer_cam": ex.GradCamResult,
    "occlusion": ex.OcclusionResult,
    "rise": ex.RiseResult,
    "smoothgrad": ex.SmoothGradResult,
}
"""By the name of the task or method. Of several shapes those with more members come first, since
readers take the first that fits."""

_MAPS: Mapping[type[Result], Any] = {
    SaliencyMap: ex.SaliencyResult,
    OcclusionMap: ex.PerturbationResult,
    RegionValues: ex.PerturbationResult,
    RiseMap: ex.PerturbationResult,
}


def result_type(work: type[Work]) -> Any:
    """The type of the member `result` of its answer; None: any object."""
    return RESULTS.get(work.name) or _MAPS.get(work.result) or _annotated(work.result)


def _annotated(result: type[Result]) -> Any:
    """The TypedDict that its `payload` says it returns, if it says one."""
    declared = get_type_hints(result.payload).get("return")
    return declared if is_typeddict(declared) else None

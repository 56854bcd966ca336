"""The results of the explanation methods."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import (
    BoundingBox,
    EncodedArray,
    Natural,
    RunLengths,
    Sha256,
    WindowPlaces,
)
from brightfield.api.schema.shapes.shape import open_shape, shape
from brightfield.images.windows import Border
from brightfield.targets import Kind

_Region = Annotated[list[float], Field(min_length=4, max_length=4)]
_Extent = Annotated[list[Natural], Field(min_length=2, max_length=2)]
_Shape = Annotated[list[Natural], Field(min_length=2, max_length=2)]
_Baseline = float | Literal["mean", "zero", "grey", "blur"]
_Scores = list[float | None]


@shape
class ExplainedTarget(TypedDict):
    """What is explained: a class, a detection, an object, a neuron, a similarity."""

    label: str
    class_id: Natural | None
    """Null if it is not a class."""
    measure: NotRequired[str]
    """What the score is."""
    layer: NotRequired[str]
    """Of a neuron, or of the features that are compared."""
    neuron: NotRequired[list[Natural]]
    """Its place in the layer: c,y,x, or one number."""
    reference: NotRequired[Sha256]
    """The SHA-256 of the other image."""
    box: NotRequired[BoundingBox]
    candidate: NotRequired[BoundingBox]
    """The nearest box that the model puts out."""
    iou: NotRequired[float | None]
    """Of box and candidate."""
    pixels: NotRequired[Natural]
    """How many pixels the score is the mean over."""
    object: NotRequired[Annotated[int, Field(ge=1)]]
    """The object that they are."""


class _Map(EncodedArray):
    signed: bool
    """Whether values on both sides of 0 (of random masks: of `mean_score`) mean something."""
    min: float | None
    """Least value; null if any value is not a number."""
    max: float | None
    """Greatest value; null if any value is not a number."""
    region: _Region
    """[x, y, width, height] of the image that the model sees."""
    extent: _Region
    """[x, y, width, height] of the whole grid in pixels of the image; of an input that was padded
    it reaches out of it."""


@shape
class SaliencyValues(_Map):
    """A value for each pixel (height, width): of the model's input, or with `space=image` of the
    image."""


@shape
class TargetMaps(_Map):
    """A map for each target (targets, height, width), on the model's input, or with `space=image`
    on the image."""


@shape
class ScoreCurve(TypedDict):
    """The score while pixels are exchanged, the most important first."""

    area: float | None
    """Mean of the scores by the trapezoid rule."""
    scores: _Scores
    substrate: Literal["mean", "blur"]
    """What the pixels are exchanged with."""


@shape
class RandomisedCheck(TypedDict):
    """The map against that of the model with one layer drawn anew."""

    rank_correlation: float | None
    """Spearman's; near 1, the map does not show what the model learned."""
    randomised: str
    """The layer."""
    seed: int


@shape
class TrustChecks(TypedDict):
    """How far a map can be trusted."""

    steps: Natural
    deletion: ScoreCurve
    """Low is good."""
    insertion: ScoreCurve
    """High is good."""
    completeness_gap: NotRequired[float]
    sanity: RandomisedCheck | None
    forwards: Natural
    """Images that ran through the model for the checks."""
    seconds: float


@shape
class CutOutMask(RunLengths):
    """What the map cuts out of the image."""

    area_px: Natural


class _Saliency(TypedDict):
    target: ExplainedTarget
    score: float | None
    """The target's score for the image."""
    map: SaliencyValues
    mask: NotRequired[CutOutMask | None]
    """With `mask`: what was cut out; null where the map gives no seeds."""
    checks: NotRequired[TrustChecks]
    """With `checks`: how far the map can be trusted."""


@shape
class GradientResult(_Saliency):
    """A map by plain gradients."""

    method: Literal["gradient", "input_x_gradient", "guided_backprop"]


@shape
class SmoothGradResult(_Saliency):
    """A map by the mean gradient over noisy copies."""

    method: Literal["smoothgrad"]
    seed: Natural


@shape
class IntegratedGradientsResult(_Saliency):
    """A map by the gradient along the way from a baseline."""

    method: Literal["integrated_gradients"]
    completeness_gap: float
    """How far the sum of the map is from the difference of the scores."""
    baseline: _Baseline
    steps: Natural


@shape
class GradCamResult(_Saliency):
    """A map by a layer's feature maps."""

    method: Literal["grad_cam", "hires_cam", "layer_cam", "guided_grad_cam"]
    layer: str
    layer_size: _Shape
    """[height, width] of the layer's maps."""
    layer_axes: str
    """The axes of the layer's values: B images, C channels, H rows, W columns, N tokens."""


@shape
class AttentionResult(_Saliency):
    """A map by a transformer's attention."""

    method: Literal["attention_rollout", "attention_relevance"]
    layers: Natural
    """Attention layers that were followed."""
    layer_size: _Shape
    """[height, width] of the grid of tokens."""
    tokens: Natural
    """All tokens; those beyond the grid have no place in the image."""
    read_from: Natural
    """Tokens that the score is read from: 1 is a class token, all are a mean."""


@shape
class DividedRelevance(TypedDict):
    """Where the score went: the three sum to it."""

    pixels: float | None
    """The sum of the map."""
    biases: float | None
    """What biases and other constants of the model were given."""
    lost: float | None
    """What went to nothing: to the stabilisers, and where there was nothing to divide it by."""


@shape
class LrpResult(_Saliency):
    """A map by layer-wise relevance propagation."""

    method: Literal["lrp"]
    rule: Literal["epsilon_plus", "epsilon_gamma", "epsilon", "gamma", "z_plus"]
    epsilon: NotRequired[float]
    """Of the rules that have it."""
    gamma: NotRequired[float]
    """Of the rules that have it."""
    biases: Literal["absorb", "ignore"]
    relevance: DividedRelevance


@open_shape
class SaliencyResult(_Saliency):
    """A map by another method, with members of its own."""

    method: str


@shape
class OcclusionGrid(WindowPlaces):
    """The positions of the window."""

    window: _Extent
    """[height, width] in pixels of the model's input."""
    stride: _Extent
    border: Border


@shape
class HiddenPart(TypedDict):
    """The scores of every target before and after one part was hidden."""

    targets: list[ExplainedTarget]
    before: _Scores
    after: _Scores
    difference: _Scores
    """Before less after."""


class _Perturbed(TypedDict):
    targets: list[ExplainedTarget]
    base: _Scores
    """Each target's score for the whole image."""
    baseline: _Baseline
    """What hides."""
    output: Kind
    """The scale of the scores."""
    sign: str
    """What the map's values mean."""
    aggregation: str
    """How the values of a pixel become one."""
    forwards: Natural
    """Images that ran through the whole model."""
    checks: NotRequired[TrustChecks]
    """With `checks`: how far the map of the first target can be trusted."""


@shape
class OcclusionResult(_Perturbed):
    """What hiding a window does to the scores, for every position of it."""

    grid: OcclusionGrid | None
    """Null where only `hide` was asked for."""
    scores: list[list[_Scores]] | None
    """Of each target, row and column: the score with the window hidden."""
    map: TargetMaps | None
    """Base less score, averaged over the windows that cover a pixel; null for many targets."""
    window: NotRequired[_Extent]
    stride: NotRequired[_Extent]
    border: Border
    engine: Literal["plain", "incremental"]
    engine_reason: str
    """Why this engine computed the scores."""
    engine_seconds: NotRequired[float]
    multiply_adds: NotRequired[Natural]
    plain_multiply_adds: NotRequired[Natural]
    most_probable: NotRequired[list[list[Natural | None]]]
    """Of each position, the class of the highest score; null without a number."""
    what_if: NotRequired[HiddenPart]
    """With `hide`: what hiding that one part does."""


@shape
class RiseResult(_Perturbed):
    """The mean score over random masks, by what each pixel has to do with it."""

    method: Literal["rise"]
    grid: None
    scores: None
    map: TargetMaps
    mean_score: _Scores
    """The score over all masks: above it a pixel speaks for the target."""
    masks: Natural
    cells: Natural
    p: float
    seed: Natural


@shape
class RegionWeight(TypedDict):
    """How much of the score one region accounts for."""

    region: Natural
    """Its number in `labels`; of objects, the id."""
    pixels: Natural
    """Its pixels of the model's input."""
    box: BoundingBox
    values: _Scores
    """Its Shapley value for each target: positive supports the target."""
    standard_errors: _Scores | None
    """Of the values, by the sets that were drawn; null where the values are exact."""


@shape
class KernelShapResult(_Perturbed):
    """Shapley values of regions: the score of the image, shared out among them."""

    method: Literal["kernel_shap"]
    regions: Literal["grid", "slic", "objects", "shapes"]
    grid: None
    rows: NotRequired[Natural]
    columns: NotRequired[Natural]
    segments: NotRequired[Natural]
    compactness: NotRequired[float]
    segmenter: NotRequired[str | None]
    only: NotRequired[list[Natural] | None]
    rest: Literal["visible", "region"]
    scores: None
    map: TargetMaps
    """On each pixel the value of its region; 0 where there is none."""
    empty: _Scores
    """Each target's score with every region hidden."""
    weights: list[RegionWeight]
    labels: EncodedArray
    """(height, width) of the model's input: the number of each pixel's region, 0 for none."""
    additivity_gap: _Scores
    """For each target, how far the values' sum is from `base` less `empty`."""
    exact: bool
    """Whether every set of visible regions was scored."""
    samples: Natural
    """The most sets that might be scored; `forwards` were."""
    seed: Natural


@open_shape
class PerturbationResult(TypedDict):
    """The result of another method, with members of its own."""

    targets: list[ExplainedTarget]
    base: _Scores
    map: TargetMaps | None

"""Models: what there is, what each is for, and what is inside."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import (
    EncodedArray,
    LabelColor,
    Natural,
    ReplyWarning,
    Sha256,
)
from brightfield.api.schema.shapes.shape import shape
from brightfield.backend_names import BackendName, Precision
from brightfield.card_folders import CardOnDisk
from brightfield.cards import (
    ArchitectureSection,
    ExplainSection,
    InferenceSection,
    InputSpec,
    OutputSpec,
    Quality,
    WeightsSection,
)
from brightfield.object_sizes import ObjectSizes
from brightfield.runtime.acceleration.verdict import SearchStage
from brightfield.runtime.registry import ModelState

_FilterPlace = Annotated[list[Natural], Field(min_length=2, max_length=2)]


@shape
class ReplicaCounts(TypedDict):
    """A model at the processes of the service."""

    resident: Natural
    """At how many it is in memory, a moment ago."""
    wanted: Natural
    """At how many it shall be, since it was loaded at one of them; 0 if nobody asked for it."""
    serving: Natural
    """How many serve it; a request for it is answered by one of these."""


@shape
class ModelSummary(TypedDict):
    """A model, its state and what it is for."""

    id: str
    version: str
    """Of the model that answers: of the one in memory, else of the card that was read last."""
    card_on_disk: CardOnDisk
    """What has become of that card on disk; `changed` and `removed` need a load with `anew`, or an
    unload, to take effect."""
    version_on_disk: str | None
    """Of the card on disk; null if it was removed or is faulty."""
    task: str
    description: str
    licence: str
    default: bool
    """Whether it answers for its task where no model is named."""
    state: ModelState
    """At this process; of a model that others serve, `resident` if one has it in memory, else
    `available`. `removed`: neither in memory nor on disk."""
    quarantine: str | None
    """Why it is set aside, if it is."""
    pinned: bool
    """Whether it is kept from being evicted."""
    device: str | None
    """Where it is in memory."""
    memory_bytes: Natural | None
    replicas: ReplicaCounts


@shape
class ModelList(TypedDict):
    """Every model."""

    models: list[ModelSummary]
    faults: dict[str, str]
    """What is wrong with cards that can't be used, by their folders."""


@shape
class ModelLabel(TypedDict):
    """A class of a model."""

    class_id: Natural
    name: str
    color: LabelColor


@shape
class ModelAbility(TypedDict):
    """Whether a network can or does something."""

    holds: bool | None
    """Null where it isn't known."""
    reason: str | None


@shape
class ModelMaps(TypedDict):
    """The layer whose maps explanations weigh by default."""

    layer: str | None
    axes: str | None
    """The order of its axes: images B, channels C, rows H and columns W, or tokens N."""
    reason: str | None
    """Why there is no such layer, or why it has no maps."""


@shape
class ModelExamination(TypedDict):
    """What was found out about a model by a few passes when it was loaded."""

    input_shape: Annotated[list[Natural], Field(min_length=3, max_length=3)]
    """Channels, rows and columns of the image."""
    output: str
    """What its network puts out for one image, in words."""
    end: str | None
    """How its network normalises its output itself; null where it doesn't."""
    independent: ModelAbility
    """Whether the images of a batch leave each other's answers alone; if not, each is run alone."""
    repeatable: ModelAbility
    """Whether the same image gives the same answer twice."""
    finite: ModelAbility
    """Whether all outputs are numbers."""
    differentiable: ModelAbility
    """Whether the output has a gradient by the image, for the methods of /saliency."""
    guided: ModelAbility
    """Whether that gradient comes through rectifiers, for guided methods."""
    traceable: ModelAbility
    """Whether /occlusion can compute only what changes."""
    maps: ModelMaps | None
    """Null where it isn't known."""
    warnings: list[ReplyWarning]
    """These are in every answer, too."""
    remarks: list[ReplyWarning]
    """For who made the card."""


@shape
class ModelGap(TypedDict):
    """How far a backend's answers are from the model's own, by one measure."""

    measure: str
    value: float | None
    """The worst over all images that were compared; null if it is infinite."""
    limit: float | None
    """How far they may be; null: as far as they like."""
    at_least: bool
    """Whether the value must reach the limit, and not stay within it."""
    holds: bool


@shape
class ModelAttempt(TypedDict):
    """A backend that was tried."""

    backend: BackendName
    precision: Precision | None
    faster: float | None
    """How many times as fast as the model itself, measured on this machine: the geometric mean over
    batches of one image and of several."""
    reason: str | None
    """Why it isn't used."""
    gaps: list[ModelGap]


@shape
class ModelAcceleration(TypedDict):
    """What runs a model's predictions, and why."""

    backend: BackendName
    precision: Precision
    progress: SearchStage
    """`waiting` and `preparing`: the model serves as it is meanwhile."""
    reason: str
    faster: float | None
    """How many times as fast as the model itself; null where that is what runs."""
    attempts: list[ModelAttempt]


@shape
class ModelDescription(ModelSummary):
    """A model with its card."""

    digest: Sha256 | None
    """Of all that its output depends on, as `model.digest` of replies: of the model in memory, else
    of its files."""
    citation: str
    architecture: ArchitectureSection
    weights: WeightsSection | None
    input: InputSpec
    objects_um: ObjectSizes | None
    """How large objects may be for the model to know them, as `input.objects`, in micrometres."""
    output: OutputSpec
    explain: ExplainSection
    inference: InferenceSection
    acceleration: ModelAcceleration | None
    """Null unless in memory."""
    labels: list[ModelLabel]
    methods: list[str]
    """How its answers can be explained."""
    quality: list[Quality]
    """What was measured of it."""
    examination: ModelExamination | None
    """Null unless in memory."""
    batch_seconds: dict[str, dict[str, float]] | None
    """Seconds that batches took, by operation and shape, then by size; null unless in memory."""


@shape
class LayerSummary(TypedDict):
    """A module of a model."""

    name: str
    type: str
    output_shape: list[Natural] | None
    """Of one image, in its last call; null where it did not run or gives no tensor."""
    calls: Natural
    """How often it runs for one image; `name@0` is the first call, `name` the last one."""
    parameters: Natural
    """How many numbers it has learned, those of the modules in it included."""


@shape
class LayerList(TypedDict):
    """The layers of a model, in the order of their definition."""

    model: str
    aliases: list[Literal["penultimate", "logits"]]
    layers: list[LayerSummary]


@shape
class FilterList(TypedDict):
    """The filters of a convolution."""

    model: str
    layer: str
    type: str
    total: _FilterPlace
    """How many filters and input slices the layer has."""
    first: _FilterPlace
    """The first filter and the first slice in the reply."""
    groups: Annotated[int, Field(ge=1)]
    weights: EncodedArray
    """(filters, slices, height, width)."""
    ranges: list[float | None]
    """The largest magnitude of each filter."""

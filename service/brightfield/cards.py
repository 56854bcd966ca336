"""Model cards: what a model is, what it needs and what it promises.

A model is a folder with `card.toml` and, as a rule, its weights. The card is data alone: reading
one runs no code and opens no weights.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from brightfield.backend_names import BackendChoice, PrecisionChoice
from brightfield.card_values import as_label, as_path, as_tuple, lowered, valid_id
from brightfield.errors import InvalidCard
from brightfield.images.channels import ReadingNeeds
from brightfield.images.input_channel import InputChannel
from brightfield.images.intensity import Intensity
from brightfield.label_files import with_labels
from brightfield.object_sizes import ObjectSizes
from brightfield.palette import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, YELLOW
from brightfield.parameters import Parameters, sentence_of
from brightfield.torchvision_names import torchvision_categories

CARD = "card.toml"
PROGRAMS = ("export", "onnx", "torchscript")
"""Architectures that are a file with the whole network."""

_GREY = (120, 120, 120)
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW, _GREY)


TakePath = tuple[int | str, ...]
"""Keys, names or places that lead to a part of a network's output, the outermost first."""

Digest = Annotated[str, BeforeValidator(lowered), Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256, as Linux (`sha256sum`) or Windows (`Get-FileHash`) prints it."""


class ArchitectureSection(Parameters):
    """A name and its arguments: every other key of the section is an argument."""

    model_config = ConfigDict(extra="allow")

    name: str
    """A file of the models catalog, torchvision:<builder>, timm:<model>, smp:<class>, export, onnx,
    torchscript, or python:<file or module>:<callable>."""

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class WeightsSection(Parameters):
    """Where the parameters come from: exactly one of the three places."""

    file: str | None = None
    """A file beside the card: .safetensors, or a state dict that torch.save wrote."""
    package: str | None = None
    """A file inside an installed Python package, as distribution:path/inside."""
    torchvision: str | None = None
    """A weights name of torchvision, as AlexNet_Weights.IMAGENET1K_V1; fetched by `models pull`."""
    sha256: Digest | None = None
    """SHA-256 of the file; required for file and package."""
    entry: str | None = None
    """Where in a checkpoint the network's state dict is, as model_ema. Default: what fits."""
    prefix: str | None = None
    """What stands before the network's names in it, as model. (with the dot); what hasn't got it is
    left out. Default: what fits."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = [self.file, self.package, self.torchvision]
        if sum(place is not None for place in places) != 1:
            raise ValueError("name exactly one of file, package, torchvision")
        if self.torchvision is None and self.sha256 is None:
            raise ValueError("sha256 is missing; `sha256sum FILE` prints it")
        return self


class Multiple(Parameters):
    """Any size whose sides are a multiple; images are padded at the right and bottom."""

    multiple: Annotated[int, Field(ge=1)]


class Resize(Parameters):
    """Resize so that the short side has `short` pixels, before any crop."""

    short: Annotated[int, Field(ge=1)]
    longest: Annotated[int, Field(ge=1)] | None = None
    """Most pixels of the long side, which makes the short one shorter where it is reached."""
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    rounding: Literal["nearest", "down"] = "nearest"
    """How the long side (with `longest` either) becomes whole: to the nearest pixel, or down as in
    torchvision."""


class InputSpec(Parameters):
    """How an image becomes the model's input tensor."""

    channels: Annotated[int, Field(ge=1)] = 3
    """Channels that the model takes; grey is repeated for 3, colour is weighed to grey for 1."""
    channel: tuple[InputChannel, ...] = ()
    """By name: one for all, or one for each. Default: callers pick those that aren't colours."""
    size: tuple[int, int] | Multiple | None = None
    """(height, width) that the model needs, a multiple, or any size."""
    resize: Resize | None = None
    crop: Annotated[int, Field(ge=1)] | None = None
    """Side of the square centre crop after resizing."""
    order: Literal["RGB", "BGR"] = "RGB"
    mean: Annotated[tuple[float, ...], BeforeValidator(as_tuple)] = (0.0,)
    """Per channel (or one for all), subtracted from values in [0, 1]."""
    std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(as_tuple)] = (1.0,)
    """Per channel (or one for all), divided by afterwards."""
    intensity: Intensity = Intensity("auto")
    """How values are brought to [0, 1]; `signal` for microscopy of any brightness."""
    pixel_size: Annotated[float, Field(gt=0)] | None = None
    """Micrometres per pixel of the training images: images of another one are resampled."""
    objects: ObjectSizes | None = None
    """How large objects are that the model knows."""
    pixels: Literal["scaled", "raw"] = "scaled"
    """raw: arrays as they are sent, neither resized nor normalised."""

    @property
    def own_size(self) -> bool:
        """Whether every image is brought to a size of the model's own."""
        return isinstance(self.size, tuple) or self.resize is not None or self.crop is not None

    @model_validator(mode="after")
    def _matching(self) -> Self:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channels):
                raise ValueError(f"{name} has {len(values)} values for {self.channels} channels")
        if len(self.channel) not in (0, 1, self.channels):
            raise ValueError(f"{len(self.channel)} channels are named of {self.channels}")
        return self

    @property
    def needs(self) -> ReadingNeeds:
        """How images must be read for the model."""
        return ReadingNeeds(self.pixels == "raw", tuple(one.known for one in self.channel))


class Instances(Parameters):
    """How objects of one class are told apart where they touch, for networks whose first map is
    the label's and whose second says how near a pixel is to its object's middle (1 there, 0 at the
    edge). Pixels are the network's."""

    smoothing: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Standard deviation, in pixels, of the Gaussian that the nearness is smoothed with."""
    saddle: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Two maxima are one object if the way between them keeps this share of the lower one."""
    min_area: Annotated[int, Field(ge=1)] = 1
    """Pixels of the smallest object that is reported."""


class OutputSpec(Parameters):
    """From the unnormalised output to scores."""

    take: Annotated[TakePath, BeforeValidator(as_path)] = ()
    """Which part counts of a tuple, list, dict or the like: a key, name or place, or a list of
    them that leads inside. Default: the only tensor."""
    activation: Literal["softmax", "sigmoid", "none"] = "softmax"
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """Default threshold of the task's endpoint."""
    iou: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Where two detections of one class overlap by more than this, the better one stays."""
    scale: Annotated[int, Field(ge=2)] | None = None
    """Output pixels for each input pixel along a side; required for super-resolution."""
    instances: Instances | None = None
    """How objects are told apart. Default: they are the connected parts of each class."""
    python: str | None = None
    """A lab's own code from the output to objects, as post.py:objects; for segment and detect."""
    score_map: Annotated[int, Field(ge=0)] | None = None
    """With `python`: which map, from 0, is the first label's score. Explanations need it."""


_Byte = Annotated[int, Field(ge=0, le=255)]


class Label(Parameters):
    """A class by its name and colour (RGB, 0 to 255)."""

    name: str
    color: tuple[_Byte, _Byte, _Byte] | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class LabelSource(Parameters):
    """Class names from the metadata of a torchvision weights name (nothing is downloaded)."""

    torchvision: str


class ExplainSection(Parameters):
    """Defaults of explanation."""

    layer: str | None = None
    """Module whose activations Grad-CAM weighs. Default: the last one with places before the
    network's head."""
    axes: Literal["BCHW", "BHWC", "BNC", "BCN"] | None = None
    """Order of the axes of layers with as many: images, channels, rows and columns, or tokens of a
    grid of the image's proportions behind any class tokens. Default: followed through the network,
    which needs no help as a rule."""
    penultimate: str | None = None
    """Module whose output is the feature vector. Default: the input of the last linear layer."""


class InferenceSection(Parameters):
    """What may run the network, and how close that must come to the network as it is."""

    backend: BackendChoice = "auto"
    """`eager` (PyTorch as it is), `openvino`, `cuda_graphs` or `inductor`. Default: the fastest
    that is close enough, measured where the service runs."""
    precision: PrecisionChoice = "fp32"
    """`fp32`, `bf16` or `fp16`; `auto`: the fastest that is close enough."""
    tolerance: Annotated[float, Field(gt=0, le=1)] = 0.03
    """Most by which a probability, or another score, may differ in a lower precision."""


class Quality(Parameters):
    """One measured number."""

    data: str
    split: str
    metric: str
    value: float
    n: int | None = None
    date: str | None = None


UNLICENSED = "not stated"
"""The licence of a model whose card names none."""


class ModelCard(Parameters):
    """What a model is, needs and promises."""

    id: Annotated[str, AfterValidator(valid_id)]
    version: str
    task: str
    licence: str = UNLICENSED
    description: str = ""
    citation: str = ""
    architecture: ArchitectureSection
    weights: WeightsSection | None = None
    input: InputSpec = InputSpec()
    output: OutputSpec = OutputSpec()
    labels: tuple[Annotated[Label, BeforeValidator(as_label)], ...] | LabelSource = ()
    """Each with its name and colour, or its name alone."""
    explain: ExplainSection = ExplainSection()
    inference: InferenceSection = InferenceSection()
    quality: tuple[Quality, ...] = ()
    max_batch: Annotated[int, Field(ge=1)] | None = None
    """Most images in one forward pass. Default: measured."""

    _folder: Path = PrivateAttr(default=Path())
    _post: Callable[..., Any] | None = PrivateAttr(default=None)
    _written: dict[str, Any] | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.architecture.name in PROGRAMS and (
            self.weights is None or self.weights.torchvision is not None
        ):
            raise ValueError(
                "a program needs weights.file, its .pt2, .onnx or .pt file, and sha256"
            )
        if self.output.instances is not None and (
            isinstance(self.labels, LabelSource) or len(self.labels) != 1
        ):
            raise ValueError("output.instances tells objects of one class apart; name one label")
        if self.task == "superresolve" and self.output.scale is None:
            raise ValueError("output.scale is missing: how many times larger the output is")
        if not isinstance(self.labels, LabelSource):
            names = [label.name for label in self.labels]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two labels are called {twice[0]!r}")
        return self

    @property
    def folder(self) -> Path:
        """The folder that the card lies in, against which `weights.file` is resolved."""
        return self._folder

    @property
    def post(self) -> Callable[..., Any] | None:
        """The function that `output.python` names, of a model in memory."""
        return self._post

    def with_post(self, function: Callable[..., Any] | None) -> ModelCard:
        """The card with the function that `output.python` names."""
        card = self.model_copy()
        card._post = function
        return card

    @property
    def brings_code(self) -> bool:
        """Whether code that isn't ours runs in the model: a lab's own, or an exported program."""
        return self.architecture.name in PROGRAMS or self.architecture.name.startswith("python:")

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Class names in the order of the model's output; empty when the card names none.

        Where detectors and segmenters end in a softmax, their first output is the background,
        which has no name here.
        """
        if isinstance(self.labels, LabelSource):
            return torchvision_categories(self.labels.torchvision)
        return tuple(label.name for label in self.labels)

    def same_as(self, other: ModelCard) -> bool:
        """Whether another card says the same, wherever it lies and however its output is read."""
        first, second = (card._written or card.model_dump() for card in (self, other))
        return first == second

    def read_with(self, activation: Literal["softmax", "sigmoid", "none"]) -> ModelCard:
        """This card, with its network's output read by another activation than is written."""
        output = self.output.model_copy(update={"activation": activation})
        card = self.model_copy(update={"output": output})
        card._written = self._written or self.model_dump()
        return card

    def color(self, class_id: int) -> tuple[int, int, int]:
        """The label's colour, else one of the palette by its position."""
        if not isinstance(self.labels, LabelSource) and class_id < len(self.labels):
            color = self.labels[class_id].color
            if color is not None:
                return color
        return PALETTE[class_id % len(PALETTE)]


def read_card(path: Path) -> ModelCard:
    """The card in a `card.toml` (or in a folder that holds one).

    Raises `InvalidCard` naming the file and every wrong key.
    """
    file = path / CARD if path.is_dir() else path
    try:
        card = ModelCard.model_validate(with_labels(_content(file), file.parent))
    except ValidationError as fault:
        raise InvalidCard(f"{file.parent.name}/{CARD}: {sentence_of(fault, ModelCard)}") from fault
    except OSError as fault:
        raise InvalidCard(f"{file.parent.name}/{CARD}: {fault.strerror}.") from fault
    except ValueError as fault:  # no TOML, or no UTF-8
        raise InvalidCard(f"{file.parent.name}/{CARD}: {fault}.") from fault
    card._folder = file.parent
    return card


def stated_id(folder: Path) -> str | None:
    """The id that a card states, which may be faulty otherwise; None if it can't be read."""
    try:
        name = _content(folder / CARD).get("id")
    except (OSError, ValueError):
        return None
    return name if isinstance(name, str) else None


def _content(file: Path) -> dict[str, Any]:
    """What a TOML file says; the mark that Windows' editors put at its beginning is skipped."""
    return tomllib.loads(file.read_text(encoding="utf-8-sig"))

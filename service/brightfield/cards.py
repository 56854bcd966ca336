"""Model cards: what a model is, what it needs and what it promises.

A model is a folder with `card.toml` and, as a rule, its weights. The card is data alone: reading
one runs no code and opens no weights.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from brightfield.errors import InvalidCard, nearest
from brightfield.images.intensity import Intensity
from brightfield.label_files import with_labels
from brightfield.names import NAME
from brightfield.palette import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, YELLOW
from brightfield.parameters import Parameters

CARD = "card.toml"
PROGRAMS = ("export", "onnx", "torchscript")
"""Architectures that are a file with the whole network."""

_GREY = (120, 120, 120)
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW, _GREY)

_NO_CLASS = ("__background__", "N/A")
_ID = re.compile(NAME)


def _valid_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError(
            "an id is letters, digits, '.', '_', '-' and begins with one of the first two"
        )
    return value


def _lowered(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _each(value: object) -> object:
    """One number as a list of it, which counts for every channel."""
    return (value,) if isinstance(value, int | float) else value


Digest = Annotated[str, BeforeValidator(_lowered), Field(pattern=r"^[0-9a-f]{64}$")]
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
    size: tuple[int, int] | Multiple | None = None
    """(height, width) that the model needs, a multiple, or any size."""
    resize: Resize | None = None
    crop: Annotated[int, Field(ge=1)] | None = None
    """Side of the square centre crop after resizing."""
    order: Literal["RGB", "BGR"] = "RGB"
    mean: Annotated[tuple[float, ...], BeforeValidator(_each)] = (0.0,)
    """Per channel (or one for all), subtracted from values in [0, 1]."""
    std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(_each)] = (1.0,)
    """Per channel (or one for all), divided by afterwards."""
    intensity: Intensity = Intensity("auto")
    """How other than 8-bit images are brought to [0, 1]."""
    pixel_size: Annotated[float, Field(gt=0)] | None = None
    """Micrometres per pixel of the training images."""
    pixels: Literal["scaled", "raw"] = "scaled"
    """raw: arrays as they are sent, neither resized nor normalised."""

    @model_validator(mode="after")
    def _matching(self) -> Self:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channels):
                raise ValueError(f"{name} has {len(values)} values for {self.channels} channels")
        return self


class Instances(Parameters):
    """How objects of one class are told apart where they touch, for networks whose first map is
    the label's and whose second says how near a pixel is to the middle of its object (1 there,
    0 at its edge)."""

    smoothing: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Standard deviation, in pixels, of the Gaussian that the nearness is smoothed with."""
    saddle: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Two maxima are one object if the way between them keeps this share of the lower one."""
    min_area: Annotated[int, Field(ge=1)] = 1
    """Pixels of the smallest object that is reported."""


class OutputSpec(Parameters):
    """From the unnormalised output to scores."""

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


class Label(Parameters):
    """A class by its name and colour (RGB, 0 to 255)."""

    name: str
    color: tuple[int, int, int] | None = None

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
    """Module whose activations Grad-CAM weighs. Default: the last one with spatial maps."""
    penultimate: str | None = None
    """Module whose output is the feature vector. Default: the input of the last linear layer."""


class Quality(Parameters):
    """One measured number."""

    data: str
    split: str
    metric: str
    value: float
    n: int | None = None
    date: str | None = None


class ModelCard(Parameters):
    """What a model is, needs and promises."""

    id: Annotated[str, AfterValidator(_valid_id)]
    version: str
    task: str
    licence: str
    description: str = ""
    citation: str = ""
    architecture: ArchitectureSection
    weights: WeightsSection | None = None
    input: InputSpec = InputSpec()
    output: OutputSpec = OutputSpec()
    labels: tuple[Label, ...] | LabelSource = ()
    explain: ExplainSection = ExplainSection()
    quality: tuple[Quality, ...] = ()
    max_batch: Annotated[int, Field(ge=1)] | None = None
    """Most images in one forward pass. Default: measured."""

    _folder: Path = PrivateAttr(default=Path())
    _post: Callable[..., Any] | None = PrivateAttr(default=None)

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
        """Whether another card says the same, wherever it lies."""
        return self.model_dump() == other.model_dump()

    def color(self, class_id: int) -> tuple[int, int, int]:
        """The label's colour, else one of the palette by its position."""
        if not isinstance(self.labels, LabelSource) and class_id < len(self.labels):
            color = self.labels[class_id].color
            if color is not None:
                return color
        return PALETTE[class_id % len(PALETTE)]


def torchvision_weights(name: str) -> Any:
    """torchvision's entry for a weights name: `url`, `meta` and `transforms`; downloads nothing.

    Raises `InvalidCard` with the nearest names.
    """
    from torchvision.models import get_model_weights, get_weight, list_models  # slow to import

    try:
        return get_weight(name)
    except (ValueError, KeyError, AttributeError) as fault:
        known = [str(weights) for model in list_models() for weights in get_model_weights(model)]
        raise InvalidCard(f"torchvision has no weights {name!r}.{nearest(name, known)}") from fault


def torchvision_categories(weights: str) -> tuple[str, ...]:
    """The class names in the metadata of a torchvision weights name, less those of no class.

    Detectors and segmenters list the background, and COCO's detectors ten numbers that the data
    set does not use.
    Raises `InvalidCard` for an unknown name, and for weights without class names.
    """
    categories = _categories(weights)
    return tuple(categories[column] for column in torchvision_columns(weights))


def torchvision_columns(weights: str) -> tuple[int, ...]:
    """Where the model's output has the classes that `torchvision_categories` names."""
    return tuple(
        column for column, name in enumerate(_categories(weights)) if name not in _NO_CLASS
    )


def _categories(weights: str) -> list[str]:
    categories: list[str] | None = torchvision_weights(weights).meta.get("categories")
    if not categories:
        raise InvalidCard(f"The torchvision weights {weights} come without class names.")
    return categories


def read_card(path: Path) -> ModelCard:
    """The card in a `card.toml` (or in a folder that holds one).

    Raises `InvalidCard` naming the file and every wrong key.
    """
    file = path / CARD if path.is_dir() else path
    try:
        card = ModelCard.model_validate(with_labels(_content(file), file.parent))
    except ValidationError as fault:
        raise InvalidCard(f"{file.parent.name}/{CARD}: {_sentence(fault)}") from fault
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


def _sentence(fault: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc']) or 'card'}: {_said(error)}"
        for error in fault.errors()
    )


def _said(error: ErrorDetails) -> str:
    """What is wrong with one key; of an unknown one the nearest known name."""
    if error["type"] != "extra_forbidden":
        return error["msg"]
    known = _keys_at(error["loc"][:-1])
    hint = nearest(str(error["loc"][-1]), known, 1) or f" Known: {', '.join(known)}."
    return f"There is no such key.{hint}"


def _keys_at(place: Sequence[int | str]) -> list[str]:
    """The keys that a card may have at a place in it."""
    sections: list[type[Parameters]] = [ModelCard]
    for step in place:
        inner = [each.model_fields[step] for each in sections if step in each.model_fields]
        named = [each for each in sections if each.__name__ == step]  # one of several forms
        parts = [part for found in inner for part in _parts(found.annotation)]
        sections = parts or named or sections
    return [key for section in sections for key in section.model_fields]


def _parts(annotation: Any) -> list[type[Parameters]]:
    """The sections among the forms that a value may have."""
    if isinstance(annotation, type) and issubclass(annotation, Parameters):
        return [annotation]
    return [part for form in get_args(annotation) for part in _parts(form)]

"""What the engine gives: a result, and the facts about how it came to be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from brightfield.backend_names import BackendName, Precision
from brightfield.cards import ModelCard
from brightfield.errors import BrightfieldError
from brightfield.images.level_read import LevelRead
from brightfield.images.picture import Note, Picture, Region
from brightfield.images.plane_address import PlaneAddress
from brightfield.results import Result
from brightfield.runtime.operations import Operation
from brightfield.runtime.work_item import WorkItem
from brightfield.scaling import Scaling
from brightfield_painting import display


@dataclass(slots=True)
class Timing:
    """Seconds spent in each stage, in the order in which they were first entered."""

    seconds: dict[str, float] = field(default_factory=dict)

    def stage(self, name: str) -> AbstractContextManager[None]:
        """The time within it counts for the stage."""
        return _Stage(self, name)

    def forward(self, item: WorkItem) -> None:
        """The item's wait in the queue and its time on the lane."""
        self.add("queue", item.started - item.enqueued)
        self.add("forward", item.finished - item.started)

    def add(self, name: str, seconds: float) -> None:
        """Count so many seconds more for a stage."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


class _Stage:
    """Time from the beginning of a block to its end."""

    __slots__ = ("_name", "_start", "_timing")

    def __init__(self, timing: Timing, name: str) -> None:
        self._timing = timing
        self._name = name

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._timing.add(self._name, time.perf_counter() - self._start)


class Ran(NamedTuple):
    """What ran the model, and what it computed in."""

    backend: BackendName = "eager"
    precision: Precision = "fp32"

    @classmethod
    def by(cls, operation: Operation) -> Ran:
        """Of an operation; what looks into the model is run by the model itself."""
        return cls(getattr(operation, "backend", "eager"), getattr(operation, "precision", "fp32"))


ITSELF = Ran()
"""The model itself, by PyTorch."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a reply states of an image; without its pixels."""

    sha256: str
    width: int
    height: int
    axes: str
    dtype: np.dtype[Any]
    orientation_applied: int
    scaling: Scaling | None
    pixel_size: float | None
    spacing: float | None
    address: PlaneAddress
    region: Region | None
    notes: tuple[Note, ...] = ()
    scale: float = 1.0
    """Pixels that the model saw for each of the image along a side."""
    channels: tuple[int, ...] = ()
    """Places in the file of the channels that were used, as far as known."""
    level: LevelRead | None = None
    """Of a pyramid, read for its scale; sizes and places are those of the full resolution."""

    @classmethod
    def of(
        cls,
        picture: Picture,
        scaling: Scaling | None,
        region: Region | None,
        notes: tuple[Note, ...] = (),
        scale: float = 1.0,
    ) -> ImageFacts:
        """The facts of a picture, of which a region (None: all) was asked about, and what was noted
        on the way to the model's input."""
        return cls(
            picture.sha256,
            picture.width,
            picture.height,
            picture.axes,
            picture.pixels.dtype,
            picture.orientation_applied,
            scaling,
            picture.pixel_size,
            picture.spacing,
            picture.address,
            region,
            (*picture.notes, *notes),
            scale,
            picture.facts.indices,
            picture.level,
        )


@dataclass(slots=True)
class MultiImageAnswer:
    """One result for several images, or what is wrong with each of them; `notes` are on the result,
    those on an image are among its facts."""

    task: str
    card: ModelCard
    sha256: str | None
    digest: str | None
    images: tuple[ImageFacts | BrightfieldError, ...]
    result: Result
    notes: tuple[Note, ...]
    timing: Timing
    batch_size: int
    ran: Ran = ITSELF


@dataclass(slots=True)
class Answer:
    """A result for one image, or its `region`, in so many `tiles` or positions of a window."""

    task: str
    card: ModelCard
    sha256: str | None
    digest: str | None
    picture: Picture
    scaling: Scaling | None
    result: Result
    notes: tuple[Note, ...]
    timing: Timing
    batch_size: int
    tiles: int = 1
    scale: float = 1.0
    ran: Ran = ITSELF
    region: Region | None = None
    plane_scalings: tuple[Scaling, ...] = ()
    """Those of each plane of a stack, where each has its own."""

    def overlay(self, alpha: float = 0.6) -> NDArray[np.uint8]:
        """(H, W, 3): the image with the result drawn on it, at most `alpha` opaque.

        Raises `TypeError` for a result that can't be drawn, as that of a classification.
        """
        return self.result.overlay(display(self.picture.full), alpha)


def notes_of_failed(images: Sequence[ImageFacts | BrightfieldError]) -> tuple[Note, ...]:
    """What is to be known of an answer about the images of which some could not be read."""
    count = sum(isinstance(image, BrightfieldError) for image in images)
    if not count:
        return ()
    return (
        Note(
            "images_left_out",
            f"{count} of {len(images)} images could not be read and are left out; `images` says "
            "why.",
        ),
    )

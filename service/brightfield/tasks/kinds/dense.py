"""Dense tasks: answers with places in the image, so that a large field can be taken in tiles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import Field

from brightfield.cards import ModelCard
from brightfield.geometry import Geometry
from brightfield.images.picture import Note, Picture, Region
from brightfield.images.tiles import Tile
from brightfield.parameters import Extent
from brightfield.results import Result
from brightfield.scaling import Scaling
from brightfield.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Scene:
    """What is answered: a region of a picture, seen by a model through its card.

    `attachments` are other pictures that came with the request, by name.
    """

    card: ModelCard
    picture: Picture
    region: Region
    scaling: Scaling | None
    attachments: Mapping[str, Picture] = field(default_factory=dict)


class Canvas(ABC):
    """Where the outputs of a scene's tiles come together; an untiled scene is a single tile."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.notes: list[Note] = []

    @abstractmethod
    def add(self, output: Any, geometry: Geometry, tile: Tile) -> None:
        """Take in the model's output for a tile (first dimension 1, on the CPU).

        `geometry` says how the model's input for the tile lies in the image.
        """

    @abstractmethod
    def result(self) -> Result:
        """The answer, when every tile is there."""


class Dense(Task):
    """A task that answers on a canvas. Each is one file and fills in `canvas`."""

    finding_blocks: ClassVar[bool] = True  # it segments, or suppresses doubles, first
    refuses_large_fields: ClassVar[bool] = True

    tile: Extent | None = None
    """Cut the image into tiles of this side, or height,width, overlap included, in pixels as the
    model sees them: those of the image, unless `scale` changes them. Default: large images are cut
    so that the result is that of the whole, where the model's reach allows it."""
    overlap: Annotated[int, Field(ge=0)] | None = None
    """Pixels that neighbouring tiles share. Default: what the model's reach needs."""

    @property
    def stacked(self) -> bool:
        """Whether every plane of the file is a view of its own."""
        return False

    @property
    def plane_by_plane(self) -> bool:
        """Whether each plane of a stack has intensity limits of its own."""
        return False

    def check(self, scene: Scene) -> None:
        """Raise a `BrightfieldError` for what cannot be answered, before any work.

        The scene has no scaling yet.
        """

    @abstractmethod
    def canvas(self, scene: Scene) -> Canvas:
        """An empty canvas for a scene."""

    def views(self, picture: Picture, card: ModelCard) -> Sequence[Picture]:
        """The pictures that are answered one by one: as a rule the one that is asked about."""
        return (picture,)

    def combined(self, canvases: Iterable[Canvas]) -> Result:
        """The answer from the finished canvas of each view, in their order."""
        (canvas,) = canvases
        return canvas.result()

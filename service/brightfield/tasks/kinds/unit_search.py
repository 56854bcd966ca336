"""Tasks that search many images for the places that excite the units of a layer most."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from brightfield.images.picture import Note
from brightfield.results import Result
from brightfield.tasks.task import Task
from brightfield.tasks.units.inside import Inside
from brightfield.tasks.units.patch import Patch
from brightfield.tasks.units.top_activations import TopActivations
from brightfield.work import Arity


class UnitSearch(Inside, Task):
    """A task that keeps the greatest values of each unit over all images, goes back to the places
    where they are, and answers with the image and the gradient there."""

    arity: ClassVar[Arity] = "several"

    k: Annotated[int, Field(ge=1, le=64)] = 6
    """Patches per unit; at most one of each neighbourhood in an image."""
    per_image: Annotated[int, Field(ge=1, le=64)] = 1
    """Most patches of a unit from one image."""

    def top_activations(self) -> TopActivations:
        """What the values of all images are collected in."""
        return TopActivations(self.k, min(self.k, self.per_image))

    @abstractmethod
    def shown(self, top: TopActivations) -> dict[int, int]:
        """The units to show, each with its number among the maps that were collected."""

    def notes_on(self, top: TopActivations) -> Sequence[Note]:
        """What is to be known of the units that are shown."""
        return ()

    @abstractmethod
    def found(self, layer: str, units: Mapping[int, Sequence[Patch]], rule: str) -> Result:
        """The result from each shown unit's patches, the best first; `rule` says how gradients were
        taken: `guided`, `plain` or `none`."""

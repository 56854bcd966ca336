"""What a projection is: its parameters, the map that it makes, and how later items are placed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from brightfield.embedding.copies import Dtype
from brightfield.embedding.vectors import Points, Vectors
from brightfield.errors import InvalidParameter
from brightfield.images.picture import Note
from brightfield.parameters import Parameters
from brightfield.progress import Progress


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A map: `points` (N, dimensions) of the vectors that it was made of, `arrays` that placing
    others needs, `facts` about it, of JSON types, and what its reader should know."""

    points: Points
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[Note] = ()


class Projection(Parameters, ABC):
    """A projection's parameters are its fields; the same in HTTP, SDK and command line."""

    name: ClassVar[str]
    """The projection's name: that of its file."""

    title: ClassVar[str]
    """What people call it."""

    libraries: ClassVar[tuple[str, ...]]
    """Distributions whose versions the map depends on."""

    metric_matters: ClassVar[bool] = True
    """Whether it looks at neighbours: by cosine, vectors are then scaled to length 1 first."""

    dimensions: Annotated[int, Field(ge=2, le=3)] = 2
    """Dimensions of the map: 2 or 3."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Seed of the random numbers; the same seed, data and versions give the same map."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = cls.__module__.rpartition(".")[2]

    @staticmethod
    def about(facts: Mapping[str, Any]) -> str:
        """What decides how its map looks, by the map's facts; for a title."""
        return ""

    @staticmethod
    def axes(facts: Mapping[str, Any]) -> tuple[str, str] | None:
        """What the first two coordinates are, where they have a meaning."""
        return None

    def check(self, vectors: Vectors) -> None:
        """Raises `InvalidParameter` if the vectors (N, D) can't have such a map."""
        count, dim = vectors.shape
        least = self.dimensions + 1
        if count < least:
            raise InvalidParameter(
                f"A map of {self.dimensions} dimensions needs {least} vectors and there are "
                f"{count}; add items, or widen the filter."
            )
        if dim < self.dimensions:
            raise InvalidParameter(
                f"Vectors of {dim} values have no map of {self.dimensions} dimensions.",
                errors=[{"location": "dimensions", "received": self.dimensions}],
            )
        if not np.ptp(vectors, axis=0).any():
            raise InvalidParameter("All vectors are equal, so there is nothing to map.")

    @abstractmethod
    def fit(self, vectors: Vectors, progress: Progress, dtype: Dtype = "float32") -> Fitted:
        """The map of the vectors (N, D), which were stored with that dtype; copies are equal.

        Raises as `check` does, and what `progress` raises.
        """

    @abstractmethod
    def place(self, fitted: Fitted, vectors: Vectors, new: Vectors, progress: Progress) -> Points:
        """Places (M, dimensions) of `new` (M, D) on the map of `vectors`, none of which moves."""

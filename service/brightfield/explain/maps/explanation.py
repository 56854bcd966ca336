"""What the results of all methods have in common: a map, the facts about it, and warnings."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any, Self

from brightfield.explain.maps.verdict import NO_VALUES, notes_on
from brightfield.images.heat import HeatResult
from brightfield.images.picture import Note
from brightfield.tensors import Map


class Explanation(HeatResult):
    """A map over the image for one target or several.

    Subclasses are dataclasses with these fields. `facts` are members of the JSON result; `notes`
    belong to the answer's warnings.
    """

    facts: dict[str, Any]
    notes: tuple[Note, ...]

    @property
    @abstractmethod
    def main(self) -> Map:
        """(h, w) on the model's input grid: the map of the first target."""

    def judged(self) -> Self:
        """The same with notes if the map is empty, has no numbers, or is nothing but rounding; that
        is set to 0, so nothing draws it at full contrast."""
        return self.stating(*notes_on(self.main, 0.0, NO_VALUES))

    def stating(self, *notes: Note, **facts: Any) -> Self:
        """The same with further facts and notes."""
        fields = {"facts": {**self.facts, **facts}, "notes": (*self.notes, *notes)}
        return replace(self, **fields)  # type: ignore[type-var]

"""What the results of all methods have in common: a map, the facts about it, and warnings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from brightfield.explain.maps.verdict import NO_VALUES, notes_on
from brightfield.images.heat import HeatResult
from brightfield.images.outlines import draw_boxes
from brightfield.images.picture import Note
from brightfield.palette import SKY, Color
from brightfield.targets import Target
from brightfield.tensors import Map

_MOST_NAMED = 16


class Explanation(HeatResult):
    """A map over the image for one target or several. On an overlay the first has a frame, if it
    lies in a part of the image.

    Subclasses are dataclasses with these fields. `facts` are members of the JSON result; `notes`
    belong to the answer's warnings.
    """

    facts: dict[str, Any]
    notes: tuple[Note, ...]

    @property
    @abstractmethod
    def about_targets(self) -> Sequence[Target]:
        """What is explained; the first is drawn."""

    @property
    def about(self) -> dict[str, str]:
        targets = self.about_targets
        labels = ", ".join(target.label for target in targets[:_MOST_NAMED])
        more = f" and {len(targets) - _MOST_NAMED} more" if len(targets) > _MOST_NAMED else ""
        layer = self.facts.get("layer")
        return {"target": labels + more} | ({} if layer is None else {"layer": str(layer)})

    @property
    def colors(self) -> dict[str, str]:
        return {"target": self.about_targets[0].label, **super().colors}

    def overlay(self, picture: NDArray[np.uint8], alpha: float) -> NDArray[np.uint8]:
        drawn, frame = super().overlay(picture, alpha), self.about_targets[0].frame
        return drawn if frame is None else draw_boxes(drawn, [frame], [""], [SKY])

    @property
    def marks(self) -> tuple[tuple[str, Color], ...]:
        return () if self.about_targets[0].frame is None else (("what is explained", SKY),)

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

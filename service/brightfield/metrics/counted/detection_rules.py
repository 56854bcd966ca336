"""What counts in the numbers of detections: how many, at which overlaps, of which sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COCO_LIMIT = 100
"""Detections of an image and category that count in COCO's numbers, the best first."""
COCO_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""IoU from which a detection hits, as pycocotools has them to the last bit."""
RECALLS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
"""Where COCO reads precision."""
_FEW = (1, 10)
_SHOWN = (0.5, 0.75)


@dataclass(frozen=True, slots=True)
class AreaRange:
    """Objects from `low` to `high` square pixels, both included."""

    name: str
    low: float
    high: float


ALL_AREAS = AreaRange("all", 0.0, 1e10)
COCO_AREAS = (
    AreaRange("small", 0.0, 32.0**2),
    AreaRange("medium", 32.0**2, 96.0**2),
    AreaRange("large", 96.0**2, 1e10),
)


@dataclass(frozen=True)
class DetectionRules:
    """The rules of COCO, or of one's own; `areas` has all areas first."""

    limit: int = COCO_LIMIT
    thresholds: tuple[float, ...] = COCO_THRESHOLDS
    areas: tuple[AreaRange, ...] = (ALL_AREAS, *COCO_AREAS)
    class_agnostic: bool = False

    @classmethod
    def of(
        cls,
        limit: int,
        thresholds: Sequence[float] | None,
        areas: Mapping[str, tuple[float, float | None]] | None,
        pixel_size: float | None,
        *,
        class_agnostic: bool,
    ) -> DetectionRules:
        """From options; None stands for COCO's. `areas` are in square pixels, with `pixel_size` in
        square micrometres; without an end they go on for ever."""
        square = 1.0 if pixel_size is None else pixel_size**2
        own: tuple[AreaRange, ...] = COCO_AREAS
        if areas is not None:
            own = tuple(
                AreaRange(name, low / square, math.inf if high is None else high / square)
                for name, (low, high) in areas.items()
            )
        chosen = COCO_THRESHOLDS if thresholds is None else tuple(sorted(set(thresholds)))
        return cls(limit, chosen, (ALL_AREAS, *own), class_agnostic)

    @property
    def caps(self) -> tuple[int, ...]:
        """How many detections of an image and category the recalls are of."""
        return (*(few for few in _FEW if few < self.limit), self.limit)

    @property
    def shown(self) -> Mapping[str, int]:
        """The places of the thresholds that have a number of their own, by its name: of COCO's
        0.5 and 0.75, of others all."""
        chosen = _SHOWN if self.thresholds == COCO_THRESHOLDS else self.thresholds
        return {f"ap{100 * t:.6g}": self.thresholds.index(t) for t in chosen}

    @property
    def names(self) -> tuple[str, ...]:
        """The numbers: COCO's twelve, or as many as the rules make."""
        areas = [area.name for area in self.areas[1:]]
        return (
            *("ap", *self.shown, *(f"ap_{area}" for area in areas)),
            *(*(f"ar_{cap}" for cap in self.caps), *(f"ar_{area}" for area in areas)),
        )

    def area_of(self, name: str) -> int:
        """The place of the areas that a number is of."""
        own = name.partition("_")[2]
        return next((place for place, area in enumerate(self.areas) if area.name == own), 0)

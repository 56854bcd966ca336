"""The places in many images that excite each unit of a layer most, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brightfield.models.inspection.receptive import ReceptiveField
from brightfield.tensors import Indices

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Peak:
    """A value of a unit, and the place (row, column) of which image it is at."""

    value: float
    image: int
    row: int
    column: int


class TopActivations:
    """The `k` greatest values of every unit over the images that were added, with their places; at
    most `per_image` of one image.

    A unit has at most one value per neighbourhood of an image: a lower value does not count
    where the middle of its receptive field lies in the receptive field of a higher one. Nor does
    one that is the least of its map, as the zeros of a unit that does not respond, unless the map
    has but one place. Ties go to the image, row and column that come first.
    """

    def __init__(self, k: int, per_image: int | None = None) -> None:
        self._k = k
        self._per_image = k if per_image is None else per_image
        self._values: Values = np.empty((0, k), np.float32)
        self._places: Indices = np.empty((0, k, 3), np.int64)

    def add(self, image: int, maps: Values, field: ReceptiveField) -> None:
        """Take in the maps (C, h, w) of an image; values that are not finite do not count."""
        if not len(self._values):
            self._values = np.full((len(maps), self._k), -np.inf, np.float32)
            self._places = np.zeros((len(maps), self._k, 3), np.int64)
        near = near_places(field.rows), near_places(field.cols)
        for values, rows, columns in peaks(maps, self._per_image, self._values[:, -1], *near):
            self._insert(values, np.stack([np.full_like(rows, image), rows, columns], axis=1))

    @property
    def responding(self) -> int:
        """How many units have a value that counts."""
        return int(np.isfinite(self._values).any(axis=1).sum())

    def best(self, most: int) -> list[int]:
        """The units, at most so many, whose kept values have the greatest sum; no silent ones."""
        kept = np.isfinite(self._values)
        total = np.where(kept, self._values, 0).sum(axis=1, dtype=np.float64)
        found = np.flatnonzero(kept.any(axis=1))
        return [int(unit) for unit in found[np.argsort(-total[found], kind="stable")][:most]]

    def peaks_of(self, unit: int) -> list[Peak]:
        """The unit's values, the greatest first."""
        pairs = zip(self._values[unit].tolist(), self._places[unit].tolist(), strict=True)
        return [Peak(value, *place) for value, place in pairs if np.isfinite(value)]

    def _insert(self, values: Values, places: Indices) -> None:
        """One more value per unit, which comes after those that it equals."""
        all_values = np.concatenate([self._values, values[:, None]], axis=1)
        all_places = np.concatenate([self._places, places[:, None]], axis=1)
        order = np.argsort(-all_values, axis=1, kind="stable")[:, : self._k]
        self._values = np.take_along_axis(all_values, order, axis=1)
        self._places = np.take_along_axis(all_places, order[..., None], axis=1)


def near_places(spans: Indices) -> NDArray[np.bool_]:
    """(n, n): whether the middle of the field j lies in the field i, along one axis (n, 2)."""
    middles = spans.sum(axis=1) / 2
    within = (spans[:, :1] <= middles) & (middles < spans[:, 1:])
    near: NDArray[np.bool_] = within | np.eye(len(spans), dtype=np.bool_)
    return near


def peaks(
    maps: Values,
    most: int,
    above: Values,
    near_rows: NDArray[np.bool_],
    near_columns: NDArray[np.bool_],
) -> Iterator[tuple[Values, Indices, Indices]]:
    """One peak after another of every map (C, h, w): (C,) values, rows and columns.

    Each leaves out the neighbourhoods of those before. A value that is no peak is -inf: one that is
    not `above` (C,), or is the least of its map. Ends when no unit has one, after `most`.
    """
    left = np.where(np.isfinite(maps), maps, -np.inf).astype(np.float32)
    flat = left.reshape(len(left), -1)
    known = np.where(np.isfinite(flat), flat, np.inf).min(axis=1)
    least = known if flat.shape[1] > 1 else np.full(len(flat), -np.inf, np.float32)
    bound = np.maximum(above, least)
    for _ in range(most):
        at = flat.argmax(axis=1)
        values = flat[np.arange(len(flat)), at]
        found = values > bound
        if not found.any():
            return
        rows, columns = np.unravel_index(at, maps.shape[1:])
        yield np.where(found, values, -np.inf).astype(np.float32), rows, columns
        for unit in np.flatnonzero(found):
            down, across = near_rows[rows[unit]], near_columns[columns[unit]]
            left[unit][np.ix_(down, across)] = -np.inf

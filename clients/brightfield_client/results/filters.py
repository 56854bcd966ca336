"""The filters of a convolution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from brightfield_client.arrays import FloatArray
from brightfield_client.results.saving import save_as, write_json
from brightfield_client.results.value import Json, Value, at


@dataclass(frozen=True, eq=False, kw_only=True)
class Filters(Value):
    """`weights` (k, c, h, w): filters, input slices, rows, columns of the convolution `layer`.

    `total` is how many filters and slices the layer has, `first` the number of the first ones here.
    `ranges` (k,) is the largest magnitude of each filter, by which pictures are scaled.
    """

    layer: str
    type: str
    weights: FloatArray = at(repr=False)
    total: tuple[int, int]
    first: tuple[int, int]
    ranges: npt.NDArray[np.float64] = at(repr=False)
    raw: Json = at(whole=True, repr=False)

    def __len__(self) -> int:
        return len(self.weights)

    def save(self, path: str | Path) -> Path:
        """Write the weights as .npy, or the whole answer as .json."""
        writers = {
            ".npy": lambda file: np.save(file, self.weights, allow_pickle=False),
            ".json": lambda file: write_json(file, self.raw),
        }
        return save_as(path, writers, "A set of filters")

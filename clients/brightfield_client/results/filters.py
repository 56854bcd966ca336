"""The filters of a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from brightfield_client.arrays import FloatArray, decode_array, numbers
from brightfield_client.errors import UnexpectedReply
from brightfield_client.results.saving import save_as, write_json


@dataclass(frozen=True, eq=False)
class Filters:
    """`weights` (k, c, h, w): filters, input slices, rows, columns of the convolution `layer`.

    `total` is how many filters and slices the layer has, `first` the number of the first ones here.
    `ranges` (k,) is the largest magnitude of each filter, by which pictures are scaled.
    """

    layer: str
    type: str
    weights: FloatArray = field(repr=False)
    total: tuple[int, int]
    first: tuple[int, int]
    ranges: FloatArray = field(repr=False)
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, value: Any) -> Filters:
        """Raises `UnexpectedReply` for a reply of another kind."""
        try:
            return cls(
                str(value["layer"]),
                str(value["type"]),
                decode_array(value["weights"]),
                (int(value["total"][0]), int(value["total"][1])),
                (int(value["first"][0]), int(value["first"][1])),
                numbers(value["ranges"]),
                value,
            )
        except (KeyError, TypeError, ValueError, IndexError) as fault:
            raise UnexpectedReply(f"The reply has no filters: {fault!r}.") from fault

    def __len__(self) -> int:
        return len(self.weights)

    def save(self, path: str | Path) -> Path:
        """Write the weights as .npy, or the whole answer as .json."""
        writers = {
            ".npy": lambda file: np.save(file, self.weights, allow_pickle=False),
            ".json": lambda file: write_json(file, self.raw),
        }
        return save_as(path, writers, "A set of filters")

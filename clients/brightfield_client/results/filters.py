"""The filters of a convolution."""

from __future__ import annotations

from pathlib import Path

from brightfield_client.results._shapes import FilterList
from brightfield_client.results.saving import as_npy, save_as


class Filters(FilterList):
    """`weights` (k, c, h, w): filters, input slices, rows, columns of the convolution `layer`.

    `total` is how many filters and slices the layer has, `first` the number of the first ones here.
    `ranges` (k,) is the largest magnitude of each filter, by which pictures are scaled.
    """

    def __len__(self) -> int:
        return len(self.weights)

    def save(self, path: str | Path) -> Path:
        """Write the weights as .npy, or the whole answer as .json."""
        return save_as(self, path, {".npy": as_npy(self.weights)})

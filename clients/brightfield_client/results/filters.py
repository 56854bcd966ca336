"""The filters of a convolution."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brightfield_client.results._shapes import FilterList
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.saving import Writers, as_npy, save_as


@dataclass(frozen=True, eq=False, kw_only=True)
class Filters(FilterList, Drawn):
    """`weights` (k, c, h, w): filters, input slices, rows, columns of the convolution `layer`.

    `total` is how many filters and slices the layer has, `first` the number of the first ones here.
    `ranges` (k,) is the largest magnitude of each filter, by which pictures are scaled.
    """

    _form = "png"

    def __len__(self) -> int:
        return len(self.weights)

    def save(self, path: str | Path) -> Path:
        """Write the weights as .npy, the whole answer as .json, or `picture()` as .png."""
        writers: Writers = {".npy": as_npy(self.weights), ".png": lambda f: self.picture().save(f)}
        return save_as(self, path, writers)

    def _repr_html_(self) -> str:
        return self._shown(self.layer)

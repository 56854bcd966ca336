"""The filters of a convolution."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield_client.results._shapes import FilterList
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.saving import Writers, as_npy


@dataclass(frozen=True, eq=False, kw_only=True)
class Filters(FilterList, Drawn):
    """`weights` (k, c, h, w): filters, input slices, rows, columns of the convolution `layer`.

    `total` is how many filters and slices the layer has, `first` the number of the first ones here.
    `ranges` (k,) is the largest magnitude of each filter, by which pictures are scaled.
    Saved as .npy the weights, .png the picture.
    """

    _form = "png"

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def _writers(self) -> Writers:
        return {".npy": as_npy(self.weights), ".png": lambda file: self.picture().save(file)}

    def _repr_html_(self) -> str:
        return self._shown(self.layer)

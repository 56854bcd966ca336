"""The answer of /segment about an image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from brightfield_client.results._shapes import Segment
from brightfield_client.results.masks import Labels, mask_bytes, one_plane
from brightfield_client.results.objects import MIDDLE, OBJECT, InOneImage
from brightfield_client.results.places import EDGES
from brightfield_client.results.saving import Writers, as_npy
from brightfield_client.results.table import Columns, columns
from brightfield_client.results.value import at


@dataclass(frozen=True, eq=False, kw_only=True)
class Segmentation(InOneImage[Segment]):
    """The pixels of each object, or of each class in the mode `semantic`.

    `labels` (H, W) covers the whole image: 0, and an object's id on each of its pixels; uint16, or
    uint32 beyond 65,535 objects. In the mode `semantic` an object is a class with all its pixels,
    and its id the class id + 1. Saved as .png and .npy the label image (.png of at most 65,535
    objects), .tif with the pixel size, .csv what is measured, .geojson for QuPath, .zip regions for
    ImageJ.
    """

    _forms = ".tif=tiff .geojson=geojson .zip=rois"

    objects: tuple[Segment, ...] = at(repr=False)
    mode: str
    labels: Labels = at("mask", read=one_plane, repr=False)

    def mask(self, label: int | str) -> npt.NDArray[np.bool_]:
        """(H, W): the pixels of the object with this id, or of a class by its name.

        Raises `KeyError` for one that is not there; a class without objects has no pixels.
        """
        if isinstance(label, str):
            if label not in self.counts:
                raise KeyError(f"the model knows no class {label!r}; {', '.join(self.counts)}")
            ids = [found.id for found in self.objects if found.label == label]
            return np.isin(self.labels, ids)
        if all(found.id != label for found in self.objects):
            raise KeyError(f"there is no object {label}")
        return np.asarray(self.labels == label)

    @property
    def _writers(self) -> Writers:
        own: Writers = {".png": self._write_png, ".npy": as_npy(self.labels)}
        return {**super()._writers, **own}

    def _write_png(self, path: Path) -> None:
        mask = self.json["mask"]
        if mask["format"] != "png":
            raise ValueError("A PNG tells at most 65535 objects apart; save as .tif or .npy.")
        path.write_bytes(mask_bytes(mask))

    def _columns(self) -> Columns:
        px = columns(f"{OBJECT} {EDGES} area_px {MIDDLE}")
        um = {} if self.image.get("pixel_size") is None else columns("area_um2") | self._middles()
        grey = self.image.get("axes") == "YX"
        means = len(self.objects[0].mean_intensity) if self.objects else 1 if grey else 3
        names = (f"mean_intensity_{place + 1}=mean_intensity.{place}" for place in range(means))
        return (
            px | um | columns("mean_intensity=mean_intensity.0" if means == 1 else " ".join(names))
        )

    def _repr_html_(self) -> str:
        return self._shown(self.mode) + self._count_table() + self._caption()

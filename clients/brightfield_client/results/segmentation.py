"""The answer of /segment about an image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.pictures import thumbnail_png
from brightfield_client.results._shapes import Point
from brightfield_client.results.found import Segment
from brightfield_client.results.masks import Labels, mask_bytes, one_plane
from brightfield_client.results.objects import InOneImage
from brightfield_client.results.places import Box
from brightfield_client.results.saving import save_as, write_tiff
from brightfield_client.results.value import at

_BOUNDARY = 0.35  # brightness of a boundary between objects


@dataclass(frozen=True, eq=False, kw_only=True)
class Segmentation(InOneImage[Segment]):
    """The pixels of each object, or of each class in the mode `semantic`.

    `labels` (H, W) covers the whole image: 0, and an object's id on each of its pixels; uint16, or
    uint32 beyond 65,535 objects. In the mode `semantic` an object is a class with all its pixels,
    and its id the class id + 1.
    """

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

    def picture(self) -> PillowImage.Image:
        """The label image in its classes' colours on black, darker where two objects touch."""
        labels = self.labels
        colors = np.zeros((int(labels.max(initial=0)) + 1, 3), np.uint8)
        for found in self.objects:
            colors[found.id] = self.classes[found.class_id].color
        painted = colors[labels]
        boundary = np.zeros(labels.shape, bool)
        boundary[:, 1:] |= labels[:, 1:] != labels[:, :-1]
        boundary[1:] |= labels[1:] != labels[:-1]
        painted[boundary] = (_BOUNDARY * painted[boundary]).astype(np.uint8)
        return PillowImage.fromarray(painted)

    def save(self, path: str | Path) -> Path:
        """Write the answer by the suffix of `path`.

        .tif, .png and .npy the label image, .json the whole answer, .csv a table of what is
        measured. .geojson for QuPath and .zip, regions for ImageJ, ask the service again (see
        `again`). Raises `ValueError` for a .png of more than 65,535 objects.
        """
        own = {
            ".tif": self._write_tiff,
            ".tiff": self._write_tiff,
            ".png": self._write_png,
            ".npy": lambda file: np.save(file, self.labels, allow_pickle=False),
            ".json": self._as_json,
            ".csv": self._as_table,
        }
        return save_as(
            path, own | self._asked_again(geojson="geojson", zip="rois"), "A segmentation"
        )

    def _write_tiff(self, path: Path) -> None:
        mask = self.json["mask"]
        if mask["format"] == "tiff":
            path.write_bytes(mask_bytes(mask))
        else:
            write_tiff(path, self.labels, self.image.get("pixel_size"))

    def _write_png(self, path: Path) -> None:
        mask = self.json["mask"]
        if mask["format"] != "png":
            raise ValueError("A PNG tells at most 65535 objects apart; save as .tif or .npy.")
        path.write_bytes(mask_bytes(mask))

    def _no_object(self) -> Segment:
        means = (None,) * (1 if self.image.get("axes") == "YX" else 3)
        return Segment(
            id=0, label="", class_id=0, score=None, box=Box(0.0, 0.0, 0.0, 0.0), uuid="",
            area_px=0, centroid=Point(0.0, 0.0), mean_intensity=means, rle={},
        )  # fmt: skip

    def _repr_html_(self) -> str:
        return thumbnail_png(self.picture(), self.mode) + self._count_table() + self._caption()

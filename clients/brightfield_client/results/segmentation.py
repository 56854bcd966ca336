"""The answer of /segment about an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from brightfield_client.heat import thumbnail_png
from brightfield_client.images import ImageSource
from brightfield_client.results.annotations import table
from brightfield_client.results.drawing import draw_outlines, on_axes, paint_labels
from brightfield_client.results.found import Segment
from brightfield_client.results.masks import Labels, decode_labels, mask_bytes
from brightfield_client.results.objects import Objects
from brightfield_client.results.result import Json
from brightfield_client.results.saving import save_as, write_csv, write_json
from brightfield_client.results.tiff import write_tiff


@dataclass(frozen=True, eq=False, kw_only=True)
class Segmentation(Objects[Segment]):
    """The pixels of each object, or of each class in the mode `semantic`.

    `labels` (H, W) covers the whole image: 0, and an object's id on each of its pixels; uint16, or
    uint32 beyond 65,535 objects. In the mode `semantic` an object is a class with all its pixels,
    and its id the class id + 1.
    """

    task_name: ClassVar[str] = "segment"

    mode: str
    labels: Labels = field(repr=False)

    @classmethod
    def _own(cls, result: Json) -> dict[str, Any]:
        (labels,) = decode_labels(result["mask"])
        return {
            "objects": tuple(map(Segment.from_json, result["objects"])),
            "classes": cls._classes(result),
            "mode": str(result["mode"]),
            "labels": labels,
        }

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

    def plot(self, image: ImageSource | None = None, *, ax: Any | None = None) -> Any:
        """Draw the outlines with matplotlib, over `image` where one is given; returns the axes."""
        return draw_outlines(on_axes(image, self.picture(), ax), self.objects, self.classes)

    def picture(self) -> PillowImage.Image:
        """The label image in the classes' colours."""
        return paint_labels(self.labels, self.objects, self.classes)

    def save(self, path: str | Path) -> Path:
        """Write the answer by the suffix of `path`.

        .tif, .png and .npy the label image, .json the whole answer, .geojson for QuPath, .csv a
        table of what is measured. .zip, regions for ImageJ, asks the service again (see `again`).
        Raises `ValueError` for a .png of more than 65,535 objects.
        """
        writers = {
            ".tif": self._write_tiff,
            ".tiff": self._write_tiff,
            ".png": self._write_png,
            ".npy": lambda file: np.save(file, self.labels, allow_pickle=False),
            ".json": lambda file: write_json(file, self.raw),
            ".geojson": lambda file: write_json(file, self.to_geojson()),
            ".csv": lambda file: write_csv(file, *self._table()),
            ".zip": lambda file: self.again("rois").save(file),
        }
        return save_as(path, writers, "A segmentation")

    def _table(self) -> tuple[list[str], list[list[Any]]]:
        grey = self.image.get("axes") == "YX"
        return table(self.objects, self.image.get("pixel_size"), channels=1 if grey else 3)

    def _write_tiff(self, path: Path) -> None:
        mask = self.raw["result"]["mask"]
        if mask["format"] == "tiff":
            path.write_bytes(mask_bytes(mask))
        else:
            write_tiff(path, self.labels, "YX", self.image.get("pixel_size"))

    def _write_png(self, path: Path) -> None:
        mask = self.raw["result"]["mask"]
        if mask["format"] != "png":
            raise ValueError("A PNG tells at most 65535 objects apart; save as .tif or .npy.")
        path.write_bytes(mask_bytes(mask))

    def _repr_html_(self) -> str:
        return thumbnail_png(self.picture(), self.mode) + self._count_table() + self._caption()

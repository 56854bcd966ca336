"""The answer of /detect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image as PillowImage

from brightfield_client.images import ImageSource
from brightfield_client.results.drawing import draw_boxes, on_axes
from brightfield_client.results.found import Detection
from brightfield_client.results.objects import Objects
from brightfield_client.results.result import Json
from brightfield_client.results.saving import save_as, write_csv, write_json


@dataclass(frozen=True, eq=False, kw_only=True)
class Detections(Objects[Detection]):
    """The objects of an image by their boxes, best first; a sequence of `Detection`."""

    task_name: ClassVar[str] = "detect"

    @classmethod
    def _own(cls, result: Json) -> dict[str, Any]:
        return {
            "objects": tuple(map(Detection.from_json, result["objects"])),
            "classes": cls._classes(result),
        }

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each object's class."""
        return tuple(found.label for found in self.objects)

    def plot(self, image: ImageSource | None = None, *, ax: Any | None = None) -> Any:
        """Draw the boxes with matplotlib, over `image` where one is given; returns the axes."""
        axes = on_axes(image, PillowImage.new("RGB", self._size()[::-1]), ax)
        return draw_boxes(axes, self.objects, self.classes)

    def save(self, path: str | Path) -> Path:
        """Write the answer by the suffix of `path`.

        .json the whole answer, .geojson for QuPath, .csv a table. .png, the boxes over the image,
        and .zip, regions for ImageJ, ask the service again (see `again`).
        """
        writers = {
            ".json": lambda file: write_json(file, self.raw),
            ".geojson": lambda file: write_json(file, self.to_geojson()),
            ".csv": lambda file: write_csv(file, *self._table()),
            ".png": lambda file: self.again("overlay").save(file),
            ".zip": lambda file: self.again("rois").save(file),
        }
        return save_as(path, writers, "A detection")

    def _repr_html_(self) -> str:
        return self._count_table() + self._caption()

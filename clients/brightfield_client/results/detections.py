"""The answer of /detect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brightfield_client.results.found import Detection
from brightfield_client.results.objects import InOneImage
from brightfield_client.results.places import Box
from brightfield_client.results.saving import save_as
from brightfield_client.results.value import at


@dataclass(frozen=True, eq=False, kw_only=True)
class Detections(InOneImage[Detection]):
    """The objects of an image by their boxes, best first; a sequence of `Detection`."""

    objects: tuple[Detection, ...] = at(repr=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each object's class."""
        return tuple(found.label for found in self.objects)

    def save(self, path: str | Path) -> Path:
        """Write the answer by the suffix of `path`.

        .json the whole answer, .csv a table. .geojson for QuPath, .png, the boxes over the image,
        and .zip, regions for ImageJ, ask the service again (see `again`).
        """
        own = {".json": self._as_json, ".csv": self._as_table}
        return save_as(
            path,
            own | self._asked_again(geojson="geojson", png="overlay", zip="rois"),
            "A detection",
        )

    def _no_object(self) -> Detection:
        nowhere = Box(0.0, 0.0, 0.0, 0.0)
        return Detection(id=0, label="", class_id=0, score=None, box=nowhere, uuid="")

    def _repr_html_(self) -> str:
        return self._count_table() + self._caption()

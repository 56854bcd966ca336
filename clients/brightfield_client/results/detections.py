"""The answer of /detect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brightfield_client.results._shapes import Detection
from brightfield_client.results.objects import OBJECT, InOneImage
from brightfield_client.results.places import EDGES
from brightfield_client.results.saving import save_as
from brightfield_client.results.table import Columns, columns
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
        asked = {".geojson": "geojson", ".png": "overlay", ".zip": "rois"}
        return save_as(self, path, {".csv": self._write_csv, **asked})

    def _columns(self) -> Columns:
        return columns(f"{OBJECT} {EDGES}")

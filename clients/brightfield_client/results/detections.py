"""The answer of /detect."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield_client.results._shapes import Detection
from brightfield_client.results.objects import OBJECT, InOneImage
from brightfield_client.results.places import EDGES
from brightfield_client.results.table import Columns, columns
from brightfield_client.results.value import at


@dataclass(frozen=True, eq=False, kw_only=True)
class Detections(InOneImage[Detection]):
    """The objects of an image by their boxes, best first; a sequence of `Detection`.

    Saved as .csv a table, .geojson for QuPath, .zip regions for ImageJ, .png the boxes over the
    image.
    """

    _forms = ".geojson=geojson .png=overlay .zip=rois"
    objects: tuple[Detection, ...] = at(repr=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each object's class."""
        return tuple(found.label for found in self.objects)

    def _columns(self) -> Columns:
        return columns(f"{OBJECT} {EDGES}")

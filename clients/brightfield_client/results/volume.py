"""The answer of /segment about a stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brightfield_client.results._shapes import Solid
from brightfield_client.results.masks import Labels, decode_labels, mask_bytes
from brightfield_client.results.objects import MIDDLE, OBJECT, Found
from brightfield_client.results.saving import Writers, as_npy
from brightfield_client.results.table import Columns, columns
from brightfield_client.results.value import Json, at


@dataclass(frozen=True, eq=False, kw_only=True)
class Volume(Found[Solid]):
    """The objects of a stack, linked from plane to plane.

    `labels` (Z, H, W): 0, and an object's id on each of its voxels; uint16, or uint32 beyond
    65,535 objects. Saved as .tif and .npy the label volume, .csv a table of the objects, .png all
    planes, .geojson and .zip the outlines in each.
    """

    _forms = ".geojson=geojson .zip=rois .png=overlay"

    objects: tuple[Solid, ...] = at(repr=False)
    mode: str
    labels: Labels = at("mask", read=decode_labels, repr=False)

    @classmethod
    def _read(cls, value: Json) -> dict[str, Any]:
        fields, planes = super()._read(value), value["result"]["planes"]
        if len(fields["labels"]) != planes:
            raise ValueError(f"the mask has {len(fields['labels'])} planes of {planes}")
        return fields

    @property
    def _writers(self) -> Writers:
        tiff = mask_bytes(self.json["mask"])
        own: Writers = {".tif": lambda f: f.write_bytes(tiff), ".npy": as_npy(self.labels)}
        return {**super()._writers, **own}

    def _columns(self) -> Columns:
        edges = "xmin=box.xmin ymin=box.ymin zmin xmax=box.xmax ymax=box.ymax zmax"
        px = columns(f"{OBJECT} {edges} voxels {MIDDLE} centroid_z=centroid.z")
        spacing = self.image.get("spacing")
        um = {} if spacing is None else columns("centroid_z_um=centroid.z", spacing)
        known = self.objects and self.objects[0].volume_um3 is not None
        return px | self._middles() | um | (columns("volume_um3") if known else {})

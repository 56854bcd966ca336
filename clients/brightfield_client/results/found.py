"""What is found in an image: boxes, objects with their pixels, objects through a stack."""

from __future__ import annotations

from typing import Any

from brightfield_client.results._shapes import DetectedObject, SegmentedObject, SolidObject


class Detection(DetectedObject):
    """An object by its box; `id` counts from 1, `uuid` is its id in GeoJSON."""

    def row(self, pixel_size: float | None) -> dict[str, Any]:
        """The object in a table, as `format="csv"` has it."""
        facts = {name: getattr(self, name) for name in ("id", "label", "class_id", "score")}
        return {**facts, **self.box._asdict()}


class Segment(SegmentedObject, Detection):
    """An object by its pixels, which have the value `id` in the label image.

    `area_um2` is None where the pixel size is unknown. `centroid` is x, y. `mean_intensity` has
    one value per channel, in the image's own values; None where no pixel is finite. `rle` is the
    mask in COCO's run-length encoding. `polygons` are None where no outlines were asked for.
    """

    def row(self, pixel_size: float | None) -> dict[str, Any]:
        """Lengths and areas are in pixels, and in micrometres too where `pixel_size` is known."""
        x, y = self.centroid
        cells = super().row(pixel_size)
        cells |= {"area_px": self.area_px, "centroid_x_px": x, "centroid_y_px": y}
        if pixel_size is not None:
            cells |= {"area_um2": self.area_um2}
            cells |= {"centroid_x_um": x * pixel_size, "centroid_y_um": y * pixel_size}
        means = self.mean_intensity
        numbers = [""] if len(means) == 1 else [f"_{channel + 1}" for channel in range(len(means))]
        names = (f"mean_intensity{number}" for number in numbers)
        return cells | dict(zip(names, means, strict=True))


class Solid(SolidObject):
    """An object through the planes zmin to zmax - 1 of a stack.

    `box` are its edges in x and y, `centroid` is x, y, z; z is in planes from the first one's face.
    """

    def row(self, pixel_size: float | None) -> dict[str, Any]:
        """The object in a table; its middle in micrometres too where `pixel_size` is known."""
        facts = {name: getattr(self, name) for name in ("id", "label", "class_id", "score")}
        edges = (*self.box[:2], self.zmin, *self.box[2:], self.zmax)
        names = ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax")
        x, y, z = self.centroid
        cells = {**facts, **dict(zip(names, edges, strict=True)), "voxels": self.voxels}
        cells |= {"centroid_x_px": x, "centroid_y_px": y, "centroid_z": z}
        if pixel_size is not None:
            cells |= {"centroid_x_um": x * pixel_size, "centroid_y_um": y * pixel_size}
        return cells

"""The answer of /segment about a stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from brightfield_client.optional import require
from brightfield_client.results.found import ObjectClass, Solid
from brightfield_client.results.masks import Labels, decode_labels, mask_bytes
from brightfield_client.results.result import Json, Result, html_table
from brightfield_client.results.saving import save_as, write_csv, write_json

_COLUMNS = (
    "id", "label", "class_id", "score", "xmin", "ymin", "zmin", "xmax", "ymax", "zmax",
    "voxels", "centroid_x_px", "centroid_y_px", "centroid_z",
)  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class Volume(Result):
    """The objects of a stack, linked from plane to plane.

    `labels` (Z, H, W): 0, and an object's id on each of its voxels; uint16, or uint32 beyond
    65,535 objects.
    """

    task_name: ClassVar[str] = "segment"

    mode: str
    objects: tuple[Solid, ...] = field(repr=False)
    classes: tuple[ObjectClass, ...] = field(repr=False)
    labels: Labels = field(repr=False)

    @classmethod
    def _own(cls, result: Json) -> dict[str, Any]:
        labels = decode_labels(result["mask"])
        if len(labels) != result["planes"]:
            raise ValueError(f"the mask has {len(labels)} planes of {result['planes']}")
        return {
            "mode": str(result["mode"]),
            "objects": tuple(map(Solid.from_json, result["objects"])),
            "classes": tuple(map(ObjectClass.from_json, result["classes"])),
            "labels": labels,
        }

    def __len__(self) -> int:
        return len(self.objects)

    def __iter__(self) -> Iterator[Solid]:
        return iter(self.objects)

    def __getitem__(self, index: int) -> Solid:
        return self.objects[index]

    def to_pandas(self) -> Any:
        """A `DataFrame` with a row per object; the columns are those of `format="csv"`."""
        pandas = require("pandas", "to_pandas()", "brightfield[notebook]")
        columns, rows = self._table()
        return pandas.DataFrame(rows, columns=columns)

    def save(self, path: str | Path) -> Path:
        """Write the answer by the suffix of `path`: .tif and .npy the label volume, .csv a table
        of the objects, .json the whole answer."""
        mask = self.raw["result"]["mask"]
        writers = {
            ".tif": lambda file: file.write_bytes(mask_bytes(mask)),
            ".tiff": lambda file: file.write_bytes(mask_bytes(mask)),
            ".npy": lambda file: np.save(file, self.labels, allow_pickle=False),
            ".csv": lambda file: write_csv(file, *self._table()),
            ".json": lambda file: write_json(file, self.raw),
        }
        return save_as(path, writers, "A volume")

    def _table(self) -> tuple[list[str], list[list[Any]]]:
        """The middles are in micrometres too where the pixel size is known."""
        rows: list[list[Any]] = [
            [s.id, s.label, s.class_id, s.score, *s.box[:2], s.zmin, *s.box[2:], s.zmax,
             s.voxels, *s.centroid]
            for s in self.objects
        ]  # fmt: skip
        size = self.image.get("pixel_size")
        if size is None:
            return list(_COLUMNS), rows
        for row, solid in zip(rows, self.objects, strict=True):
            row += [solid.centroid[0] * size, solid.centroid[1] * size]
        return [*_COLUMNS, "centroid_x_um", "centroid_y_um"], rows

    def _repr_html_(self) -> str:
        size = " x ".join(map(str, self.labels.shape))
        rows = [(self.mode, size, str(len(self)))]
        return html_table(("mode", "planes x rows x columns", "objects"), rows) + self._caption()

"""The answer of /activations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from brightfield_client.results._answers import ActivationsResult
from brightfield_client.results._shapes import UnitActivity
from brightfield_client.results.places import Box
from brightfield_client.results.result import html_table
from brightfield_client.results.saving import save_as, write_csv, write_json


class Activations(ActivationsResult):
    """`maps` (U, h, w) of the units of `layer`, on the layer's own grid, and each in numbers.

    `receptive_field` says how many pixels of the model's input a place sees at most (`height`,
    `width`), and whether all of them see everything (`everywhere`).
    """

    def __len__(self) -> int:
        return len(self.units)

    def __iter__(self) -> Iterator[UnitActivity]:
        return iter(self.units)

    def strongest(self, count: int = 10) -> list[UnitActivity]:
        """The units with the greatest values, the first one first."""
        known = [unit for unit in self.units if unit.max is not None]
        return sorted(known, key=lambda unit: -(unit.max or 0.0))[:count]

    def save(self, path: str | Path) -> Path:
        """Write the answer by the suffix of `path`.

        .npy the maps, .csv a row per unit, .json the whole answer. .png, a sheet of the maps over
        the image, asks the service again (see `again`).
        """
        writers = {
            ".npy": lambda file: np.save(file, self.maps, allow_pickle=False),
            ".csv": lambda file: write_csv(file, _COLUMNS, map(_row, self.units)),
            ".json": lambda file: write_json(file, self.raw),
            ".png": lambda file: self.again("overlay").save(file),
        }
        return save_as(path, writers, "An activation")

    def _repr_html_(self) -> str:
        rows = [(str(u.unit), f"{u.max:.4g}", f"{u.mean or 0:.4g}") for u in self.strongest()]
        return html_table((f"unit of {self.layer}", "max", "mean"), rows) + self._caption()


_COLUMNS = ("unit", "max", "mean", "row", "column", "x", "y", *Box._fields)


def _row(unit: UnitActivity) -> tuple[Any, ...]:
    return (unit.unit, unit.max, unit.mean, *unit.place, *unit.position, *unit.box)

"""The answer of /activations."""

from __future__ import annotations

from brightfield_client.results._answers import ActivationsResult
from brightfield_client.results._shapes import UnitActivity
from brightfield_client.results.drawn import Drawn
from brightfield_client.results.places import PLACE
from brightfield_client.results.saving import Writers, as_npy
from brightfield_client.results.table import Cells, Listing, Table, cells, columns, html_table


class Activations(ActivationsResult, Drawn, Listing[UnitActivity], Table):
    """`maps` (U, h, w) of the units of `layer`, on the layer's own grid, and each in numbers.

    `receptive_field` says how many pixels of the model's input a place sees at most (`height`,
    `width`), and whether all of them see everything (`everywhere`). A sequence of `UnitActivity`.
    Saved as .npy the maps, .csv a row per unit, .png a sheet of the maps over the image.
    """

    _forms = ".png=overlay"

    @property
    def _items(self) -> tuple[UnitActivity, ...]:
        return self.units

    def strongest(self, count: int = 10) -> list[UnitActivity]:
        """The units with the greatest values, the first one first."""
        known = [unit for unit in self.units if unit.max is not None]
        return sorted(known, key=lambda unit: -(unit.max or 0.0))[:count]

    @property
    def _writers(self) -> Writers:
        return {".npy": as_npy(self.maps), ".csv": self._write_csv}

    def _table(self) -> Cells:
        return cells(columns(f"unit max mean {PLACE}"), self)

    def _repr_html_(self) -> str:
        rows = [(str(u.unit), f"{u.max:.4g}", f"{u.mean or 0:.4g}") for u in self.strongest()]
        return html_table((f"unit of {self.layer}", "max", "mean"), rows) + self._caption()

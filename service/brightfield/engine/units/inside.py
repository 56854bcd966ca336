"""Looking inside a resident model: its layers, what they see, and the weights of its filters."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from brightfield.geometry import Geometry
from brightfield.images.filters import FilterChoice, Filters
from brightfield.models.inspection.default_layer import last_spatial_layer
from brightfield.models.inspection.filters import filter_bank
from brightfield.models.inspection.layers import LayerInfo, Tap, resolve, shapes
from brightfield.models.inspection.normalising import Rewrite
from brightfield.models.inspection.receptive import ReceptiveField, receptive_field
from brightfield.runtime.features import Features
from brightfield.runtime.resident import Resident
from brightfield.tasks.units.inside import Placed

# Everything here waits for the lane, so none of it may be called on the event loop.


def every_layer(resident: Resident) -> list[LayerInfo]:
    """Every module with its output shape, measured by one pass of zeros."""
    sample = torch.zeros(1, *resident.shape)
    return resident.run(lambda: shapes(resident.module, resident.place(sample)), sample)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a resident model, by the name that the caller uses.

    The model's own output, `logits`, is taken before a softmax or sigmoid at its end.
    """

    resident: Resident
    name: str
    tap: Tap

    @property
    def cut(self) -> Rewrite | None:
        return self.resident.cut if self.tap == Tap("") else None

    def features(self, units: tuple[int, ...] | None) -> Features:
        return Features(self.tap, self.resident.layouts, units, self.cut)

    def placed(self, geometry: Geometry) -> Placed:
        """What its places see of an image; one more pass of zeros for each new size of the input.

        Only for a layer that has run.
        """
        key = (self.tap, geometry.input_size)
        field = self.resident.fields.get(key, lambda: self._field(geometry.input_size))
        return Placed(self.name, field, geometry)

    def _field(self, size: tuple[int, int]) -> ReceptiveField:
        resident = self.resident
        sample = torch.zeros(1, resident.card.input.channels, *size)

        def found() -> ReceptiveField:
            rows = resident.place(sample)
            layout = resident.layouts.of(resident.module, self.tap, rows)
            return receptive_field(resident.module, self.tap, rows, layout)

        return resident.run(found, sample)


def layer_of(resident: Resident, name: str | None) -> Layer:
    """The named layer; None: the one that the card explains with, else the last one with maps.

    Raises `UnknownLayer` with the nearest names, or where no layer has maps.
    """
    explain = resident.card.explain
    wanted = name or explain.layer
    if wanted is not None:
        return Layer(resident, wanted, resolve(resident.module, wanted, explain))
    noise = torch.randn(1, *resident.shape, generator=torch.Generator().manual_seed(0))
    tap = resident.run(
        lambda: (
            last_spatial_layer(
                resident.module, resident.place(noise), cut=resident.cut, stated=explain.axes
            ).tap
        )
    )
    return Layer(resident, tap.label, tap)


def read_filters(resident: Resident, choice: FilterChoice, *, picture: bool) -> Filters:
    """Filters of a convolution; the weights are read between two batches, and none are changed.

    Raises as `models.filters.filter_bank` and `FilterChoice.spans` do.
    """

    def read() -> Filters:
        bank = filter_bank(resident.module, choice.layer)
        filters, slices = bank.weight.shape[:2]
        rows, columns = choice.spans(filters, slices, picture=picture)
        chosen = bank.weight[rows, columns].float().cpu()
        return Filters(
            layer=bank.layer,
            type=bank.type,
            weights=chosen.contiguous().numpy().copy(),
            total=(filters, slices),
            first=(rows.start, columns.start),
            groups=bank.groups,
            bgr=resident.card.input.order == "BGR",
        )

    return resident.run(read)

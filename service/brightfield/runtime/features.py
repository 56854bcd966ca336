"""The maps of some units of a layer, read off a forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from brightfield.errors import InvalidParameter, TooManyPixels
from brightfield.models.inspection.layers import Tap, reading
from brightfield.models.inspection.layouts import Unplaced
from brightfield.models.inspection.normalising import Rewrite, run
from brightfield.runtime.layer_layouts import LayerLayouts, unplaced
from brightfield.runtime.operations import RowSpan, seen
from brightfield.tensors import Images

# Of one image, 512 MiB; more would be neither drawn nor sent.
_MOST_VALUES = 2**27


@dataclass(frozen=True, slots=True)
class Features:
    """(B, U, h, w) float32: what flows through one place, as the maps of the named units (None:
    of all, in order). The values of a flat layer are maps of one place; `layouts` says how others
    are read as maps.

    With `cut` the output is the one before a softmax or sigmoid at its end. Only what is asked for
    leaves the device.

    Raises `UnknownLayer` where the layer does not run, `InvalidParameter` where it has no maps or
    not so many units, and `TooManyPixels` for more values than an image may have.
    """

    tap: Tap
    layouts: LayerLayouts
    units: tuple[int, ...] | None = None
    cut: Rewrite | None = None

    def __call__(self, module: nn.Module, rows: Images, spans: Sequence[RowSpan]) -> torch.Tensor:
        with torch.inference_mode():
            with reading(module, (self.tap,)) as read:
                run(module, rows, self.cut)
            return self._chosen(self._as_maps(module, rows, seen(read, self.tap)))

    def _as_maps(self, module: nn.Module, rows: Images, values: torch.Tensor) -> torch.Tensor:
        if values.dim() == 2:
            return values[:, :, None, None]
        layout = self.layouts.of(module, self.tap, rows)
        if isinstance(layout, Unplaced) or not values.is_floating_point():
            reason = layout if isinstance(layout, Unplaced) else Unplaced("gives whole numbers")
            raise unplaced(self.tap, reason)
        return layout.maps(values)

    def _chosen(self, maps: torch.Tensor) -> torch.Tensor:
        present = maps.shape[1]
        count = present if self.units is None else len(self.units)
        if count * maps.shape[2] * maps.shape[3] > _MOST_VALUES:
            raise TooManyPixels(
                f"{count} maps of {maps.shape[2]} x {maps.shape[3]} are more than {_MOST_VALUES:,} "
                "values; name fewer `units`, or send a part of the image."
            )
        if self.units is None:
            return maps.float()
        if outside := [unit for unit in self.units if unit >= present]:
            raise InvalidParameter(
                f"There is no unit {outside[0]}; the layer has {present}, from 0 to {present - 1}.",
                errors=[{"location": "units", "expected": f"0 to {present - 1}"}],
            )
        return maps[:, list(self.units)].float()

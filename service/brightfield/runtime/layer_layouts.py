"""How a resident model's layers are read as maps: found once for each layer and size of image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from brightfield.errors import InvalidParameter
from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.layouts import MapLayout, StatedAxes, Unplaced, layouts
from brightfield.runtime.lru_cache import LRUCache
from brightfield.tensors import Images

if TYPE_CHECKING:
    from collections.abc import Hashable


class LayerLayouts:
    """The layouts of one model's layers; used on the lane's thread alone.

    `stated` are the axes that the card names. Equal only to itself, so operations that have it
    are of one model.
    """

    def __init__(self, stated: StatedAxes | None = None) -> None:
        self._stated = stated
        self._known: LRUCache[Hashable, MapLayout | Unplaced] = LRUCache(64)

    def __repr__(self) -> str:
        """The same in each process: what batches of an operation cost is kept by its name."""
        return "LayerLayouts()"

    def of(self, module: nn.Module, tap: Tap, rows: Images) -> MapLayout | Unplaced:
        """The layout of what flows through a place for such images; one more pass when it is new.

        A layer that doesn't run is unplaced.
        """

        def found() -> MapLayout | Unplaced:
            known = layouts(module, (tap,), rows, self._stated)
            return known.get(tap, Unplaced("doesn't take part in a prediction"))

        return self._known.get((tap, tuple(rows.shape[1:])), found)


def rows_of(values: Tensor, tap: Tap, layout: MapLayout | Unplaced, count: int) -> Tensor:
    """A layer's values for `count` images, one row each: maps (count, C, h, w) if they are known as
    such, else as they are.

    Raises `InvalidParameter` for values that aren't known to have a row for each image.
    """
    if isinstance(layout, MapLayout):
        return layout.maps(values) if values.dim() > 2 else values
    if not values.dim() or len(values) != count:
        raise unplaced(tap, layout)
    return values


def unplaced(tap: Tap, layout: Unplaced) -> InvalidParameter:
    """Why a layer can't be read as maps, and what to do."""
    return InvalidParameter(
        f"The layer {tap.label or 'logits'!r} {layout.reason}, so it can't be read as maps; choose "
        "another one of GET /models/{id}/layers, or name the order of its axes on the card as "
        'explain.axes, such as "BHWC" or "BNC".',
        errors=[{"location": "layer"}],
    )

"""How a field is cut for a model: as little as its reach and its speed allow."""

from __future__ import annotations

import math

from brightfield.cards import Multiple
from brightfield.errors import InvalidParameter
from brightfield.images.picture import Note, Region
from brightfield.images.tiles import Tiling
from brightfield.runtime.lane import assert_off_lane
from brightfield.runtime.operations import Operation
from brightfield.runtime.resident import Resident
from brightfield.tasks.kinds.dense import Dense

# A field of more pixels is cut, unless the model resizes it anyway.
WHOLE = 1280 * 1024
# Sides of tiles: at most, and at least where the model is slow.
_TILE, _SMALLEST = 1024, 192
# Seconds that a tile may hold the lane, while a smaller one would not be mostly halo.
_LONGEST = 0.25
# A reach beyond this would make tiles that read far more than they answer; who wants the whole's
# answer all the same asks for larger tiles, or for a wider overlap.
_LARGEST_HALO = 320
# Tiles begin at multiples of this where nothing is said: no usual network has a greater stride.
_ALIGNED = 32
# Pixels that interpolation reaches, whichever way it goes.
_INTERPOLATED = 2


class Tiler:
    """Cuts fields for a task on a model, in pixels as the model sees them; `forward` is the pass of
    a tile."""

    def __init__(self, task: Dense, resident: Resident, forward: Operation) -> None:
        self._task = task
        self._resident = resident
        self._forward = forward
        self._spec = resident.card.input

    def fits(self, field: Region) -> bool:
        """Whether the field goes through the model in one piece.

        May trace the model's reach: blocks, and must not be called on the lane.
        """
        assert_off_lane()
        tile = self._task.tile
        if self._spec.pixels == "raw":
            if tile is not None:
                raise InvalidParameter("The model takes arrays as they are; leave `tile` out.")
            return True
        if tile is not None:
            return field.height <= tile[0] and field.width <= tile[1]
        if self._spec.own_size:
            return True
        if max(field.height, field.width) > self._most:
            return False
        pixels = field.width * field.height
        if pixels > WHOLE or pixels <= self._affordable():
            return pixels <= WHOLE
        # A slow model holds the lane for less time on tiles, if they change nothing.
        halo = self.halo()
        return halo is None or pixels <= 1.5 * self._side(halo) ** 2

    def tiling(self, field: Region, *, resampled: bool = False) -> tuple[Tiling, tuple[Note, ...]]:
        """The tiles, and what to know about the answer because of them.

        Of a field that is `resampled`, the answer is interpolated on its way back, so that it also
        depends on the pixels beside it.
        Raises `InvalidParameter` for a tile that its overlap fills.
        """
        if self.fits(field):
            return Tiling((field.height, field.width), 0), ()
        tile, needed = self._task.tile, self.halo()
        if needed is not None and resampled:
            needed += _INTERPOLATED
        wanted = None if self._task.overlap is None else -(-self._task.overlap // 2)
        changes = needed is None or (wanted is not None and wanted < needed)
        # What changes the answer must not depend on how busy the machine was.
        side = _TILE if needed is None or changes else self._side(needed)
        size = tile or (min(max(side, 4 * (wanted or 0)), self._most),) * 2
        if wanted is not None:
            halo = wanted
        elif needed is not None and min(size) >= 3 * needed:
            halo = needed
        else:
            halo = min(size) // 8
        blended = needed is None or halo < needed
        tiling = Tiling(size, halo, self._aligned, blended)
        return tiling, (_blended(tiling, needed),) if blended else ()

    def halo(self) -> int | None:
        """Pixels around a core that its answer depends on; None: more than a tile can hold."""
        if self._spec.own_size:
            return None
        found = self._resident.reach()
        most = max(_LARGEST_HALO, min(self._task.tile or (0,)) // 3, (self._task.overlap or 0) // 2)
        return found if found is not None and found <= most else None

    @property
    def _most(self) -> int:
        """The longest side that the model's program takes, in whole strides."""
        sizes, step = self._resident.input_sizes, self._aligned
        sides = [side for side in (sizes.height.most, sizes.width.most) if side is not None]
        return max(min(sides) // step * step, step) if sides else 2**31

    @property
    def _aligned(self) -> int:
        stride = self._spec.size.multiple if isinstance(self._spec.size, Multiple) else 1
        return stride if self._task.tile is not None else math.lcm(stride, _ALIGNED)

    def _side(self, halo: int) -> int:
        """The side of tiles that are quick enough, and not mostly halo."""
        quick = math.sqrt(min(self._affordable(), _TILE**2))
        return max(min(_TILE, max(int(quick), _SMALLEST, 8 * halo)), 4 * halo)

    def _affordable(self) -> float:
        """Pixels that take the model `_LONGEST`, by what warming up has measured."""
        resident = self._resident
        seconds = resident.sizes.seconds_per_row(self._forward, resident.shape)
        _, height, width = resident.shape
        return math.inf if not seconds else _LONGEST / seconds * height * width


def _blended(tiling: Tiling, needed: int | None) -> Note:
    reach = "farther than a tile" if needed is None else f"{needed} pixels far"
    return Note(
        "tiles_blended",
        f"The model looks {reach}, and neighbouring tiles share {2 * tiling.halo} pixels, in which "
        "what they say fades over; the answer may differ from that of the whole image.",
    )

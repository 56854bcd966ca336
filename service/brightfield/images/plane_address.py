"""Which plane of its file a picture is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from brightfield.images.selection import Selection

_PLANES = "PTZC"


def _from_one(number: int | None) -> int:
    """As ImageJ counts; 0 for all."""
    return 0 if number is None else number + 1


@dataclass(frozen=True, slots=True)
class PlaneAddress:
    """A plane by its numbers along the axes of its file, counted from 0.

    `page`, `z` and `t` are None where nothing was chosen along the axis; `channels` None where all
    were kept. `axes` names the file's axes that are longer than 1, as `TZCYX`.
    """

    page: int | None = None
    z: int | None = None
    t: int | None = None
    channels: tuple[int, ...] | None = None
    axes: str = "YX"
    level: int | None = None
    """Of a pyramid; None: the full resolution."""

    @classmethod
    def of(cls, selection: Selection, axes: str) -> PlaneAddress:
        """What a selection names in a file with these axes."""
        return cls(
            selection.page,
            selection.z if "Z" in axes else None,
            selection.t if "T" in axes else None,
            selection.channels,
            axes,
            selection.level or None,
        )

    @property
    def depth(self) -> int | None:
        """The number of the plane in a stack: `z`, or the page of a file that is a stack of
        pages. ImageJ calls it the slice."""
        return self.page if self.z is None and "P" in self.axes else self.z

    def whole_stack(self) -> PlaneAddress:
        """What all planes of the stack have in common."""
        if self.z is None and "P" in self.axes:
            return replace(self, page=None)
        return replace(self, z=None)

    @property
    def known(self) -> dict[str, Any]:
        """The parts that were chosen, by the names of the parameters."""
        parts = {**self.json(), "channels": self.channels, "level_by": None}
        return {name: part for name, part in parts.items() if part is not None}

    def json(self) -> dict[str, Any]:
        """Every part, null where nothing was chosen."""
        channels = None if self.channels is None else list(self.channels)
        numbers = {"page": self.page, "z": self.z, "t": self.t, "channels": channels}
        by = None if self.level is None else "caller"
        return {**numbers, "level": self.level, "level_by": by}

    def channel_number(self, place: int) -> int:
        """The number, from 1, that the channel at a place of the picture has in its file."""
        named = self.channels or ()
        return 1 + (named[place] if place < len(named) else place)

    def in_imagej(self) -> dict[str, int]:
        """Where ImageJ shows the plane, by the names that roifile has: `position` in a stack, or
        `c_position`, `z_position` and `t_position` in a hyperstack; from 1, and 0 for all.

        ImageJ counts the planes of a file with one axis of planes through, and those of others by
        channel, slice and frame.
        """
        only = self.channels if self.channels is not None and len(self.channels) == 1 else (None,)
        channel, depth, frame = map(_from_one, (*only, self.depth, self.t))
        if sum(axis in self.axes for axis in _PLANES) > 1:
            return {"c_position": channel, "z_position": depth, "t_position": frame}
        return {"position": depth or frame or channel}


PLAIN = PlaneAddress()
"""The only plane of a file."""

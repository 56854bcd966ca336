"""Which plane of its file a picture is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from brightfield.images.selection import Selection

_PLANES = "PTZC"


class ImageJPosition(NamedTuple):
    """Where ImageJ shows a region: the number of the image in a stack, or channel, slice and frame
    of a hyperstack; counted from 1, and 0 for all."""

    stack: int = 0
    channel: int = 0
    slice: int = 0
    frame: int = 0


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

    @classmethod
    def of(cls, selection: Selection, axes: str) -> PlaneAddress:
        """What a selection names in a file with these axes."""
        return cls(
            selection.page,
            selection.z if "Z" in axes else None,
            selection.t if "T" in axes else None,
            selection.channels,
            axes,
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
        parts = {"page": self.page, "z": self.z, "t": self.t, "channels": self.channels}
        return {name: part for name, part in parts.items() if part is not None}

    def json(self) -> dict[str, Any]:
        """Every part, null where nothing was chosen."""
        channels = None if self.channels is None else list(self.channels)
        return {"page": self.page, "z": self.z, "t": self.t, "channels": channels}

    def channel_number(self, place: int) -> int:
        """The number, from 1, that the channel at a place of the picture has in its file."""
        return 1 + (place if self.channels is None else self.channels[place])

    def in_imagej(self, depth: int | None) -> ImageJPosition:
        """Where ImageJ shows the plane; `depth` is its number in the stack, from 0.

        ImageJ counts the planes of a file with one axis of planes through, and those of others by
        channel, slice and frame.
        """
        if depth is None and self.t is None and self.channels is None:
            return ImageJPosition()
        along = [axis for axis in _PLANES if axis in self.axes]
        only = self.channels[0] + 1 if self.channels is not None and len(self.channels) == 1 else 0
        frame, number = (self.t or 0) + 1 if self.t is not None else 0, (depth or 0) + 1
        if len(along) <= 1:
            return ImageJPosition(stack=number if depth is not None else frame or only)
        return ImageJPosition(0, only, number if depth is not None else 0, frame)


PLAIN = PlaneAddress()
"""The only plane of a file."""

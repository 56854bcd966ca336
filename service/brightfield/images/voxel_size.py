"""How large a pixel is, in micrometres, as far as a file says it."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield.images.picture import Note
from brightfield.images.units import in_micrometres

Length = tuple[object, str]
"""A number and its unit, as written in the file."""


@dataclass(frozen=True, slots=True)
class VoxelSize:
    """`pixel_size` along x and y alike, `spacing` from a plane along Z to the next, both in
    micrometres and None where they are unknown; `notes` say why what the file states isn't used."""

    pixel_size: float | None = None
    spacing: float | None = None
    notes: tuple[Note, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether nothing is known of the size of a pixel, and nothing was refused."""
        return self.pixel_size is None and not self.notes


UNKNOWN = VoxelSize()


def calibrated(x: Length, y: Length, z: Length = (None, "")) -> VoxelSize:
    """The calibration by the size of a pixel along each axis.

    Pixels that are not square, to one per cent, have no size, and a note says so.
    """
    width, height, spacing = (in_micrometres(*length) for length in (x, y, z))
    if width is None or height is None or abs(width - height) <= 0.01 * width:
        return VoxelSize(width, spacing)
    detail = (
        f"A pixel is {width:g} x {height:g} µm by the file; its size was left unknown because it "
        "is not square. Give pixel_size to set it."
    )
    return VoxelSize(None, spacing, (Note("pixels_not_square", detail),))

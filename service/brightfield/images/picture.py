"""What decoding gives: the pixels of one plane and the facts about where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from brightfield.images.budget import Hold
from brightfield.images.channels import COLOURS, ChannelFacts
from brightfield.images.level_read import LevelRead
from brightfield.images.plane_address import PLAIN, PlaneAddress
from brightfield.tensors import Pixels


@dataclass(frozen=True, slots=True)
class Note:
    """Something the caller should know about an answer that was nevertheless given."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in pixels of the displayed image; `x`, `y` its top-left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One plane of an image, oriented as it is displayed.

    `pixels` is (H, W, C) in the file's own dtype, the whole plane, C >= 1 (grey is C = 1, colour
    is RGB; alpha, palette and CMYK are already converted, with a note). `pixel_size` is
    micrometres per pixel (x and y alike), `spacing` micrometres from a plane along Z to the
    next, None when unknown. `source_axes` names the axes that the file had before a plane was
    chosen. `raw` is the array exactly as it was sent, kept for .npy input alone (models with
    `pixels = "raw"` take it).
    """

    pixels: Pixels
    sha256: str
    format: str
    source_axes: str
    orientation_applied: int = 1
    pixel_size: float | None = None
    spacing: float | None = None
    profile: bytes | None = None
    """The ICC profile of the colours."""
    notes: tuple[Note, ...] = field(default=())
    raw: Pixels | None = None
    address: PlaneAddress = PLAIN
    """Which plane of the file it is."""
    hold: Hold | None = None
    """The bytes of the budget that the pixels have."""
    facts: ChannelFacts = COLOURS
    """Whether the channels are colours of one image, and what the file calls them."""
    level: LevelRead | None = None
    """Of which level the `pixels` are, where not of the full resolution that all else is about."""

    def settle(self) -> None:
        """Give back the bytes that only decoding and preprocessing needed."""
        if self.hold is not None:
            self.hold.keep(self.pixels.nbytes)

    def let_go(self) -> None:
        """Give all bytes back: what becomes of the pixels is no longer the budget's concern."""
        if self.hold is not None:
            self.hold.release()

    def without_pixels(self) -> Picture:
        """The facts alone: pixels of the same shape that take no memory."""
        none = np.broadcast_to(np.zeros(1, self.pixels.dtype), self.pixels.shape)
        return replace(self, pixels=none, raw=None, hold=None)

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1]) if self.level is None else self.level.width

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0]) if self.level is None else self.level.height

    @property
    def full(self) -> Pixels:
        """(H, W, C): the pixels, repeated where they are those of a smaller level."""
        return self.pixels if self.level is None else self.level.spread(self.pixels)

    @property
    def steps(self) -> tuple[float, float]:
        """Pixels of the picture for each of `pixels`, across and down."""
        return (1.0, 1.0) if self.level is None else self.level.steps(self.pixels)

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[2])

    @property
    def axes(self) -> str:
        """`YXC` for several channels, `YX` for one."""
        return "YXC" if self.channels > 1 else "YX"

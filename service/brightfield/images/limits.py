"""The bounds on an image, checked from its header before anything is decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from brightfield.errors import TooManyBytes, TooManyPixels, UndecodableImage
from brightfield.images.budget import DecodeBudget
from brightfield.images.channels import COLOURS, ChannelFacts

# Opening a page, or drawing a frame over another, costs some 200 microseconds, however small it is.
_MOST_PLANES = 4096
DEFAULT_MAX_BYTES = 2 * 2**30
MOST_PAGES = 1 << 16
"""Pages, frames or planes of one file: to walk through more takes longer than any picture."""


@dataclass(frozen=True, slots=True)
class DecodedSize:
    """What an image is about to take, as its header says: `stored` channels are decoded (alpha
    and palettes included), and `channels` of them are left for the model."""

    width: int
    height: int
    channels: int
    dtype: np.dtype[Any]
    stored: int = 0
    facts: ChannelFacts = COLOURS

    @property
    def values(self) -> int:
        """Numbers in the plane that decoding gives."""
        return self.width * self.height * self.channels

    @property
    def decoding(self) -> int:
        """Bytes of the decoded samples, and of the one copy that puts them in their order."""
        stored = max(self.stored, self.channels)
        return 2 * self.width * self.height * stored * self.dtype.itemsize

    @property
    def floats(self) -> int:
        """Bytes of the plane as numbers from 0 to 1: float32, by way of float64 for wide types."""
        return self.values * (4 if self.dtype.itemsize <= 2 else 12)

    @property
    def cost(self) -> int:
        """Most bytes in use at once until the model has its input; 8 bits are never widened."""
        return self.decoding + (0 if self.dtype == np.uint8 else self.floats)


def _anything(decoded: DecodedSize) -> None:
    """Admits every image."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an image may have. `admit` is called with what the header says before anything is
    allocated, and refuses by raising, or waits. `accounted` counts images in the `budget`."""

    max_pixels: int
    max_bytes: int = DEFAULT_MAX_BYTES
    admit: Callable[[DecodedSize], None] = _anything
    budget: DecodeBudget | None = None

    def admitting(self, admit: Callable[[DecodedSize], None]) -> Limits:
        """The same limits, and who admits an image."""
        return Limits(self.max_pixels, self.max_bytes, admit, self.budget)

    def check_size(self, width: int, height: int, *, planes: int = 1, channels: int = 1) -> None:
        """Raises as `check_pixels`."""
        check_pixels(width, height, self.max_pixels, planes=planes, channels=channels)

    def check(self, decoded: DecodedSize) -> None:
        """The last check, when all of the header is known.

        Raises `TooManyBytes`, and what `admit` raises.
        """
        if decoded.cost > self.max_bytes:
            raise TooManyBytes(
                f"The image has {decoded.width} x {decoded.height} pixels in {decoded.channels} "
                f"channels of {decoded.dtype}, which take {decoded.cost:,} bytes to decode and "
                f"convert; at most {self.max_bytes:,} are used. Send a part of it, fewer "
                "channels, or fewer bits a value, or raise the setting max_image_bytes."
            )
        self.admit(decoded)


def check_pixels(
    width: int, height: int, max_pixels: int, *, planes: int = 1, channels: int = 1
) -> None:
    """Refuse an image whose header promises more than `max_pixels`.

    What counts is width x height x planes, where up to five channels (RGB, CMYK, with alpha) are
    one plane and more count a plane for every three.

    Raises `TooManyPixels`, or `UndecodableImage` when the image has no pixels at all.
    """
    if width < 1 or height < 1:
        raise UndecodableImage(f"The image has no pixels: its header says {width} x {height}.")
    count = planes * max(1, channels // 3)
    if planes > _MOST_PLANES:
        raise TooManyPixels(
            f"This needs {_shown(planes)} planes of the file, and at most {_MOST_PLANES:,} are "
            "read at once; choose fewer channels with channels=, or send a part of the file."
        )
    if width * height * count <= max_pixels:
        return
    size = f"{_shown(width)} x {_shown(height)} pixels"
    if count > 1:
        size += f" in {_shown(count)} planes"
    raise TooManyPixels(
        f"The image has {size}; at most {max_pixels:,} pixels are read at once. "
        "Send a part of it or a smaller version, or raise the setting max_pixels."
    )


def _shown(count: int) -> str:
    """A count of any number of digits."""
    return str(count) if count < 2**63 else "more than 2^63"

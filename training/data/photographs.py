"""Photographs to learn fine detail from: Kodak's, and some that scikit-image brings along."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from brightfield.tensors import Pixels

PACKAGED = ("astronaut", "coffee", "brick", "grass", "gravel")
"""Of scikit-image's pictures the sharp photographs whose licence is beyond doubt: `astronaut` is
in the public domain (NASA), the others are CC0 (`coffee` by Rachel Michetti; `brick`, `grass` and
`gravel` from CC0Textures). `chelsea` is CC0 too, and left out to have one to try models on."""


def kodak(folder: Path, numbers: Iterable[int]) -> list[Pixels]:
    """Photographs of the Kodak Lossless True Color Image Suite, (512, 768, 3) or (768, 512, 3)."""
    return [_read(folder / "kodak" / f"{number:02d}.png") for number in numbers]


def packaged() -> list[Pixels]:
    """The pictures of `PACKAGED` as (H, W, 3) 8-bit RGB; grey ones have three equal channels."""
    folder = Path(skimage.data.__file__).parent
    return [_read(folder / f"{name}.png") for name in PACKAGED]


def _read(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))

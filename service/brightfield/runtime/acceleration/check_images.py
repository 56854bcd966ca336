"""Images by which a backend is compared with the model itself: of the card's form and sizes.

Rounding shows on any numbers, so exact backends are compared by drawn images, which are unlike
what the model knows. What a lower precision changes depends on how sure the model is, so it is
compared by photographs and micrographs, which scikit-image brings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import skimage
import torch
from PIL import Image

from brightfield.cards import InputSpec, Multiple
from brightfield.models.examination.samples import normalised, samples
from brightfield.models.loading.input_sizes import InputSizes
from brightfield.tensors import Images

# For colour and for grey inputs.
_PHOTOGRAPHS: Mapping[int, Sequence[str]] = {
    3: ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "ihc.png"),
    1: ("camera.png", "coins.png", "cell.png", "moon.png", "brick.png"),
}
# Sides of further images, as shares of the usual ones, where the card leaves the size open.
_OTHER_SIDES = ((0.7, 1.3), (1.3, 0.55))
# Discs of cells' sizes: so many, with radii from and to these shares of the shorter side.
_DISCS, _RADII = 24, (0.02, 0.09)


def check_images(
    spec: InputSpec, shape: tuple[int, int, int], sizes: InputSizes
) -> Sequence[Images]:
    """Several (n, C, H, W), of the usual shape first, then of others that the model takes.

    Noise, blobs, a dim and a bright image, and discs on a darker and on a brighter ground.
    """
    usual = torch.cat([next(samples(spec, shape)).rows, _discs(spec, shape)])
    others = [_discs(spec, other) for other in _others(spec, shape, sizes)]
    return [usual, *others]


def photographs(spec: InputSpec, shape: tuple[int, int, int]) -> Images:
    """(n, C, H, W): photographs and micrographs as the card's preprocessing makes them; of an input
    that has no pixels, or other channels than grey or colour, the drawn images."""
    shipped = Path(skimage.data.__file__).parent
    names = _PHOTOGRAPHS.get(spec.channels, ()) if spec.pixels == "scaled" else ()
    files = [file for name in names if (file := shipped / name).is_file()]
    if not files:
        return torch.cat([next(samples(spec, shape)).rows, _discs(spec, shape)])
    mode = "L" if spec.channels == 1 else "RGB"
    pictures = (Image.open(file).convert(mode) for file in files)
    size = (shape[2], shape[1])
    pixels = [np.asarray(each.resize(size, Image.Resampling.BOX)) for each in pictures]
    unit = torch.from_numpy(np.stack(pixels)).view(len(pixels), shape[1], shape[2], spec.channels)
    unit = unit.permute(0, 3, 1, 2).float() / 255
    return normalised(unit.flip(1) if spec.order == "BGR" else unit, spec)


def _others(
    spec: InputSpec, shape: tuple[int, int, int], sizes: InputSizes
) -> list[tuple[int, int, int]]:
    """Other shapes; none where the card has one size."""
    channels, height, width = shape
    if spec.crop is not None or (spec.size is not None and not isinstance(spec.size, Multiple)):
        return []
    step = spec.size.multiple if isinstance(spec.size, Multiple) else 1
    found = []
    for down, across in _OTHER_SIDES:
        sides = (round(down * height) | 1, round(across * width))
        high, wide = (-(-side // step) * step for side in sides)
        found.append((channels, sizes.height.nearest(high, step), sizes.width.nearest(wide, step)))
    return [other for other in dict.fromkeys(found) if other != shape]


def _discs(spec: InputSpec, shape: tuple[int, int, int]) -> Images:
    """(2, C, H, W): the same discs brighter and darker than their ground, a little noisy."""
    generator = torch.Generator().manual_seed(0)
    channels, height, width = shape
    place = torch.rand(_DISCS, 3, generator=generator)
    low, high = _RADII
    rows, columns = torch.arange(height)[:, None, None], torch.arange(width)[None, :, None]
    radius = (low + (high - low) * place[:, 2]) * min(height, width)
    away = ((rows - place[:, 0] * height) ** 2 + (columns - place[:, 1] * width) ** 2).sqrt()
    inside = (radius - away + 0.5).clamp(0, 1).amax(-1)
    tint = 0.6 + 0.4 * torch.rand(channels, 1, 1, generator=generator)
    noise = 0.05 * torch.rand(channels, height, width, generator=generator)
    bright = 0.1 + 0.7 * tint * inside + noise
    unit = torch.stack([bright, 1 - bright]).clamp(0, 1)
    return unit if spec.pixels != "scaled" else normalised(unit, spec)

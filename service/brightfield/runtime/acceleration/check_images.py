"""Images by which a backend is compared with the model itself: of the card's form and sizes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from brightfield.cards import InputSpec, Multiple
from brightfield.models.examination.samples import samples
from brightfield.models.loading.input_sizes import InputSizes
from brightfield.tensors import Images

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
    if spec.pixels != "scaled":
        return unit
    mean, std = (torch.tensor(part).view(1, -1, 1, 1) for part in (spec.mean, spec.std))
    return (unit - mean) / std

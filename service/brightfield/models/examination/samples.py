"""A few images of the form that a card asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from brightfield.cards import InputSpec, Multiple
from brightfield.models.loading.input_sizes import ANY_SIZE, InputSizes
from brightfield.tensors import Images

# Sides that are tried for a network whose card says that it takes any size: the usual ones first.
_SIDES = (256, 224, 128, 64, 512, 96, 32)
# What is looked at many times has about this side, where the network takes it.
_SMALL = 96
# How coarse the smooth image is: blobs instead of grains.
_BLOBS = 5
# So many times stronger than usual are arrays whose values the card doesn't bound.
_STRONG = 100.0


@dataclass(frozen=True, slots=True)
class SampleImages:
    """Images that differ from each other, as the network takes them.

    `rows` (4, C, H, W) are noise, blobs, a dim and a bright image. `neighbours` (2, C, H, W) are as
    unlike them as images can be: whoever is influenced by others is influenced by these. Black
    images alone are not `telling`: how answers differ isn't seen by them.
    """

    rows: Images
    neighbours: Images
    telling: bool = True


def shapes(spec: InputSpec, sizes: InputSizes = ANY_SIZE) -> Sequence[tuple[int, int, int]]:
    """(C, H, W) that a card asks for; of a card that leaves the size open several that the file
    allows, the usual ones first."""
    count = spec.channels
    if spec.size is not None and not isinstance(spec.size, Multiple):
        return [(count, *spec.size)]
    if spec.crop is not None:
        return [(count, spec.crop, spec.crop)]
    return list(dict.fromkeys(_near(side, spec, sizes) for side in _SIDES))


def smaller(
    spec: InputSpec, shape: tuple[int, int, int], sizes: InputSizes = ANY_SIZE
) -> tuple[int, int, int] | None:
    """A shape with a side of 96 or a little more, by the card's multiple; None where that would
    save little. A network need not take it."""
    found = _near(_SMALL, spec, sizes)
    return found if 2 * found[1] * found[2] <= shape[1] * shape[2] else None


def _near(side: int, spec: InputSpec, sizes: InputSizes) -> tuple[int, int, int]:
    """A square of about this side; as near to it as the network's file allows."""
    step = spec.size.multiple if isinstance(spec.size, Multiple) else 1
    side = -(-side // step) * step
    return spec.channels, sizes.height.nearest(side, step), sizes.width.nearest(side, step)


def samples(spec: InputSpec, shape: tuple[int, int, int]) -> Iterator[SampleImages]:
    """Sets of images, the likeliest first: as preprocessing makes them, with values from 0 to 1,
    black ones. A network that refuses the first may take the next ones."""
    if spec.pixels == "scaled":
        unit = _rows(torch.rand, shape, dim=(0.25, 0.0), bright=(0.25, 0.75))
        hard = torch.cat([(unit[:1] > 0.5).float(), torch.zeros(1, *shape)])
        yield SampleImages(normalised(unit, spec), normalised(hard, spec))
        yield SampleImages(unit, hard)
    else:
        rows = _rows(torch.randn, shape, dim=(0.1, 0.0), bright=(0.5, 3.0))
        yield SampleImages(rows, torch.cat([_STRONG * rows[1:2], -_STRONG * rows[:1]]))
        yield SampleImages(rows.sigmoid(), (rows[:2] > 0).float())
    yield SampleImages(torch.zeros(4, *shape), torch.zeros(2, *shape), telling=False)


def _rows(
    draw: Callable[..., Tensor],
    shape: tuple[int, int, int],
    dim: tuple[float, float],
    bright: tuple[float, float],
) -> Tensor:
    """(4, C, H, W); the factor and offset of noise that make an image dim, and bright."""
    generator = torch.Generator().manual_seed(0)
    noise = draw(3, *shape, generator=generator)
    coarse = draw(1, shape[0], _BLOBS, _BLOBS, generator=generator)
    blobs = functional.interpolate(coarse, shape[1:], mode="bilinear", align_corners=False)
    scaled = [dim[0] * noise[1:2] + dim[1], bright[0] * noise[2:] + bright[1]]
    return torch.cat([noise[:1], blobs, *scaled])


def normalised(unit: Tensor, spec: InputSpec) -> Tensor:
    """As `preprocess` does."""
    mean, std = (torch.tensor(part).view(1, -1, 1, 1) for part in (spec.mean, spec.std))
    return (unit - mean) / std

"""Random patches of small images with the large ones that they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.images.intensity import Intensity
from brightfield.images.intensity_limits import limits
from brightfield.images.resample import resize
from brightfield.tensors import Images, Pixels
from training.degradation import reduced, trimmed

Batch = tuple[Images, Images]
"""Small and large patches, (B, 3, side, side) and (B, 3, scale side, scale side).

A pair's `low` and `high` are 0 and 1 in them."""


class Pair(NamedTuple):
    """A small image (H, W, 3) and the large one (scale H, scale W, 3), both 8 bit.

    `low` and `high` are the values that become 0 and 1, as the service finds them for the small
    image.
    """

    small: Pixels
    large: Pixels
    low: float = 0.0
    high: float = 255.0


def pairs(
    images: Iterable[Pixels], scale: int, sizes: Sequence[float], side: int, intensity: Intensity
) -> list[Pair]:
    """Each image at each of `sizes` (1: as it is), reduced by `scale`.

    What would be too small for a patch of `side` small pixels is left out, and what has one value.
    """
    found = []
    for image in images:
        for size in sizes:
            height, width = (round(length * size) for length in image.shape[:2])
            large = trimmed(resize(image, height, width, "bicubic"), scale)
            if min(large.shape[:2]) < side * scale:
                continue
            small = reduced(large, scale)
            used = limits(small, intensity)
            if used.low < used.high:
                found.append(Pair(small, large, used.low, used.high))
    return found


@dataclass(frozen=True, slots=True)
class Patches:
    """Batches without end of square patches, turned, mirrored, and with their colours exchanged.

    Pairs are drawn in proportion to their pixels. Of every `grey` share of patches, one channel is
    shown three times over, which is how a network meets grey images. Reduction acts on each
    channel alone and on both axes alike, so a changed patch is what a changed image would give.
    """

    pairs: Sequence[Pair]
    side: int
    """Of the small patch, in pixels."""
    batch: int
    grey: float

    def draw(self, random: np.random.Generator) -> Iterator[Batch]:
        weights = np.array([pair.small.shape[0] * pair.small.shape[1] for pair in self.pairs])
        share = weights / weights.sum()
        while True:
            chosen = random.choice(len(self.pairs), self.batch, p=share)
            patches = [self._patch(self.pairs[index], random) for index in chosen]
            small, large = zip(*patches, strict=True)
            yield _tensor(small), _tensor(large)

    def _patch(
        self, pair: Pair, random: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scale = pair.large.shape[0] // pair.small.shape[0]
        y, x = (random.integers(length - self.side + 1) for length in pair.small.shape[:2])
        small = _square(pair.small, y, x, self.side)
        large = _square(pair.large, y * scale, x * scale, self.side * scale)
        channels = random.permutation(3)
        if random.random() < self.grey:
            channels = np.repeat(channels[:1], 3)
        turns, mirrored = int(random.integers(4)), bool(random.integers(2))

        def changed(pixels: Pixels) -> NDArray[np.float32]:
            turned = np.rot90(pixels[:, :, channels], turns)[:, :: -1 if mirrored else 1]
            unit: NDArray[np.float32] = turned.astype(np.float32) - np.float32(pair.low)
            return unit / np.float32(pair.high - pair.low)

        return changed(small), changed(large)


def _square(pixels: Pixels, y: int, x: int, side: int) -> Pixels:
    return pixels[y : y + side, x : x + side]


def _tensor(patches: Sequence[NDArray[np.float32]]) -> Images:
    """Channels last in memory, as the training loop has its network."""
    return torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2)

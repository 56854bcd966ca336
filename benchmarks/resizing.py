"""Ways to make photographs smaller, beside Pillow's: CPU time, and how many pixels are others.

    python benchmarks/resizing.py [--rounds 4]

Every photograph is decoded and brought to a short side of 256 pixels, of which the central square
of 224 is compared with Pillow's. *Products*: the filter as small dense matrices of weights, rounded
to Pillow's 22 bits, for the square alone; across, rounded to 8 bits, and down. *PyTorch*: its
antialiased resizing of 8-bit images. All in one thread; what is computed once for a size (the
weights) isn't counted.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from load import photographs
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

Pixels = NDArray[np.uint8]
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
SHORT, SIDE = 256, 224
_BITS = 2.0**22
_BLOCK = 8  # rows of the result that share a matrix


def bilinear(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(1 - np.abs(x), 0, None)


def bicubic(x: NDArray[np.float64], a: float = -0.5) -> NDArray[np.float64]:
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


KERNELS = {"bilinear": (bilinear, 1.0), "bicubic": (bicubic, 2.0)}


class Axis(NamedTuple):
    """What one axis of the square needs: the range of the source, and blocks of rows of the result
    with their range within that and their weights."""

    start: int
    stop: int
    blocks: Sequence[tuple[slice, slice, torch.Tensor]]

    @classmethod
    def of(cls, before: int, after: int, name: str, dtype: torch.dtype) -> Axis:
        kernel, support = KERNELS[name]
        scale = before / after
        widened = max(scale, 1.0)
        begin = round((after - SIDE) / 2)
        centers = (np.arange(begin, begin + SIDE) + 0.5) * scale
        low = np.maximum(centers - support * widened + 0.5, 0).astype(int)
        high = np.minimum(centers + support * widened + 0.5, before).astype(int)
        places = np.arange(low[0], high[-1])
        weights = kernel((places - centers[:, None] + 0.5) / widened)
        weights *= (places >= low[:, None]) & (places < high[:, None])
        weights /= weights.sum(axis=1, keepdims=True)
        weights = np.trunc(weights * _BITS + np.copysign(0.5, weights)) / _BITS
        blocks = []
        for first in range(0, SIDE, _BLOCK):
            rows = slice(first, first + _BLOCK)
            used = slice(int(low[rows][0] - low[0]), int(high[rows][-1] - low[0]))
            blocks.append((rows, used, torch.tensor(weights[rows, used], dtype=dtype)))
        return cls(int(low[0]), int(high[-1]), blocks)

    def along(self, lines: torch.Tensor) -> torch.Tensor:
        """(N, n) to (SIDE, N), rounded to 8 bits."""
        out = torch.empty((SIDE, len(lines)), dtype=lines.dtype)
        for rows, used, weights in self.blocks:
            torch.mm(weights, lines[:, used].t(), out=out[rows])
        return out.add_(0.5).floor_().clamp_(0, 255)


def products(pixels: Pixels, name: str, dtype: torch.dtype) -> Callable[[], Pixels]:
    height, width = size(pixels)
    across = Axis.of(pixels.shape[1], width, name, dtype)
    down = Axis.of(pixels.shape[0], height, name, dtype)

    def resized() -> Pixels:
        part = torch.from_numpy(pixels)[down.start : down.stop, across.start : across.stop]
        planes = part.permute(2, 0, 1).to(dtype, memory_format=torch.contiguous_format)
        narrow = across.along(planes.view(-1, planes.shape[2]))
        square = down.along(narrow.view(SIDE * 3, -1)).view(SIDE, SIDE, 3)
        return square.to(torch.uint8).numpy()

    return resized


def by_pillow(pixels: Pixels, name: str) -> Callable[[], Pixels]:
    height, width = size(pixels)
    return lambda: square(
        np.asarray(Image.fromarray(pixels).resize((width, height), FILTERS[name]))
    )


def by_torch(pixels: Pixels, name: str) -> Callable[[], Pixels]:
    def resized() -> Pixels:
        rows = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        found = functional.interpolate(rows, size(pixels), mode=name, antialias=True)
        return square(found[0].permute(1, 2, 0).numpy())

    return resized


def size(pixels: Pixels) -> tuple[int, int]:
    factor = SHORT / min(pixels.shape[:2])
    return round(pixels.shape[0] * factor), round(pixels.shape[1] * factor)


def square(pixels: Pixels) -> Pixels:
    top, left = (round((side - SIDE) / 2) for side in pixels.shape[:2])
    return pixels[top : top + SIDE, left : left + SIDE]


WAYS: dict[str, Callable[[Pixels, str], Callable[[], Pixels]]] = {
    "Pillow": by_pillow,
    "products, float64": lambda pixels, name: products(pixels, name, torch.float64),
    "products, float32": lambda pixels, name: products(pixels, name, torch.float32),
    "PyTorch, 8 bits": by_torch,
}


def seconds(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    pictures = [np.array(Image.open(io.BytesIO(body)).convert("RGB")) for body in photographs()]
    print("| filter | way | CPU ms | other pixels, of a million |\n|---|---|---|---|")
    for name in FILTERS:
        works = {way: [make(each, name) for each in pictures] for way, make in WAYS.items()}
        expected = [work() for work in works["Pillow"]]
        others = {
            way: np.mean([each() != own for each, own in zip(found, expected, strict=True)])
            for way, found in works.items()
        }
        times: dict[str, list[float]] = {way: [] for way in works}
        for _ in range(given.rounds):
            for way, found in works.items():
                times[way].append(statistics.mean(map(seconds, found)))
        for way, found in times.items():
            cpu, other = 1e3 * statistics.median(found), 1e6 * others[way]
            print(f"| {name} | {way} | {cpu:.2f} | {other:.0f} |")


if __name__ == "__main__":
    main()

"""What decoding JPEGs at a fraction of their size would save, and how far scores would move.

    python benchmarks/drafting.py [--models imagenet-lite0,resnet18] [--json FILE]

libjpeg can leave out the high frequencies of each block, and so decode at 1/2, 1/4 or 1/8 of the
size ("drafting"). Photographs of scikit-image and scikit-learn, their mosaics, and fields of random
shapes and noise, at several sizes and qualities, are decoded in full and drafted, prepared as the
model's card says, and classified by the model itself. A picture is drafted only as far as its short
side stays `margin` times that of the card's resize. Told for each margin: the largest and other
quantiles of the difference of any class's probability, of the input's values (of 255), how many
first labels change, and the CPU time of decode and preprocess against that of the full decode.

The difference needs no quiet machine; the time is CPU time of this process, sides alternating.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from sklearn.datasets import load_sample_image

from brightfield.cards import InputSpec
from brightfield.engine import Engine
from brightfield.images.resample import resize
from brightfield.settings import Settings

SIZES = ((640, 480), (1024, 768), (1600, 1200), (3200, 2400))
QUALITIES = (75, 90)
MARGINS = (1.0, 1.5, 2.0, 3.0, 4.0)
SKIMAGE = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "retina", "cat")


def photographs() -> Iterator[tuple[str, Image.Image]]:
    """Photographs as they are, mosaics of them, which keep their detail at larger sizes, and
    generated fields."""
    own = {name: Image.fromarray(getattr(data, name)()) for name in SKIMAGE}
    own |= {name: Image.fromarray(load_sample_image(f"{name}.jpg")) for name in ("china", "flower")}
    yield from own.items()
    tiles = [image.convert("RGB").resize((400, 300)) for image in own.values()]
    for start in range(0, len(tiles), 2):
        mosaic = Image.new("RGB", (3200, 2400))
        for place, (row, column) in enumerate(itertools.product(range(8), range(8))):
            mosaic.paste(tiles[(start + place) % len(tiles)], (400 * column, 300 * row))
        yield f"mosaic {start}", mosaic
    rng = np.random.default_rng(0)
    for number in range(4):
        yield f"field {number}", Image.fromarray(_field(rng))


def _field(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Discs and bars with sharp edges on noise whose power falls with the square of frequency."""
    height, width = 2400, 3200
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    spectrum = rng.normal(size=(3, height, width // 2 + 1, 2)) @ np.array([1, 1j])
    noise = np.fft.irfft2(spectrum / np.maximum(np.hypot(fy, fx), 1 / width), (height, width))
    field = 128 + 48 * (noise / noise.std()).transpose(1, 2, 0)
    y, x = np.mgrid[:height, :width]
    for _ in range(40):
        cy, cx, radius = rng.uniform((0, 0, 8), (height, width, 300))
        field[np.hypot(y - cy, x - cx) < radius] = rng.uniform(0, 255, 3)
    return np.clip(field, 0, 255).astype(np.uint8)


def files() -> Iterator[tuple[str, bytes]]:
    """JPEG files of all of them in every size that is no enlargement by more than half."""
    for (name, image), (width, height) in itertools.product(photographs(), SIZES):
        if min(image.width / width, image.height / height) < 0.66:
            continue
        sized = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            file = io.BytesIO()
            sized.save(file, "JPEG", quality=quality)
            yield f"{name} {width} {quality}", file.getvalue()


def drafted(body: bytes, short: int, margin: float) -> NDArray[np.uint8]:
    """At the smallest of 1/1, 1/2, 1/4 and 1/8 whose short side is `margin` times `short`."""
    height, width, _, _ = simplejpeg.decode_jpeg_header(body)
    factor = 1
    while factor < 8 and min(height, width) / (2 * factor) >= margin * short:
        factor *= 2
    least = {"min_height": -(-height // factor), "min_width": -(-width // factor)}
    if factor == 1:
        least = {}
    return simplejpeg.decode_jpeg(body, "RGB", **least)


def prepared(pixels: NDArray[np.uint8], spec: InputSpec, size: tuple[int, int]) -> torch.Tensor:
    """The card's recipe for a picture whose full size is given: resize, crop, normalise."""
    assert spec.resize is not None and spec.crop is not None
    height, width = size
    short = min(height, width)
    exact = spec.resize.short / short
    to = [spec.resize.short if side == short else int(side * exact) for side in size]
    small = resize(pixels, to[0], to[1], spec.resize.interpolation)
    top, left = (round((side - spec.crop) / 2) for side in to)
    cut = small[top : top + spec.crop, left : left + spec.crop].astype(np.float32) / 255
    values = (cut - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    return torch.from_numpy(values).permute(2, 0, 1)[None]


def compared(name: str) -> list[dict[str, Any]]:
    found: dict[float, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with Engine(Settings(preload=False, backend="eager")) as engine:
        resident = engine.registry.load(name).result()
        spec, module = resident.card.input, resident.module
        assert spec.resize is not None
        for _, body in files():
            height, width, _, _ = simplejpeg.decode_jpeg_header(body)
            full = _timed(body, spec, (height, width), 0.0)
            scores = _scores(module, full[0])
            for margin in MARGINS:
                draft = _timed(body, spec, (height, width), margin)
                if draft[2] == full[2]:
                    continue
                other, seen = _scores(module, draft[0]), found[margin]
                moved = (draft[0] - full[0]).abs() * float(np.mean(spec.std)) * 255
                seen["score"].append(float((other - scores).abs().max()))
                seen["mean"].append(float(moved.mean()))
                seen["most"].append(float(moved.max()))
                seen["other"].append(float(other.argmax() != scores.argmax()))
                seen["time"].append(draft[1] / full[1])
    return [_row(name, margin, seen) for margin, seen in found.items()]


def _timed(
    body: bytes, spec: InputSpec, size: tuple[int, int], margin: float
) -> tuple[torch.Tensor, float, int]:
    """The input, the least CPU seconds of two runs, and the values that were decoded."""
    assert spec.resize is not None
    seconds = []
    for _ in range(2):
        begun = time.process_time()
        pixels = (
            drafted(body, spec.resize.short, margin) if margin else simplejpeg.decode_jpeg(body)
        )
        tensor = prepared(pixels, spec, size)
        seconds.append(time.process_time() - begun)
    return tensor, min(seconds), pixels.size


def _scores(module: torch.nn.Module, rows: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return torch.as_tensor(module(rows)).softmax(1)[0]


def _row(name: str, margin: float, seen: dict[str, list[float]]) -> dict[str, Any]:
    score = np.array(seen["score"])
    return {
        "model": name,
        "margin": margin,
        "files": len(score),
        "score_median": float(np.median(score)),
        "score_p95": float(np.quantile(score, 0.95)),
        "score_most": float(score.max()),
        "other_label": int(sum(seen["other"])),
        "value_mean": float(np.mean(seen["mean"])),
        "value_most": float(np.max(seen["most"])),
        "time_ratio": float(np.median(seen["time"])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", default="imagenet-lite0", help="ids, with commas between them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for name in given.models.split(",") for row in compared(name)]
    for row in rows:
        print(
            "  ".join(
                f"{key} {v:.4g}" if isinstance(v, float) else f"{v}" for key, v in row.items()
            )
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()

"""Synthetic fields of the microscope whose truth is known: nuclei, and nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[Any]
SIDE = 512


@dataclass(frozen=True)
class Nuclei:
    """`unit` (H, W), 0 to about 1.2, and `labels` (H, W), 0 for the background."""

    unit: Array
    labels: Array

    def matched(self, found: Array) -> int:
        """How many nuclei have an object whose intersection over union with them is 0.5."""
        return sum(self._has_match(number, found) for number in range(1, self.labels.max() + 1))

    def _has_match(self, number: int, found: Array) -> bool:
        inside = self.labels == number
        votes = np.bincount(found[inside], minlength=2)
        votes[0] = 0
        best = int(votes.argmax())
        union = inside.sum() + (found == best).sum() - votes[best]
        return bool(votes[best] >= 0.5 * union)


def nuclei(seed: int, count: int = 60, side: int = SIDE) -> Nuclei:
    """Blurred, textured ellipses of 18 to 28 pixels that don't touch."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    unit, labels = np.zeros((side, side)), np.zeros((side, side), np.int64)
    placed: list[tuple[float, float, float]] = []
    while len(placed) < count:
        radius, stretch, turn = rng.uniform((9, 0.8, 0), (14, 1.25, np.pi))
        y, x = rng.uniform(20, side - 20, 2)
        if any((y - v) ** 2 + (x - u) ** 2 < (1.35 * (radius + r) + 2) ** 2 for v, u, r in placed):
            continue
        placed.append((y, x, radius))
        along = (columns - x) * np.cos(turn) + (rows - y) * np.sin(turn)
        across = (rows - y) * np.cos(turn) - (columns - x) * np.sin(turn)
        inside = (along / stretch) ** 2 + (across * stretch) ** 2 < radius**2
        labels[inside], unit[inside] = len(placed), rng.uniform(0.7, 1)
    texture = 0.08 * noise(seed + 1, 3, side)
    return Nuclei(np.clip(ndimage.gaussian_filter(unit * (1 + texture), 1.2), 0, 1.2), labels)


def noise(seed: int, blur: float = 0, side: int = SIDE) -> Array:
    """Normal noise of the standard deviation 1, blurred by so many pixels before."""
    values = np.random.default_rng(seed).normal(size=(side, side))
    blurred = ndimage.gaussian_filter(values, blur, mode="wrap") if blur else values
    return np.asarray(blurred / blurred.std())


def ramp(low: float, high: float, side: int = SIDE) -> Array:
    """An uneven light from one corner to the other."""
    y, x = np.mgrid[:side, :side] / (side - 1)
    return np.asarray(low + (high - low) * (0.7 * x + 0.3 * y))


def counts(values: Array, dtype: str = "u2") -> Array:
    """Rounded and cut to an unsigned type."""
    return np.rint(values).clip(0, np.iinfo(dtype).max).astype(dtype)


def with_debris(field: Array, share: float, seed: int, radius: int = 1) -> Array:
    """The field with squares of the value 60,000 on this share of its pixels."""
    rng, dirty = np.random.default_rng(seed), field.copy()
    while (dirty == 60_000).mean() < share:
        y, x = rng.integers(radius, field.shape[0] - radius, 2)
        dirty[y - radius : y + radius + 1, x - radius : x + radius + 1] = 60_000
    return dirty


def empty_fields(seed: int, side: int = SIDE) -> dict[str, Array]:
    """Twelve kinds of fields without an object."""
    rng = np.random.default_rng(seed)

    def of(blur: float, more: int = 0) -> Array:
        return noise(100 * seed + more, blur, side)

    white = counts(400 + 20 * of(0))
    return {
        "white": white,
        "camera": counts(400 + 20 * of(2)),
        "coarse": counts(400 + 20 * of(4)),
        "autofluorescence": counts(400 + 30 * of(10) + 8 * of(0, 1)),
        "photons": counts(100 + 10 * rng.poisson(30, (side, side))),
        "gradient": counts(ramp(300, 3000, side)),
        "gradient and noise": counts(ramp(300, 600, side) + 30 * of(2)),
        "hot pixels": np.where(rng.random((side, side)) < 0.001, 60_000, white).astype("u2"),
        "debris": with_debris(counts(400 + 20 * of(1.5)), 0.005, seed),
        "dark, 8 bit": counts(0.3 + 0.4 * of(0), "u1"),
        "bright, 8 bit": counts(235 + 3 * of(2), "u1"),
        "blank slide": counts(
            np.array([240, 232, 238])
            + np.stack([2 * of(0, part) for part in (1, 2, 3)], axis=2)
            + 3 * of(2)[..., None],
            "u1",
        ),
    }


def nuclear_fields(seed: int) -> tuple[dict[str, Array], Nuclei]:
    """Sixty nuclei as different microscopes, stains and mistakes show them."""
    truth = nuclei(seed)
    unit, grain = truth.unit, noise(seed + 2)
    plain = counts(400 + 3500 * unit + 20 * grain)
    light = ramp(0.1, 1)
    stained = np.array([225, 180, 215]) - unit[..., None] * np.array([110, 120, 60])
    specks = np.random.default_rng(seed).random(unit.shape) < 0.005
    dirt = with_debris(np.zeros_like(plain), 0.005, seed, 2).astype(np.float64)
    return {
        "plain": plain,
        "dim": counts(12 * unit, "u1"),
        "dim and noisy": counts(3 + 12 * unit + grain, "u1"),
        "saturated": counts(20 + 600 * unit, "u1"),
        "offset": counts(30_000 + 2000 * unit + 20 * grain),
        "gamma": counts(255 * unit.clip(0, 1) ** 2, "u1"),
        "uneven": counts((300 + 3500 * unit) * light + 10 * grain),
        "uneven background": counts(400 + 2500 * light + 3500 * unit + 20 * grain),
        "inverted": counts((235 - 200 * unit.clip(0, 1)) * ramp(0.4, 1), "u1"),
        "stained": counts(stained + 3 * noise(seed + 3, 1.5)[..., None], "u1"),
        "debris": with_debris(plain, 0.005, seed, 2),
        "soft debris": counts(np.maximum(plain, ndimage.gaussian_filter(dirt, 1))),
        "specks": np.where(specks, 60_000, plain).astype("u2"),
    }, truth

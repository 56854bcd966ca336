"""Square crops of nuclei fields, turned, zoomed and recoloured at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brightfield.cards import InputSpec
from brightfield.images.intensity_limits import limits
from brightfield.tensors import UnitPixels
from brightfield_painting import scale
from training.data.dsb2018 import Field
from training.nuclei_targets import FloatMap, relative_distance, weights

SIDE = 256

SHARES = {"fluorescence": 0.58, "he_purple": 0.32, "brightfield": 0.10}
"""How often a crop is of each kind of staining; in the data they are 0.82, 0.16 and 0.02."""

_ZOOM = (0.65, 1.8)
_ON_AN_OBJECT = 0.7
_GENTLE, _GENTLY = 0.4, 0.8
"""Of the last round's crops this share is changed by this part of what the others are. Where a
nucleus ends was drawn by eye, and brightness and contrast tell where an eye would end it."""


class Crop(NamedTuple):
    """`image` (SIDE, SIDE, 3) in [0, 1]; the maps are (SIDE, SIDE).

    `weight` is 0 where the crop reaches beyond the field.
    """

    image: UnitPixels
    foreground: FloatMap
    distance: FloatMap
    weight: FloatMap


@dataclass(frozen=True, slots=True)
class Known:
    """A field with what does not change from crop to crop.

    `distance` is that of `relative_distance`, `centres` (n, 2) the objects' centroids as x, y of
    pixel centres; `low` and `high` become 0 and 1.
    """

    field: Field
    distance: FloatMap
    centres: NDArray[np.float64]
    low: float
    high: float


class Crops:
    """Draws crops, the kinds of staining in the proportions of `SHARES`.

    Within a kind a field is drawn in proportion to the square root of its area. In the last round
    all are drawn alike, and most crops are changed less.
    """

    def __init__(
        self, fields: Sequence[Field], spec: InputSpec, *, last_round: bool = False
    ) -> None:
        self._kinds = {kind: [f for f in fields if f.kind == kind] for kind in SHARES}
        self._kinds = {kind: members for kind, members in self._kinds.items() if members}
        power = 0.0 if last_round else 0.5
        self._chances = {kind: _chances(of_kind, power) for kind, of_kind in self._kinds.items()}
        self._gently = _GENTLY if last_round else 0.0
        self._spec = spec
        self._known: dict[str, Known] = {}

    def draw(self, random: np.random.Generator) -> Crop:
        kinds = list(self._kinds)
        shares = np.array([SHARES[kind] for kind in kinds])
        kind = kinds[random.choice(len(kinds), p=shares / shares.sum())]
        members = self._kinds[kind]
        known = self._knowledge(members[random.choice(len(members), p=self._chances[kind])])
        return _crop(known, random, _GENTLE if random.random() < self._gently else 1.0)

    def _knowledge(self, field: Field) -> Known:
        if field.id not in self._known:
            self._known[field.id] = _studied(field, self._spec)
        return self._known[field.id]


def _studied(field: Field, spec: InputSpec) -> Known:
    found = limits(field.picture.pixels, spec.intensity)
    numbers = np.arange(1, field.labels.max(initial=0) + 1)
    centres = ndimage.center_of_mass(field.labels > 0, field.labels, numbers)
    points = np.array(centres, np.float64).reshape(-1, 2)[:, ::-1]
    return Known(field, relative_distance(field.labels), points, found.low, found.high)


def _chances(fields: Sequence[Field], power: float) -> NDArray[np.float64]:
    chances = np.array([field.labels.size for field in fields], np.float64) ** power
    return np.asarray(chances / chances.sum())


def _crop(known: Known, random: np.random.Generator, strength: float) -> Crop:
    matrix = _placement(known, random, strength)
    pixels = known.field.picture.pixels.astype(np.float32)
    warped = _warp(pixels, matrix, cv2.INTER_LINEAR, cv2.BORDER_REFLECT_101)
    image = recoloured(warped.reshape(SIDE, SIDE, -1), known, random, strength)
    labels = _warp(known.field.labels.astype(np.float32), matrix, cv2.INTER_NEAREST).astype(
        np.int32
    )
    valid = _warp(np.ones(known.field.labels.shape, np.float32), matrix, cv2.INTER_NEAREST)
    distance = _warp(known.distance, matrix, cv2.INTER_LINEAR) * (labels > 0)
    return Crop(
        image,
        (labels > 0).astype(np.float32),
        distance,
        weights(labels) * valid,
    )


def _placement(known: Known, random: np.random.Generator, strength: float) -> NDArray[np.float64]:
    """(2, 3): from a crop's pixel (x, y, 1) to the field's, by turn, mirror, zoom and shift."""
    zoom = math.exp(strength * random.uniform(*np.log(_ZOOM)))
    quarter = random.integers(4) * math.pi / 2
    angle = quarter + (random.uniform(-0.6, 0.6) if random.random() < 0.4 else 0.0)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turn[:, 0] *= random.choice([-1, 1])
    turn /= zoom
    height, width = known.field.labels.shape
    if len(known.centres) and random.random() < _ON_AN_OBJECT:
        middle = known.centres[random.integers(len(known.centres))] + random.uniform(-64, 64, 2)
    else:
        middle = random.uniform(0, 1, 2) * (width, height)
    half = SIDE / 2 / zoom
    for axis, side in enumerate((width, height)):
        inside = side > 2 * half
        middle[axis] = np.clip(middle[axis], half, side - half) if inside else side / 2
    shift = middle - 0.5 - turn @ np.full(2, (SIDE - 1) / 2)
    return np.concatenate([turn, shift[:, None]], axis=1)


def _warp(
    array: FloatMap, matrix: NDArray[np.float64], how: int, beyond: int = cv2.BORDER_CONSTANT
) -> FloatMap:
    flags = how | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(array, matrix, (SIDE, SIDE), flags=flags, borderMode=beyond)
    return np.asarray(warped, np.float32)


def recoloured(
    pixels: FloatMap, known: Known, random: np.random.Generator, strength: float
) -> UnitPixels:
    """In [0, 1] by limits near the field's own, then as another microscope might show it."""
    span = known.high - known.low
    low = known.low + span * strength * random.uniform(-0.04, 0.06)
    high = low + span * math.exp(strength * random.normal(0, 0.15))
    unit = scale(pixels, low, high) ** np.float32(math.exp(strength * random.normal(0, 0.3)))
    if known.field.kind == "he_purple":
        unit = _restained(unit, random, strength)
    else:
        unit = _tinted(unit, random, dark_ground=known.field.kind == "fluorescence")
    unit = np.ascontiguousarray(np.broadcast_to(unit, (SIDE, SIDE, 3)), np.float32)
    if random.random() < strength:
        unit = _disturbed(unit, random)
    return np.clip(unit, 0, 1)


def _restained(unit: FloatMap, random: np.random.Generator, strength: float) -> FloatMap:
    """Other dyes: what is absorbed is mixed anew among the channels; now and then all grey."""
    mixing = np.eye(3) + strength * random.normal(0, 0.08, (3, 3))
    unit = np.clip(1 - (1 - unit) @ mixing.astype(np.float32), 0, 1)
    unit = unit ** np.exp(strength * random.normal(0, 0.12, 3)).astype(np.float32)
    if random.random() < 0.15:
        unit = unit.mean(axis=2, keepdims=True)
    elif random.random() < 0.05:
        unit = unit[:, :, random.permutation(3)]
    return unit


def _tinted(unit: FloatMap, random: np.random.Generator, *, dark_ground: bool) -> FloatMap:
    """A grey field in the colour of a dye or a lamp, or inverted: rarely each."""
    if random.random() < 0.06:
        unit, dark_ground = 1 - unit, not dark_ground
    if random.random() < 0.15:
        color = random.uniform(0, 1, 3).astype(np.float32)
        color /= color.max()
        unit = unit * color if dark_ground else 1 - (1 - unit) * color
    return unit


def _disturbed(unit: FloatMap, random: np.random.Generator) -> FloatMap:
    """Out of focus, or noisy, or compressed: each now and then."""
    if random.random() < 0.15:
        blurred = cv2.GaussianBlur(unit, (0, 0), random.uniform(0.3, 1.3))
        unit = np.asarray(blurred, np.float32)
    if random.random() < 0.3:
        noise = random.standard_normal((SIDE, SIDE, 1), np.float32)
        unit = unit + noise * np.float32(random.uniform(0, 0.06))
    if random.random() < 0.07:
        unit = _compressed(unit, int(random.integers(40, 95)))
    return unit


def _compressed(unit: FloatMap, quality: int) -> FloatMap:
    """As JPEG of that quality leaves it."""
    pixels = (np.clip(unit, 0, 1) * 255).astype(np.uint8)
    _, file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    back = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.float32)
    return back / np.float32(255)

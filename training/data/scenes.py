"""Training squares for detectors: photographs turned, scaled, cropped and put side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_VISIBLE = 0.3
"""Least part of an object's box inside the square, for the object to count."""
MIN_SIDE = 8.0
"""Least side in pixels of what is visible of a box."""


class Scene(NamedTuple):
    """Pixels (H, W, 3) uint8 with boxes (n, 4) and their classes (n,)."""

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]


class Sizes(NamedTuple):
    """The square's side, the range of scales, and how often four photographs share a square."""

    side: int
    smallest: float
    largest: float
    mosaic: float


def compose(draw: Callable[[], Scene], sizes: Sizes, random: np.random.Generator) -> Scene:
    """A square of `sizes.side` pixels with one photograph, or four that meet in a random point.

    `draw` gives a photograph at random. Each is turned and mirrored in one of the eight ways,
    scaled by a factor drawn evenly in its logarithm, and moved at random.
    """
    side = sizes.side
    if random.random() >= sizes.mosaic:
        return placed(draw(), (side, side), random, sizes)
    x, y = (int(side * random.uniform(0.3, 0.7)) for _ in range(2))
    pixels = np.empty((side, side, 3), np.uint8)
    boxes, classes = [], []
    for left, top, right, bottom in (
        (0, 0, x, y), (x, 0, side, y), (0, y, x, side), (x, y, side, side)
    ):  # fmt: skip
        part = placed(draw(), (right - left, bottom - top), random, sizes)
        pixels[top:bottom, left:right] = part.pixels
        boxes.append(part.boxes + np.array([left, top, left, top], np.float32))
        classes.append(part.classes)
    return Scene(pixels, np.concatenate(boxes), np.concatenate(classes))


def placed(
    scene: Scene, window: tuple[int, int], random: np.random.Generator, sizes: Sizes
) -> Scene:
    """The photograph seen through a window of (width, height), where it is drawn to lie."""
    scale = np.exp(random.uniform(np.log(sizes.smallest), np.log(sizes.largest)))
    stretch = np.exp(random.uniform(-0.08, 0.08))
    matrix = np.diag([scale * stretch, scale / stretch]) @ _turn(int(random.integers(8)))
    height, width = scene.pixels.shape[:2]
    corners = np.array([[0, 0], [width, height]]) @ matrix.T
    low, extent = corners.min(axis=0), np.abs(corners[1] - corners[0])
    spare = np.array(window) - extent  # negative where the photograph is larger than the window
    start = random.uniform(np.minimum(spare, 0), np.maximum(spare, 0))
    return transformed(scene, matrix, start - low, window)


def transformed(
    scene: Scene, matrix: NDArray[np.float64], shift: NDArray[np.float64], window: tuple[int, int]
) -> Scene:
    """x -> matrix x + shift, cut to (width, height); `matrix` maps axes onto axes.

    Beyond the photograph lies its median colour. Boxes are cut at the window, and go where less
    than `MIN_VISIBLE` of them, or a side below `MIN_SIDE`, is left.
    """
    # The warp counts from pixel centres, boxes from the outer corner of the first pixel.
    centred = shift + matrix @ [0.5, 0.5] - 0.5
    background = np.median(scene.pixels[::16, ::16].reshape(-1, 3), axis=0)
    pixels = cv2.warpAffine(
        scene.pixels,
        np.column_stack([matrix, centred]),
        window,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=background.tolist(),
    )
    ends = scene.boxes.reshape(-1, 2, 2).astype(np.float64) @ matrix.T + shift
    whole = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)
    cut = np.clip(whole, 0, np.tile(window, 2))
    visible = _area(cut) >= MIN_VISIBLE * _area(whole)
    kept = visible & ((cut[:, 2:] - cut[:, :2]).min(axis=1, initial=np.inf) >= MIN_SIDE)
    return Scene(np.asarray(pixels), cut[kept].astype(np.float32), scene.classes[kept])


def recolored(pixels: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Another lamp, stain and camera: a matrix near the identity, gain, contrast, gamma, focus.

    The matrix turns hues a little and changes the saturation; it leaves greys grey.
    """
    grey = np.full((3, 3), 1 / 3)
    turn = np.roll(np.eye(3), 1, axis=1) - np.roll(np.eye(3), -1, axis=1)
    mix = grey + random.uniform(0.6, 1.4) * (np.eye(3) - grey) + random.uniform(-0.12, 0.12) * turn
    mixed = cv2.transform(pixels, mix)
    levels = np.linspace(0, 1, 256)[:, None] ** np.exp(random.uniform(-0.25, 0.25))
    contrast = np.exp(random.uniform(-0.25, 0.25))
    gains = np.exp(random.uniform(-0.12, 0.12)) * np.exp(random.uniform(-0.06, 0.06, size=3))
    curves = np.clip(((levels - 0.6) * contrast + 0.6) * gains, 0, 1) * 255
    mapped = cv2.LUT(mixed, np.rint(curves).astype(np.uint8)[:, None])
    if random.random() < 0.2:
        mapped = cv2.GaussianBlur(mapped, (0, 0), random.uniform(0.5, 1.6))
    return np.asarray(mapped)


def _turn(way: int) -> NDArray[np.float64]:
    """One of the eight symmetries of the square."""
    flips = np.diag([1.0 - 2 * (way & 1), 1.0 - (way & 2)])
    return flips[::-1] if way & 4 else flips


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return area

"""An enlarged image beside its bicubic interpolation, which shows what a network has gained."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from brightfield.images.contact_sheet import fitted
from brightfield.images.picture import Region
from brightfield.images.resample import resize
from brightfield.palette import ORANGE
from brightfield.tensors import Pixels, Rgb
from brightfield_painting import percentiles, scale

_SIDE, _GAP, _LINE, _TEXT = 360, 10, 26, 17
# Pixels of the small image along a side of the detail.
_DETAIL = 56
_INK, _PAPER = (33, 37, 41), (255, 255, 255)


def beside_bicubic(small: Pixels, large: Pixels, region: Region | None = None) -> Rgb:
    """Three panels: the small image (its `region`) with a frame, and the detail in the frame by
    bicubic interpolation and as it is in `large`, (s H, s W, C) of the same values.

    The detail is where the two differ most. Values of other than 8 bits are shown between the small
    image's 0.5th and 99.5th percentiles, the same in all panels.
    """
    if region is not None:
        small = small[region.y : region.y + region.height, region.x : region.x + region.width]
    times = large.shape[0] // small.shape[0]
    shown, made = _shown(small, small), _shown(large, small)
    smooth = resize(shown, made.shape[0], made.shape[1], "bicubic")
    x, y, side = _largest_difference(smooth, made, times)
    part = (slice(times * y, times * (y + side)), slice(times * x, times * (x + side)))
    panels = [
        (_framed(shown, x, y, side), f"{small.shape[1]} x {small.shape[0]} pixels"),
        (_enlarged(smooth[part]), "bicubic interpolation"),
        (_enlarged(made[part]), "the network"),
    ]
    return _side_by_side(panels)


def _shown(pixels: Pixels, of: Pixels) -> Rgb:
    """(H, W, 3) of 8 bits, in the range of another picture; of other numbers of channels than 1 and
    3 the first."""
    chosen = pixels if pixels.shape[2] == 3 else pixels[..., :1]
    if pixels.dtype != np.uint8:
        low, high, _ = percentiles(of, 0.5, 99.5)
        chosen = np.rint(255 * scale(chosen, low, high)).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(chosen, (*chosen.shape[:2], 3)))


def _largest_difference(smooth: Rgb, made: Rgb, times: int) -> tuple[int, int, int]:
    """The corner (x, y) and side, in pixels of the small image, of the square that differs most."""
    height, width = made.shape[0] // times, made.shape[1] // times
    side = min(_DETAIL, height, width)
    apart = np.abs(smooth.astype(np.float32) - made).sum(axis=2)
    per_pixel = cv2.resize(apart, (width, height), interpolation=cv2.INTER_AREA)
    sums = cv2.integral(per_pixel)
    within = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    y, x = np.unravel_index(int(within.argmax()), within.shape)
    return int(x), int(y), side


def _framed(picture: Rgb, x: int, y: int, side: int) -> Rgb:
    panel = fitted(picture, _SIDE)
    factor = panel.shape[0] / picture.shape[0]
    drawn = Image.fromarray(panel)
    corners = [round(factor * edge) for edge in (x, y, x + side - 1, y + side - 1)]
    ImageDraw.Draw(drawn).rectangle(corners, outline=ORANGE, width=3)
    return np.asarray(drawn)


def _enlarged(part: Rgb) -> Rgb:
    """Every pixel a square, as near to the side of a panel as whole numbers lead."""
    factor = max(1, round(_SIDE / max(part.shape[:2])))
    return part.repeat(factor, axis=0).repeat(factor, axis=1)


def _side_by_side(panels: list[tuple[Rgb, str]]) -> Rgb:
    font = ImageFont.load_default(_TEXT)
    height = max(panel.shape[0] for panel, _ in panels)
    width = sum(panel.shape[1] + _GAP for panel, _ in panels) + _GAP
    paper = Image.new("RGB", (width, height + _LINE + 2 * _GAP), _PAPER)
    draw, x = ImageDraw.Draw(paper), _GAP
    for panel, text in panels:
        paper.paste(Image.fromarray(panel), (x, _GAP))
        draw.text((x, height + _GAP + 4), text, _INK, font)
        x += panel.shape[1] + _GAP
    return np.asarray(paper)

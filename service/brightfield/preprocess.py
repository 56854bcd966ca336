"""From a picture to a model's input, as the card says: region, channels, intensity, size, norm.

Everything happens in NumPy and Pillow, since many decoding threads are here at once; 8-bit pixels
stay 8-bit until the last step, as in torchvision's transforms, whose results these are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from brightfield.cards import InputSpec, Multiple, Resize
from brightfield.channel_fit import check_channels, match_channels
from brightfield.errors import InvalidRegion, UnfitImage
from brightfield.geometry import Axis, Geometry
from brightfield.images.intensity import Intensity
from brightfield.images.picture import Note, Picture, Region
from brightfield.images.resample import Interpolation, resize
from brightfield.images.resampled_field import ResampledField
from brightfield.scaling import Scaling, scaled, whole_plane_scaling
from brightfield.tensors import Images, Pixels, UnitPixels

_AUTO = Intensity("auto")
_MOST_ENLARGED = 4096 * 4096


@dataclass(frozen=True, slots=True)
class Prepared:
    """One image as the model takes it, and where it lies in the picture.

    `tensor` is (1, C, H, W) float32 in channels-last memory. `scaling` is None for raw arrays.
    `scale` is what was asked for.
    """

    tensor: Images
    geometry: Geometry
    scaling: Scaling | None
    notes: tuple[Note, ...] = ()
    scale: float = 1.0


def preprocess(
    picture: Picture,
    spec: InputSpec,
    *,
    intensity: Intensity = _AUTO,
    region: Region | None = None,
    scaling: Scaling | None = None,
    scale: float = 1.0,
) -> Prepared:
    """The picture, or a region of it, as the card's `input` section asks.

    In this order: region; grey repeated to three channels, or colour weighed to grey (ITU-R 601);
    intensity to [0, 1] with limits from the whole plane (or `scaling`, when they are known);
    `scale` seen pixels for each of the image, averaged down or interpolated up (bilinear);
    `resize` of the short side, the long one in proportion and within `longest`; centre `crop`,
    padded with black where the image is smaller; a fixed `size` by resizing; a `multiple` by
    repeating the right and bottom edge; BGR order; (value - mean) / std.

    Raises `InvalidRegion` for a region outside the picture and `UnfitImage` for channels that the
    model does not take and for images too elongated or too large to be resized; for
    `pixels = "raw"` also for anything but a .npy array.
    """
    if spec.pixels == "raw":
        return _raw(picture, spec, region)
    found: tuple[Note, ...] = ()
    if scaling is None:
        scaling, found = whole_plane_scaling(picture, spec, intensity)
    seen = resampled(field_of(picture, region), spec, scale)
    _check_enlarged(seen.field.height, seen.field.width, seen.height, seen.width)
    prepared = preprocess_part(picture, spec, seen, seen.whole, scaling)
    return replace(prepared, notes=(*found, *prepared.notes), scale=scale)


def resampled(field: Region, spec: InputSpec, scale: float) -> ResampledField:
    """The field as a model sees it at a scale."""
    multiple = spec.size.multiple if isinstance(spec.size, Multiple) else 1
    return ResampledField.of(field, scale, multiple)


def preprocess_part(
    picture: Picture, spec: InputSpec, seen: ResampledField, part: Region, scaling: Scaling
) -> Prepared:
    """A part of what is seen of a picture, as `preprocess` makes it of the whole."""
    source, box = seen.source(part, picture.steps)
    cut = picture.pixels[source.y : source.y + source.height, source.x : source.x + source.width]
    check_channels(picture.channels, picture.facts, spec)
    pixels, matched = match_channels(scaled(cut, scaling), picture.facts, spec)
    if not seen.same or picture.level is not None:
        pixels = resize(pixels, part.height, part.width, "bilinear", box)
    geometry = seen.geometry(part, picture.height, picture.width)
    pixels, geometry = _sized(pixels, geometry, spec)
    if pixels.shape[2] == 1 and spec.channels == 3:
        pixels = np.repeat(pixels, 3, axis=2)
    return Prepared(_tensor(_normalised(pixels, spec)), geometry, scaling, matched)


def preprocess_windows(
    picture: Picture,
    spec: InputSpec,
    windows: Iterable[Region],
    *,
    intensity: Intensity = _AUTO,
    scale: float = 1.0,
) -> Iterator[Prepared]:
    """Each window as `preprocess` with that region gives it; the intensity is found once."""
    if spec.pixels == "raw":
        raise UnfitImage("A model that takes raw arrays has no windows; send the array it needs.")
    scaling, notes = whole_plane_scaling(picture, spec, intensity)
    for window in windows:
        prepared = preprocess(picture, spec, region=window, scaling=scaling, scale=scale)
        yield Prepared(prepared.tensor, prepared.geometry, scaling, (*notes, *prepared.notes))


def field_of(picture: Picture, region: Region | None) -> Region:
    """The part of the picture that is asked about: a region, else all of it.

    Raises `InvalidRegion` for one that is empty or not within the picture.
    """
    part = region or Region(0, 0, picture.width, picture.height)
    if (
        min(part.x, part.y) < 0
        or min(part.width, part.height) < 1
        or part.x + part.width > picture.width
        or part.y + part.height > picture.height
    ):
        raise _outside(part, picture)
    return part


def _outside(part: Region, picture: Picture) -> InvalidRegion:
    """The refusal, with what of the region lies within the picture, else with all of that."""
    left, right = max(part.x, 0), min(part.x + part.width, picture.width)
    top, bottom = max(part.y, 0), min(part.y + part.height, picture.height)
    if left >= right or top >= bottom:
        left, top, right, bottom = 0, 0, picture.width, picture.height
    given = f"{part.x},{part.y},{part.width},{part.height}"
    within = f"{left},{top},{right - left},{bottom - top}"
    return InvalidRegion(
        f"The region {given} does not lie within the image of {picture.width} x {picture.height} "
        f"pixels; region={within} does, and without region all is used.",
        errors=[{"location": "region", "received": given}],
    )


def _sized(pixels: Pixels, geometry: Geometry, spec: InputSpec) -> tuple[Pixels, Geometry]:
    interpolation: Interpolation = spec.resize.interpolation if spec.resize else "bilinear"
    if spec.resize is not None:
        height, width = _shortened(pixels.shape[0], pixels.shape[1], spec.resize)
        _check_enlarged(pixels.shape[0], pixels.shape[1], height, width)
        pixels, geometry = _resized(pixels, geometry, height, width, interpolation)
    if spec.crop is not None:
        pixels, geometry = _centre_crop(pixels, geometry, spec.crop)
    if isinstance(spec.size, Multiple):
        return _padded(pixels, geometry, spec.size.multiple)
    if spec.size is not None:
        return _resized(pixels, geometry, *spec.size, interpolation)
    return pixels, geometry


def _resized(
    pixels: Pixels, geometry: Geometry, height: int, width: int, interpolation: Interpolation
) -> tuple[Pixels, Geometry]:
    if (height, width) == pixels.shape[:2]:
        return pixels, geometry
    pixels = resize(pixels, height, width, interpolation)
    if pixels.dtype != np.uint8:
        pixels = np.clip(pixels, 0, 1)  # cubics and sinc overshoot; 8-bit pixels are clipped too
    return pixels, geometry.resized(height, width)


def _shortened(height: int, width: int, resize: Resize) -> tuple[int, int]:
    """(height, width) with the short side as wanted and the long one in proportion.

    With `longest` both sides are multiplied by min(short / shorter, longest / longer), which in
    floating point can leave `short - 1`, as it does in torchvision.
    """
    whole = math.floor if resize.rounding == "down" else round
    if resize.longest is not None:
        factor = min(resize.short / min(height, width), resize.longest / max(height, width))
        return max(whole(height * factor), 1), max(whole(width * factor), 1)
    if height <= width:
        return resize.short, whole(resize.short * width / height)
    return whole(resize.short * height / width), resize.short


def _check_enlarged(height: int, width: int, to_height: int, to_width: int) -> None:
    """A strip of few rows would grow beyond any memory until its short side is long enough."""
    if to_height * to_width > max(height * width, _MOST_ENLARGED):
        raise UnfitImage(
            f"The image of {width} x {height} pixels is too elongated or too large: it would be "
            f"enlarged to {to_width} x {to_height}. Send a part of it with region=."
        )


def _centre_crop(pixels: Pixels, geometry: Geometry, side: int) -> tuple[Pixels, Geometry]:
    """torchvision's rule: halves round to even; a smaller image gets its odd pixel at the end."""
    height, width = pixels.shape[:2]
    top, left = _crop_start(height, side), _crop_start(width, side)
    cut = pixels[max(top, 0) : max(top, 0) + side, max(left, 0) : max(left, 0) + side]
    if cut.shape[:2] != (side, side):
        black = np.zeros((side, side, pixels.shape[2]), dtype=pixels.dtype)
        y, x = max(-top, 0), max(-left, 0)
        black[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
        cut = black
    return cut, geometry.windowed(top, left, side, side)


def _crop_start(side: int, crop: int) -> int:
    return round((side - crop) / 2) if side >= crop else -((crop - side) // 2)


def _padded(pixels: Pixels, geometry: Geometry, multiple: int) -> tuple[Pixels, Geometry]:
    height, width = pixels.shape[:2]
    down, across = -height % multiple, -width % multiple
    if down or across:
        pixels = np.pad(pixels, ((0, down), (0, across), (0, 0)), "edge")
    return pixels, geometry.windowed(0, 0, height + down, width + across)


def _normalised(pixels: Pixels, spec: InputSpec) -> UnitPixels:
    """(value - mean) / std as value * factor - offset, in two passes over rows of all channels."""
    if spec.order == "BGR":
        pixels = pixels[:, :, ::-1]
    height, width, channels = pixels.shape
    std = np.broadcast_to(np.array(spec.std), channels)
    offset = np.broadcast_to(np.array(spec.mean), channels) / std
    factor = 1 / (std * 255 if pixels.dtype == np.uint8 else std)
    # NumPy's inner loop would be three channels long; over a whole row it is fast.
    rows = np.ascontiguousarray(pixels).reshape(height, width * channels)
    out = np.multiply(rows, np.tile(factor, width).astype(np.float32), dtype=np.float32)
    np.subtract(out, np.tile(offset, width).astype(np.float32), out=out)
    normalised: UnitPixels = out.reshape(height, width, channels)
    return normalised


def _tensor(pixels: UnitPixels) -> Images:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def _raw(picture: Picture, spec: InputSpec, region: Region | None) -> Prepared:
    if picture.raw is None:
        raise UnfitImage("The model takes arrays as they are; send a .npy file.")
    if region is not None:
        raise UnfitImage("The model takes arrays as they are; cut the region out before sending.")
    array = picture.raw[None] if picture.raw.ndim == 2 else picture.raw
    if array.ndim != 3 or array.shape[0] != spec.channels or array.dtype.kind not in "buif":
        wanted = "H x W, or 1 x H x W" if spec.channels == 1 else f"{spec.channels} x H x W"
        raise UnfitImage(
            f"The array is {' x '.join(map(str, picture.raw.shape))} of {picture.raw.dtype}; "
            f"the model takes real numbers as {wanted}."
        )
    height, width = array.shape[1:]
    _check_size(height, width, spec)
    pixels = np.array(array.transpose(1, 2, 0), dtype=np.float32, order="C")  # a copy
    geometry = Geometry(Axis.of(width, 0, width), Axis.of(height, 0, height))
    return Prepared(_tensor(pixels), geometry, None)


def _check_size(height: int, width: int, spec: InputSpec) -> None:
    if isinstance(spec.size, Multiple):
        fits = height % spec.size.multiple == 0 and width % spec.size.multiple == 0
        wanted = f"sides that are multiples of {spec.size.multiple}"
    else:
        fits = spec.size is None or spec.size == (height, width)
        wanted = "" if spec.size is None else f"{spec.size[0]} x {spec.size[1]}"
    if not fits:
        raise UnfitImage(f"The array is {height} x {width}; the model takes {wanted}.")

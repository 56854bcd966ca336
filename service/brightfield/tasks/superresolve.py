"""Super-resolution: the image with more pixels, in its own dtype."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from brightfield.cards import InputSpec, ModelCard
from brightfield.errors import InvalidParameter, ModelFailed, NotAcceptable, TooManyPixels
from brightfield.geometry import Geometry
from brightfield.images import encode
from brightfield.images.fidelity import psnr, ssim
from brightfield.images.picture import Picture
from brightfield.images.tiles import Tile
from brightfield.preprocess import Scaling
from brightfield.results import Raster, Result, Space, finite
from brightfield.tasks.dense import Canvas, Dense, Scene
from brightfield.tensors import Pixels

# 512 million values: 13,000 x 13,000 pixels of three channels.
_MOST_VALUES = 2**29


@dataclass(frozen=True)
class Enlarged(Result):
    """`pixels` (scale H, scale W, C) in the dtype of the image, with a pixel `scale` times smaller.

    `psnr` (dB) and `ssim` against the reference, where one was sent.
    """

    formats: ClassVar[tuple[str, ...]] = ("image", "png", "tiff", "npy", "json")
    pixels: Pixels
    scale: int
    source: str
    pixel_size: float | None = None
    fidelity: dict[str, float] | None = None

    def payload(self, space: Space) -> dict[str, Any]:
        kind = self.kind
        raster = self.raster("image")
        data = (
            encode.png(self.pixels)
            if kind == "png"
            else encode.tiff(raster.array, raster.axes, pixel_size=self.pixel_size)
        )
        height, width = self.pixels.shape[:2]
        facts = {name: finite(value) for name, value in (self.fidelity or {}).items()}
        return {
            "scale": self.scale,
            "image": {
                "format": kind,
                "width": width,
                "height": height,
                "dtype": str(self.pixels.dtype),
                "pixel_size": self.pixel_size,
                "data": base64.b64encode(data).decode("ascii"),
            },
            **facts,
        }

    @property
    def kind(self) -> str:
        """The file format that holds the pixels and is nearest to what was sent: TIFF for TIFF and
        for what PNG cannot hold, else PNG."""
        fits = self.pixels.dtype in (np.uint8, np.uint16) and self.pixels.shape[2] in (1, 3)
        return "png" if fits and self.source != "tiff" else "tiff"

    def image(self) -> Pixels:
        if self.pixels.dtype not in (np.uint8, np.uint16) or self.pixels.shape[2] not in (1, 3):
            raise NotAcceptable(
                f"PNG cannot hold {self.pixels.shape[2]} channels of {self.pixels.dtype}; ask for "
                "format=tiff."
            )
        return self.pixels

    def raster(self, space: Space) -> Raster:
        match self.pixels.shape[2]:
            case 1:
                return Raster(self.pixels[..., 0], "YX", self.scale)
            case 3:
                return Raster(self.pixels, "YXS", self.scale)
            case _:
                return Raster(
                    np.ascontiguousarray(np.moveaxis(self.pixels, 2, 0)), "CYX", self.scale
                )


class Superresolve(Dense):
    """The image at a higher resolution."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("superresolve",)
    result: ClassVar[type[Result]] = Enlarged
    attachments: ClassVar[tuple[str, ...]] = ("reference",)

    scale: Annotated[int, Field(ge=2)] | None = None
    """How many times more pixels along a side; chooses the model. Left out: the model's."""

    def refusal(self, card: ModelCard) -> str | None:
        if self.scale is None or card.output.scale == self.scale:
            return None
        return f"The model {card.id} enlarges {card.output.scale} times, not {self.scale} times."

    def views(self, picture: Picture, card: ModelCard) -> Sequence[Picture]:
        """Colour and grey at once; of other pictures each channel as a grey one of its own."""
        if picture.channels in (1, 3) or card.input.pixels == "raw":
            return (picture,)
        return [
            replace(picture, pixels=picture.pixels[..., channel : channel + 1])
            for channel in range(picture.channels)
        ]

    def canvas(self, scene: Scene) -> Enlargement:
        return Enlargement(scene)

    def combined(self, canvases: Iterable[Canvas]) -> Enlarged:
        results = []
        for canvas in canvases:
            assert isinstance(canvas, Enlargement)
            results.append(canvas.result())
        pixels = [result.pixels for result in results]
        whole = replace(results[0], pixels=np.concatenate(pixels, axis=2))
        reference = canvas.scene.attachments.get("reference")
        return whole if reference is None else _compared(whole, reference)


class Enlargement(Canvas):
    """The enlarged region (scale H, scale W, C), written tile by tile in the image's dtype."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        scale = scene.card.output.scale
        assert scale is not None
        self._scale = scale
        region, pixels = scene.region, scene.picture.pixels
        shape = (scale * region.height, scale * region.width, pixels.shape[2])
        reference = scene.attachments.get("reference")
        if reference is not None and reference.pixels.shape[:2] != shape[:2]:  # before the work
            raise _misfit(reference, shape)
        self._pixels = _blank(shape, pixels.dtype)

    def add(self, output: Any, geometry: Geometry, tile: Tile) -> None:
        values = self._checked(output, geometry)
        spec, scale = self.scene.card.input, self._scale
        if self._pixels.shape[2] == 1 and len(values) == 3:
            values = values.mean(axis=0, keepdims=True)
        core, read, field = tile.core, tile.region, self.scene.region
        top, left = scale * (core.y - read.y), scale * (core.x - read.x)
        height, width = scale * core.height, scale * core.width
        kept = values[:, top : top + height, left : left + width]
        y, x = scale * (core.y - field.y), scale * (core.x - field.x)
        unit = _denormalised(kept, spec)
        self._pixels[y : y + height, x : x + width] = _in_dtype(
            unit, self._pixels.dtype, self.scene.scaling
        )

    def result(self) -> Enlarged:
        picture = self.scene.picture
        size = picture.pixel_size
        return Enlarged(
            self._pixels, self._scale, picture.format, None if size is None else size / self._scale
        )

    def _checked(self, output: Any, geometry: Geometry) -> NDArray[np.float32]:
        height, width = geometry.input_size
        wanted = (self._scale * height, self._scale * width)
        if not isinstance(output, torch.Tensor) or output.dim() != 4 or output.shape[2:] != wanted:
            raise ModelFailed(
                f"The model {self.scene.card.id} does not put out {self._scale} times as many "
                "pixels along each side as it takes."
            )
        values: NDArray[np.float32] = output[0].float().numpy()
        return values


def _blank(shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Pixels:
    if shape[0] * shape[1] * shape[2] > _MOST_VALUES:
        raise TooManyPixels(
            f"The answer would have {shape[1]} x {shape[0]} pixels; ask for a part with region=."
        )
    return np.zeros(shape, dtype)


def _denormalised(values: NDArray[np.float32], spec: InputSpec) -> NDArray[np.float32]:
    """(C, h, w) as the model puts it out to (h, w, C) in [0, 1], RGB: `preprocess` backwards."""
    mean, std = np.asarray(spec.mean, np.float32), np.asarray(spec.std, np.float32)
    pixels: NDArray[np.float32] = values.transpose(1, 2, 0) * std + mean
    return pixels[..., ::-1] if spec.order == "BGR" and pixels.shape[2] == 3 else pixels


def _in_dtype(unit: NDArray[np.float32], dtype: np.dtype[Any], scaling: Scaling | None) -> Pixels:
    """Values of the image's own scale; integers are rounded and kept within their range."""
    low, high = (0.0, 1.0) if scaling is None else (scaling.low, scaling.high)
    values: Pixels = unit.astype(np.float64) * (high - low) + low
    if dtype.kind in "ui":
        info = np.iinfo(dtype)
        values = np.clip(np.rint(values), info.min, info.max)
    return values.astype(dtype)


def _compared(result: Enlarged, reference: Picture) -> Enlarged:
    """The result with its PSNR and SSIM against the reference."""
    if reference.pixels.shape != result.pixels.shape:
        raise _misfit(reference, result.pixels.shape)
    pixels = reference.pixels
    return replace(
        result, fidelity={"psnr": psnr(result.pixels, pixels), "ssim": ssim(result.pixels, pixels)}
    )


def _misfit(reference: Picture, shape: tuple[int, ...]) -> InvalidParameter:
    height, width, channels = shape
    return InvalidParameter(
        f"The reference has {reference.width} x {reference.height} pixels and "
        f"{reference.channels} channels; it must have {width} x {height} and {channels}, like the "
        "answer.",
        errors=[{"location": "reference"}],
    )

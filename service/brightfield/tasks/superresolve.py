"""Super-resolution: the image with more pixels, in its own dtype."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field as Parameter

from brightfield.cards import ModelCard
from brightfield.errors import (
    InvalidCard,
    InvalidParameter,
    NotAcceptable,
    TooManyPixels,
    UnfitImage,
)
from brightfield.geometry import Axis, Geometry
from brightfield.images import encode
from brightfield.images.compared import beside_bicubic
from brightfield.images.fidelity import psnr, ssim
from brightfield.images.legend import PictureLegend, with_legend
from brightfield.images.picture import Note, Picture, Region
from brightfield.images.tiles import Tile
from brightfield.models.examination.gaps import Gap
from brightfield.models.examination.outputs import described
from brightfield.outages import ModelFailed
from brightfield.results import MapSpace, Raster, Result, finite
from brightfield.scaling import Scaling
from brightfield.tasks.closeness.pixels import compared_pixels
from brightfield.tasks.kinds.dense import Canvas, Dense, Scene
from brightfield.tasks.objects.maps import Field
from brightfield.tensors import Pixels, Rgb

Encoding = Literal["png", "tiff", "npy"]

# 512 million values: 13,000 x 13,000 pixels of three channels.
_MOST_VALUES = 2**29


@dataclass(frozen=True)
class Enlarged(Result):
    """`pixels` (scale H, scale W, C) in the dtype of the image, with a pixel `scale` times smaller.

    `psnr` (dB) and `ssim` against the reference, where one was sent.
    """

    formats: ClassVar[tuple[str, ...]] = ("image", "png", "tiff", "npy", "json", "beside")
    uses: ClassVar[Mapping[str, tuple[str, ...]]] = {"legend": ("beside",)}
    pixels: Pixels
    scale: int
    source: str
    pixel_size: float | None = None
    fidelity: dict[str, float] | None = None
    encoding: Encoding | None = None
    axes: str = "YXC"
    """Of what was sent, the slowest first."""
    profile: bytes | None = None
    region: Region | None = None
    """The part of the image that was enlarged; None: all of it."""

    def payload(self, space: MapSpace) -> dict[str, Any]:
        kind = self.encoding or self.kind
        raster = self.raster("image")
        match kind:
            case "png":
                data = encode.png(self.image(), profile=self.profile)
            case "npy":
                data = encode.npy(raster.array)
            case _:
                data = encode.tiff(
                    raster.array, raster.axes, pixel_size=self.pixel_size, profile=self.profile
                )
        height, width = self.pixels.shape[:2]
        facts = {name: finite(value) for name, value in (self.fidelity or {}).items()}
        return {
            "scale": self.scale,
            "image": {
                "format": kind,
                "width": width,
                "height": height,
                "axes": raster.axes,
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
        return "png" if self._fits_png and self.source != "tiff" else "tiff"

    @property
    def _fits_png(self) -> bool:
        return self.pixels.dtype in (np.uint8, np.uint16) and self.pixels.shape[2] in (1, 3)

    @property
    def about(self) -> dict[str, str]:
        return {"scale": str(self.scale)}

    @property
    def numbers(self) -> dict[str, float]:
        return self.fidelity or {}

    def image(self) -> Pixels:
        if not self._fits_png:
            raise NotAcceptable(
                f"PNG cannot hold {self.pixels.shape[2]} channels of {self.pixels.dtype}; ask for "
                "format=tiff."
            )
        return self.pixels

    def beside(self, pixels: Pixels) -> Rgb:
        return beside_bicubic(pixels, self.pixels, self.region)

    def explained(self, picture: Rgb, title: Sequence[str]) -> Rgb:
        lines = (*title, f"{self.scale} times; the detail where the two differ most")
        numbers = {"psnr": "PSNR {:.1f} dB", "ssim": "SSIM {:.3f}"}
        told = [numbers[name].format(value) for name, value in (self.fidelity or {}).items()]
        return with_legend(picture, PictureLegend((*lines, *told)))

    def raster(self, space: MapSpace) -> Raster:
        """Arrays with channels before or behind the rows, as they were sent."""
        channels = self.pixels.shape[2]
        if channels == 1:
            return Raster(self.pixels[..., 0], "YX", self.scale)
        before = "C" in self.axes and self.axes.index("C") < self.axes.index("X")
        if not before and (channels == 3 or self.source == "npy"):
            return Raster(self.pixels, "YXS" if channels == 3 else "YXC", self.scale)
        return Raster(np.ascontiguousarray(np.moveaxis(self.pixels, 2, 0)), "CYX", self.scale)


class Superresolve(Dense):
    """The image at a higher resolution."""

    tasks_of_model: ClassVar[tuple[str, ...] | None] = ("superresolve",)
    result: ClassVar[type[Result]] = Enlarged
    default_model: ClassVar[str | None] = "photo-x2"
    attachments: ClassVar[tuple[str, ...]] = ("reference",)
    output_axes: ClassVar[int | None] = 4
    sized: ClassVar[bool] = False  # the answer has so many pixels for each of the image

    scale: Annotated[int, Parameter(ge=2)] | None = None
    """How many times more pixels along a side; chooses the model. Default: the model's."""
    encoding: Encoding | None = None
    """File format of the image within JSON. Default: the one that suits it."""

    @classmethod
    def examined(cls, output: Any, card: ModelCard, shape: tuple[int, int, int]) -> Sequence[Note]:
        scale = card.output.scale or 1
        wanted = (1, shape[0], scale * shape[1], scale * shape[2])
        if not isinstance(output, torch.Tensor) or tuple(output.shape) != wanted:
            raise InvalidCard(
                f"The card of {card.id} says that it enlarges {scale} times, so of an image of "
                f"{shape} its network should make {wanted}; it puts out {described(output)}."
            )
        return ()

    @classmethod
    def compared(cls, expected: Any, found: Any, card: ModelCard) -> Sequence[Gap]:
        return compared_pixels(expected, found, card)

    def refusal(self, card: ModelCard) -> str | None:
        if self.scale is None or card.output.scale == self.scale:
            return None
        return f"The model {card.id} enlarges {card.output.scale} times, not {self.scale} times."

    def views(self, picture: Picture, card: ModelCard) -> Sequence[Picture]:
        """The picture as it is where the model takes its colours, or grey for a model of three;
        else, for a model of grey or colour, each channel as a grey picture of its own."""
        taken = card.input.channels
        one = picture.channels == 1 or (picture.channels == taken and not picture.facts.separate)
        if one or taken not in (1, 3) or card.input.pixels == "raw":
            return (picture,)
        return [
            replace(picture, pixels=picture.pixels[..., channel : channel + 1])
            for channel in range(picture.channels)
        ]

    def check(self, scene: Scene) -> None:
        shape = _shape(scene)
        if shape[0] * shape[1] * shape[2] > _MOST_VALUES:
            raise TooManyPixels(
                f"The answer would have {shape[1]} x {shape[0]} pixels; ask for a part with "
                "region=."
            )
        reference = scene.attachments.get("reference")
        if reference is not None and reference.pixels.shape != shape:
            raise _misfit(reference, shape)

    def canvas(self, scene: Scene) -> Enlargement:
        return Enlargement(scene)

    def combined(self, canvases: Iterable[Canvas]) -> Enlarged:
        results: list[Enlarged] = []
        reference: Picture | None = None
        for canvas in canvases:
            assert isinstance(canvas, Enlargement)
            results.append(canvas.result())
            reference = canvas.scene.attachments.get("reference")
        whole = replace(results[0], encoding=self.encoding)
        if len(results) > 1:
            channels = [result.pixels for result in results]
            whole = replace(whole, pixels=np.concatenate(channels, axis=2))
        return whole if reference is None else _compared(whole, reference)


class Enlargement(Canvas):
    """The enlarged region (scale H, scale W, C), written tile by tile in the image's dtype; tiles
    that fade are summed as floats first."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        shape = _shape(scene)
        self._scale = _scale(scene)
        self._whole = Region(0, 0, shape[1], shape[0])
        self._pixels = np.zeros(shape, scene.picture.pixels.dtype)
        self._faded: Field | None = None

    def add(self, output: Any, geometry: Geometry, tile: Tile) -> None:
        values = _as_shown(self._checked(output, geometry), self.scene)
        read, core = self._enlarged(tile.region), self._enlarged(tile.core)
        inside = values[:, : read.height, : read.width]  # beyond it is padding
        if tile.fade:
            self._fade(inside, Tile(read, core, self._scale * tile.fade))
            return
        top, left = core.y - read.y, core.x - read.x
        kept = inside[:, top : top + core.height, left : left + core.width]
        rows, columns = slice(core.y, core.y + core.height), slice(core.x, core.x + core.width)
        self._pixels[rows, columns] = self._in_dtype(kept)

    def result(self) -> Enlarged:
        if self._faded is not None:
            self._pixels, self._faded = self._in_dtype(self._faded.values()), None
        picture = self.scene.picture
        size = picture.pixel_size
        return Enlarged(
            self._pixels,
            self._scale,
            picture.format,
            None if size is None else size / self._scale,
            axes=picture.source_axes,
            profile=picture.profile,
            region=self.scene.region,
        )

    def _fade(self, values: NDArray[np.float32], tile: Tile) -> None:
        if self._faded is None:
            self._faded = Field(self._whole, len(values))
        read, whole = tile.region, self._whole
        across = Axis.of(whole.width, read.x, read.width)
        down = Axis.of(whole.height, read.y, read.height)
        self._faded.put(values, Geometry(across, down), tile)

    def _enlarged(self, part: Region) -> Region:
        """A part of the image in pixels of the answer."""
        field, scale = self.scene.region, self._scale
        return Region(
            scale * (part.x - field.x),
            scale * (part.y - field.y),
            scale * part.width,
            scale * part.height,
        )

    def _in_dtype(self, unit: NDArray[np.float32]) -> Pixels:
        """(C, h, w) in [0, 1] as (h, w, C) on the image's own scale."""
        return _in_dtype(unit.transpose(1, 2, 0), self._pixels.dtype, self.scene.scaling)

    def _checked(self, output: Any, geometry: Geometry) -> NDArray[np.float32]:
        """(C, h, w) as the model puts it out, of the size that was promised."""
        card, scale = self.scene.card, self._scale
        if geometry.scaled or card.input.crop is not None:
            raise UnfitImage(
                f"The model {card.id} resizes or crops its input, so its answer isn't an "
                "enlargement of this image; send one of the size on the model's card, or such a "
                "region."
            )
        height, width = geometry.input_size
        wanted = (scale * height, scale * width)
        if not isinstance(output, torch.Tensor) or output.dim() != 4 or output.shape[2:] != wanted:
            raise ModelFailed(
                f"The model {card.id} does not put out {scale} times as many pixels along each "
                "side as it takes."
            )
        if not output.isfinite().all():
            raise ModelFailed(f"The model {card.id} puts out values that are not finite.")
        values: NDArray[np.float32] = output[0].float().numpy()
        return values


def _scale(scene: Scene) -> int:
    scale = scene.card.output.scale
    assert scale is not None  # cards for super-resolution have one
    return scale


def _shape(scene: Scene) -> tuple[int, int, int]:
    """(H, W, C) of the answer."""
    scale, region = _scale(scene), scene.region
    return scale * region.height, scale * region.width, scene.picture.channels


def _as_shown(values: NDArray[np.float32], scene: Scene) -> NDArray[np.float32]:
    """(C, h, w) as the model puts it out to [0, 1] in the picture's channels: `preprocess`
    backwards. A model of colour that saw a grey picture gives the mean of its channels."""
    spec = scene.card.input
    if len(values) != spec.channels:
        raise ModelFailed(
            f"The model {scene.card.id} takes {spec.channels} channels and puts out {len(values)}."
        )
    if spec.pixels != "raw":
        mean, std = (np.array(part, np.float32)[:, None, None] for part in (spec.mean, spec.std))
        values = values * std + mean
        if spec.order == "BGR" and len(values) == 3:
            values = values[::-1]
    return values if scene.picture.channels > 1 else values.mean(axis=0, keepdims=True)


def _in_dtype(unit: NDArray[np.float32], dtype: np.dtype[Any], scaling: Scaling | None) -> Pixels:
    """Values of the image's own scale, within the limits that became 0 and 1; integers are rounded
    and kept within their range."""
    low, high = (0.0, 1.0) if scaling is None else (scaling.low, scaling.high)
    if scaling is not None:  # a network overshoots; what was cut to the limits stays within
        unit = np.clip(unit, 0, 1)
    exact = np.dtype(np.float32 if dtype == np.uint8 else np.float64)
    values: Pixels = unit.astype(exact) * exact.type(high - low) + exact.type(low)
    if dtype.kind not in "ui":
        return values.astype(dtype)
    info = np.iinfo(dtype)
    # The greatest of 64 bits is no float; the next float above it would wrap around.
    top = float(info.max) if float(info.max) <= info.max else np.nextafter(float(info.max), 0)
    return np.clip(np.rint(values), float(info.min), top).astype(dtype)


def _compared(result: Enlarged, reference: Picture) -> Enlarged:
    """The result with its PSNR and SSIM against the reference."""
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

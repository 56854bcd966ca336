"""Enlargements against repeated pixels, whose values are known."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image

from brightfield.cards import ModelCard
from brightfield.errors import InvalidParameter, NotAcceptable, TooManyPixels
from brightfield.geometry import Axis, Geometry
from brightfield.images import encode
from brightfield.images.picture import Picture, Region
from brightfield.images.tiles import Tile, Tiling
from brightfield.preprocess import preprocess
from brightfield.scaling import Scaling
from brightfield.tasks import superresolve
from brightfield.tasks.kinds.dense import Scene
from brightfield.tasks.superresolve import Enlarged, Superresolve

RANDOM = np.random.default_rng(0)


def card(scale: int = 2, **spec: Any) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "x", "version": "1", "task": "superresolve", "licence": "-", "input": spec,
            "architecture": {"name": "-"}, "output": {"activation": "none", "scale": scale},
        }
    )  # fmt: skip


def picture(pixels: NDArray[Any], **facts: Any) -> Picture:
    return Picture(pixels, "0" * 64, **{"format": "png", "source_axes": "YXC", **facts})


def repeated(pixels: NDArray[Any], scale: int) -> NDArray[Any]:
    return pixels.repeat(scale, 0).repeat(scale, 1)


def enlarged(shown: Picture, model: ModelCard, tiling: Tiling | None = None) -> Enlarged:
    """Through preprocessing, a network that repeats pixels, and a canvas for each view."""
    task, scale = Superresolve(), model.output.scale
    assert scale is not None
    canvases = []
    for view in task.views(shown, model):
        field = Region(0, 0, view.width, view.height)
        scaling = preprocess(view, model.input).scaling
        canvas = task.canvas(Scene(model, view, field, scaling))
        for tile in (tiling or Tiling((field.height, field.width), 0)).tiles(field):
            prepared = preprocess(view, model.input, region=tile.region, scaling=scaling)
            output = prepared.tensor.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
            canvas.add(output, prepared.geometry, tile)
        canvases.append(canvas)
    return task.combined(canvases)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "spec", [{}, {"order": "BGR", "mean": (0.2, 0.3, 0.4), "std": (2.0, 3.0, 4.0)}]
)
def test_values_and_dtype_stay(dtype: str, channels: int, spec: dict[str, Any]) -> None:
    pixels = RANDOM.normal(100, 40, (7, 9, channels)).astype(dtype)
    answer = enlarged(picture(pixels), card(3, **spec))
    assert answer.pixels.dtype == pixels.dtype
    # Percentiles cut the outermost values of what has more than 8 bits and isn't whole and colour.
    low, high = np.percentile(pixels, (1, 99.8), axis=None if channels in (1, 3) else (0, 1))
    cut = dtype != "uint8" and (channels != 3 or dtype.startswith("float") or pixels.min() < 0)
    exact = np.clip(pixels, low, high) if cut else pixels
    apart = np.abs(repeated(exact, 3).astype(np.float64) - answer.pixels)
    assert apart.max() <= (1e-3 if dtype.startswith("float") else 1)


def test_a_model_of_grey_takes_each_channel() -> None:
    pixels = RANDOM.integers(0, 256, (6, 5, 3), np.uint8)
    answer = enlarged(picture(pixels), card(channels=1))
    assert np.array_equal(answer.pixels, repeated(pixels, 2))


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_the_greatest_of_64_bits_does_not_wrap_around(dtype: str) -> None:
    info = np.iinfo(dtype)
    scaling = Scaling("dtype", float(info.min), float(info.max))
    found = superresolve._in_dtype(np.array([[[-0.1, 1.1]]], np.float32), np.dtype(dtype), scaling)
    assert found[0, 0, 0] == info.min
    assert found[0, 0, 1] > 0.99 * info.max


@pytest.mark.parametrize("blended", [False, True])
def test_tiles_come_together(blended: bool) -> None:
    pixels = RANDOM.integers(0, 256, (50, 61, 3), np.uint8)
    answer = enlarged(picture(pixels), card(), Tiling((24, 30), 4, blended=blended))
    assert np.array_equal(answer.pixels, repeated(pixels, 2))


def test_a_region_is_enlarged_alone() -> None:
    shown = picture(RANDOM.integers(0, 256, (30, 40, 3), np.uint8))
    model, region = card(), Region(7, 3, 10, 20)
    canvas = Superresolve().canvas(Scene(model, shown, region, Scaling("dtype", 0, 255)))
    prepared = preprocess(shown, model.input, region=region)
    output = prepared.tensor.repeat_interleave(2, 2).repeat_interleave(2, 3)
    canvas.add(output, prepared.geometry, Tile(region, region))
    assert np.array_equal(canvas.result().pixels, repeated(shown.pixels[3:23, 7:17], 2))


def test_padding_is_cut_off() -> None:
    pixels = RANDOM.integers(0, 256, (13, 18, 3), np.uint8)
    answer = enlarged(picture(pixels), card(size={"multiple": 8}))
    assert np.array_equal(answer.pixels, repeated(pixels, 2))


def test_what_overshoots_is_kept_within_integers() -> None:
    shown = picture(np.zeros((1, 2, 3), np.uint8))
    scene = Scene(card(), shown, Region(0, 0, 2, 1), Scaling("dtype", 0, 255))
    canvas = Superresolve().canvas(scene)
    output = torch.tensor([-0.5, 0.25, 0.5, 1.5]).expand(1, 3, 2, 4)
    geometry = Geometry(Axis.of(2, 0, 2), Axis.of(1, 0, 1))
    canvas.add(output, geometry, Tile(scene.region, scene.region))
    assert canvas.result().pixels[0, :, 0].tolist() == [0, 64, 128, 255]


class TestFiles:
    def test_the_format_is_the_nearest_to_what_was_sent(self) -> None:
        for dtype, channels, source, kind in (
            ("uint8", 3, "jpeg", "png"), ("uint16", 1, "png", "png"), ("uint16", 3, "npy", "png"),
            ("uint8", 3, "tiff", "tiff"), ("float32", 3, "npy", "tiff"),
            ("uint8", 2, "npy", "tiff"),
        ):  # fmt: skip
            answer = Enlarged(np.ones((4, 6, channels), dtype), 2, source)
            assert answer.kind == kind

    def test_the_tiff_has_the_corrected_pixel_size(self) -> None:
        shown = picture(
            RANDOM.integers(0, 999, (8, 10, 1), np.uint16), pixel_size=0.5, format="tiff"
        )
        image = enlarged(shown, card()).payload("image")["image"]
        assert (image["pixel_size"], image["format"], image["dtype"]) == (0.25, "tiff", "uint16")
        with tifffile.TiffFile(io.BytesIO(base64.b64decode(image["data"]))) as file:
            assert file.asarray().shape == (image["height"], image["width"]) == (16, 20)
            numerator, denominator = file.pages[0].tags["XResolution"].value
            assert numerator / denominator == pytest.approx(4)  # pixels per micrometre
            assert file.imagej_metadata is not None and file.imagej_metadata["unit"] == "um"

    @pytest.mark.parametrize("channels", [1, 3, 5])
    def test_each_encoding_holds_the_same_pixels(self, channels: int) -> None:
        pixels = RANDOM.integers(0, 65_536, (6, 8, channels), np.uint16)
        rows = {}
        for encoding in ("png", "tiff", "npy"):
            answer = Enlarged(pixels, 2, "png", encoding=encoding)
            if encoding == "png" and channels == 5:
                with pytest.raises(NotAcceptable, match="5 channels of uint16"):
                    answer.payload("image")
                continue
            image = answer.payload("image")["image"]
            assert image["format"] == encoding
            data = base64.b64decode(image["data"])
            if encoding == "tiff":
                rows[encoding] = tifffile.imread(io.BytesIO(data))
            elif encoding == "npy":
                rows[encoding] = np.load(io.BytesIO(data))
        expected = {1: pixels[..., 0], 3: pixels, 5: pixels.transpose(2, 0, 1)}[channels]
        assert all(np.array_equal(found, expected) for found in rows.values()) and len(rows) == 2

    def test_a_png_of_8_bits_is_pillows(self) -> None:
        pixels = RANDOM.integers(0, 256, (6, 8, 3), np.uint8)
        data = encode.png(Enlarged(pixels, 2, "png").image())
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)


class TestReferences:
    def scene(self, reference: NDArray[Any]) -> Scene:
        shown = picture(RANDOM.integers(0, 256, (20, 30, 3), np.uint8))
        attached = {"reference": picture(reference)}
        return Scene(card(), shown, Region(4, 2, 10, 12), None, attached)

    def test_it_must_have_the_size_of_the_answer(self) -> None:
        Superresolve().check(self.scene(np.zeros((24, 20, 3), np.uint8)))
        for shape in ((20, 24, 3), (24, 20, 1), (40, 60, 3)):
            with pytest.raises(InvalidParameter, match="must have 20 x 24 and 3"):
                Superresolve().check(self.scene(np.zeros(shape, np.uint8)))

    def test_answers_beyond_the_memory_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(superresolve, "_MOST_VALUES", 24 * 20 * 3 - 1)
        with pytest.raises(TooManyPixels, match="20 x 24 pixels"):
            Superresolve().check(self.scene(np.zeros((24, 20, 3), np.uint8)))

    def test_numbers_that_json_has_not_are_null(self) -> None:
        answer = Enlarged(
            np.zeros((4, 4, 1), np.uint8), 2, "png",
            fidelity={"psnr": float("inf"), "ssim": float("nan")},
        )  # fmt: skip
        payload = answer.payload("image")
        assert (payload["psnr"], payload["ssim"]) == (None, None)
        assert "psnr" not in Enlarged(np.zeros((4, 4, 1), np.uint8), 2, "png").payload("image")

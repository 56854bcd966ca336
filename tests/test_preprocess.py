"""Preprocessing against torchvision's own transforms, and by its stated rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import sklearn.datasets
import torch
from PIL import Image
from torchvision import transforms as tv
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.transforms import InterpolationMode

from brightfield.cards import InputSpec
from brightfield.errors import InvalidRegion, UnfitImage
from brightfield.images.intensity import Intensity
from brightfield.images.picture import Picture, Region
from brightfield.preprocess import Prepared, preprocess, preprocess_windows
from brightfield.scaling import Scaling, scaled

FILES = {
    "chelsea": Path(skimage.data.__file__).parent / "chelsea.png",
    "coffee": Path(skimage.data.__file__).parent / "coffee.png",
    "china": Path(sklearn.datasets.__file__).parent / "images" / "china.jpg",
    "flower": Path(sklearn.datasets.__file__).parent / "images" / "flower.jpg",
}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def picture(pixels: np.ndarray[Any, Any], raw: np.ndarray[Any, Any] | None = None) -> Picture:
    pixels = pixels if pixels.ndim == 3 else pixels[:, :, None]
    return Picture(pixels, "0" * 64, "png", "YXC", raw=raw)


def spec(**fields: Any) -> InputSpec:
    return InputSpec.model_validate(fields)


def random(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def hwc(prepared: Prepared) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = prepared.tensor[0].permute(1, 2, 0).numpy()
    return values


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("file", FILES)
def test_equals_torchvision_on_photographs(file: str, mode: str) -> None:
    image = Image.open(FILES[file]).convert("RGB")
    reference = tv.Compose(
        [
            tv.Resize(256, InterpolationMode(mode)),
            tv.CenterCrop(224),
            tv.ToTensor(),
            tv.Normalize(MEAN, STD),
        ]
    )(image)
    resize = {"short": 256, "interpolation": mode, "rounding": "down"}
    prepared = preprocess(
        picture(np.asarray(image)), spec(resize=resize, crop=224, mean=MEAN, std=STD)
    )
    torch.testing.assert_close(prepared.tensor[0], reference, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(31, 57), (57, 31), (20, 20), (41, 40), (33, 100), (33, 34)])
@pytest.mark.parametrize("crop", [20, 33, 40, 45])
def test_crops_and_pads_where_torchvision_does(size: tuple[int, int], crop: int) -> None:
    pixels = random(*size, 3)
    reference = tv.Compose([tv.Resize(33), tv.CenterCrop(crop), tv.ToTensor()])(
        Image.fromarray(pixels)
    )
    prepared = preprocess(
        picture(pixels), spec(resize={"short": 33, "rounding": "down"}, crop=crop)
    )
    torch.testing.assert_close(prepared.tensor[0], reference, rtol=0, atol=1e-6)


def test_the_long_side_goes_to_the_nearest_pixel_unless_the_card_says_down() -> None:
    pixels = picture(random(30, 59, 3))  # 10 / 30 * 59 = 19.67
    assert preprocess(pixels, spec(resize={"short": 10})).tensor.shape[-2:] == (10, 20)
    down = preprocess(pixels, spec(resize={"short": 10, "rounding": "down"}))
    assert down.tensor.shape[-2:] == (10, 19)


@pytest.mark.parametrize(
    "size", [(480, 640), (640, 480), (97, 161), (800, 801), (30, 200), (1200, 900), (333, 333)]
)
def test_the_longest_side_is_bounded_as_in_torchvision_s_detectors(size: tuple[int, int]) -> None:
    reference = GeneralizedRCNNTransform(200, 333, [0.0] * 3, [1.0] * 3).eval()
    expected = reference.resize(torch.zeros(3, *size))[0].shape[-2:]
    resize = {"short": 200, "longest": 333, "rounding": "down"}
    prepared = preprocess(picture(random(*size, 3)), spec(resize=resize))
    assert prepared.tensor.shape[-2:] == expected


def test_both_sides_are_rounded_and_never_vanish_with_a_longest() -> None:
    resize = {"short": 200, "longest": 333}
    nearest = preprocess(picture(random(48, 101, 3)), spec(resize=resize))
    assert nearest.tensor.shape[-2:] == (158, 333)  # 48 * 333 / 101 = 158.26
    assert preprocess(picture(random(1, 4000)), spec(resize=resize)).tensor.shape[-2:] == (1, 333)


def test_a_strip_that_resizing_would_blow_up_is_refused() -> None:
    strip = picture(random(3, 10_000, 3))
    with pytest.raises(UnfitImage, match=r"10000 x 3 .* 1733333 x 520.*region="):
        preprocess(strip, spec(resize={"short": 520, "rounding": "down"}))
    part = preprocess(strip, spec(resize={"short": 20}), region=Region(0, 0, 90, 3))
    assert part.tensor.shape[-2:] == (20, 600)


@pytest.mark.parametrize("file", ["chelsea", "flower"])
def test_enlarging_equals_torchvision_s_detectors_to_a_grey_level(file: str) -> None:
    image = np.asarray(Image.open(FILES[file]).convert("RGB"))[:160, :240]
    reference = GeneralizedRCNNTransform(200, 333, MEAN, STD).eval()
    unit = torch.from_numpy(image.copy()).permute(2, 0, 1) / 255
    expected = reference([unit])[0]
    resize = {"short": 200, "longest": 333, "rounding": "down"}
    prepared = preprocess(picture(image), spec(resize=resize, mean=MEAN, std=STD))
    height, width = expected.image_sizes[0]
    assert prepared.tensor.shape[-2:] == (height, width)
    level = 1.001 / 255 / min(STD)  # Pillow rounds after each of two passes
    torch.testing.assert_close(
        prepared.tensor, expected.tensors[:, :, :height, :width], rtol=0, atol=level
    )


def test_the_tensor_is_one_channels_last_float_image() -> None:
    prepared = preprocess(picture(random(9, 7, 3)), spec())
    assert prepared.tensor.shape == (1, 3, 9, 7)
    assert prepared.tensor.dtype == torch.float32
    assert prepared.tensor.is_contiguous(memory_format=torch.channels_last)


def test_grey_is_repeated_for_colour_models() -> None:
    pixels = random(8, 8)
    values = hwc(preprocess(picture(pixels), spec(mean=MEAN, std=STD)))
    expected = (pixels[:, :, None] / 255 - np.array(MEAN)) / np.array(STD)
    np.testing.assert_allclose(values, expected, atol=1e-6)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_colour_is_weighed_for_grey_models(depth: Any) -> None:
    pixels = random(8, 8, 3)
    reference = np.asarray(Image.fromarray(pixels).convert("L")) / 255
    scaled = pixels.astype(depth) * (np.iinfo(depth).max // 255)
    prepared = preprocess(picture(scaled), spec(channels=1), intensity=Intensity("dtype"))
    assert prepared.tensor.shape == (1, 1, 8, 8)
    np.testing.assert_allclose(hwc(prepared)[:, :, 0], reference, atol=0.51 / 255)
    assert [note.code for note in prepared.notes] == ["converted_to_grey"]


def test_bgr_models_get_blue_first() -> None:
    pixels = random(4, 5, 3)
    values = hwc(preprocess(picture(pixels), spec(order="BGR", mean=[0.1, 0.2, 0.3])))
    np.testing.assert_allclose(values, pixels[:, :, ::-1] / 255 - [0.1, 0.2, 0.3], atol=1e-6)


def test_other_channels_name_the_parameter() -> None:
    with pytest.raises(UnfitImage, match="channels=0,1,2"):
        preprocess(picture(random(4, 4, 5)), spec())
    five = spec(channels=5)
    assert preprocess(picture(random(4, 4, 5)), five).tensor.shape == (1, 5, 4, 4)


def test_sixteen_bits_keep_what_eight_would_lose() -> None:
    pixels = (1000 + np.arange(64, dtype=np.uint16)).reshape(8, 8)
    prepared = preprocess(picture(pixels), spec(channels=1, intensity="range:1000,1063"))
    np.testing.assert_allclose(hwc(prepared)[:, :, 0], np.arange(64).reshape(8, 8) / 63, atol=1e-6)
    assert prepared.scaling == Scaling("range:1000,1063", 1000, 1063)


def test_cubic_overshoot_is_cut_off() -> None:
    pixels = np.where(random(40, 40) > 127, 65535, 1).astype(np.uint16)  # no 8-bit picture
    card = spec(channels=1, intensity="dtype", resize={"short": 25, "interpolation": "bicubic"})
    values = hwc(preprocess(picture(pixels), card))[:, :, 0]
    unit = Image.fromarray((pixels / 65535).astype(np.float32))
    exact = np.asarray(unit.resize((25, 25), Image.Resampling.BICUBIC))
    assert exact.max() > 1
    np.testing.assert_allclose(values, exact.clip(0, 1), atol=1e-5)


def test_a_region_keeps_the_intensity_of_the_plane() -> None:
    pixels = np.zeros((10, 12), dtype=np.uint16)
    pixels[0, 0], pixels[5, 5] = 4000, 1000
    prepared = preprocess(
        picture(pixels), spec(channels=1, intensity="range:0,4000"), region=Region(4, 4, 3, 3)
    )
    assert prepared.tensor.shape == (1, 1, 3, 3)
    assert float(prepared.tensor[0, 0, 1, 1]) == pytest.approx(0.25)
    assert prepared.geometry.region_in_image == (4, 4, 3, 3)


@pytest.mark.parametrize(
    "region", [Region(-1, 0, 3, 3), Region(0, 0, 13, 3), Region(8, 9, 1, 2), Region(0, 0, 0, 1)]
)
def test_regions_outside_the_image_are_refused(region: Region) -> None:
    with pytest.raises(InvalidRegion, match="12 x 10"):
        preprocess(picture(random(10, 12, 3)), spec(), region=region)


def test_a_multiple_repeats_the_right_and_bottom_edge() -> None:
    pixels = random(9, 17, 3)
    prepared = preprocess(picture(pixels), spec(size={"multiple": 8}))
    padded = np.pad(pixels, ((0, 7), (0, 7), (0, 0)), "edge")
    np.testing.assert_allclose(hwc(prepared), padded / 255, atol=1e-6)
    assert prepared.geometry.region_in_image == (0, 0, 17, 9)


def test_a_fixed_size_is_met_exactly() -> None:
    pixels = random(30, 50, 3)
    prepared = preprocess(picture(pixels), spec(size=[16, 24]))
    reference = np.asarray(Image.fromarray(pixels).resize((24, 16), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(hwc(prepared), reference / 255, atol=1e-6)
    assert prepared.geometry.region_in_image == pytest.approx((0, 0, 50, 30))


def test_windows_are_regions_with_one_scaling() -> None:
    plane = picture(np.random.default_rng(1).integers(0, 5000, (40, 60), dtype=np.uint16))
    card = spec(channels=1, intensity="percentile:1,99.8", resize={"short": 16}, crop=16)
    windows = [Region(0, 0, 20, 20), Region(37, 11, 20, 20)]
    for window, prepared in zip(windows, preprocess_windows(plane, card, windows), strict=True):
        alone = preprocess(plane, card, region=window)
        assert torch.equal(prepared.tensor, alone.tensor)
        assert prepared.scaling == alone.scaling
        assert prepared.geometry == alone.geometry


class TestRaw:
    def test_arrays_go_through_unchanged(self) -> None:
        array = np.random.default_rng(0).normal(size=(7, 5, 6)).astype(np.float32)
        array.flags.writeable = False
        prepared = preprocess(picture(random(5, 6), raw=array), spec(pixels="raw", channels=7))
        assert np.array_equal(prepared.tensor[0].numpy(), array)
        assert prepared.scaling is None
        flat = preprocess(picture(random(5, 6), raw=array[0]), spec(pixels="raw", channels=1))
        assert np.array_equal(flat.tensor[0, 0].numpy(), array[0])

    @pytest.mark.parametrize(
        ("array", "says"),
        [
            (None, ".npy"),
            (np.zeros((5, 6, 7)), "7 x H x W"),
            (np.zeros((5, 6)), "7 x H x W"),
            (np.zeros((7, 5, 6), dtype=complex), "real numbers"),
        ],
    )
    def test_unfit_arrays_are_refused(self, array: Any, says: str) -> None:
        with pytest.raises(UnfitImage, match=says):
            preprocess(picture(random(5, 6), raw=array), spec(pixels="raw", channels=7))

    def test_a_fixed_size_is_asked_for(self) -> None:
        with pytest.raises(UnfitImage, match="takes 8 x 8"):
            preprocess(
                picture(random(5, 6), raw=np.zeros((5, 6))),
                spec(pixels="raw", channels=1, size=[8, 8]),
            )


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_bytes_in_a_wider_type_are_seen_as_bytes(dtype: Any) -> None:
    pixels = np.random.default_rng(0).integers(-5, 300, (9, 12, 3)).clip(0, 300).astype(dtype)
    found = scaled(pixels, Scaling("range:0,255", 0.0, 255.0))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.minimum(pixels, 255))

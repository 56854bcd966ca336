from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
import tifffile
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from brightfield.errors import ConflictingParameter, InvalidRows


def constant(value, side=16):
    return {"array": [[value] * side] * side}


def run(evaluate, *images, **options):
    data = {"pairs": [{"reference": a, "image": b} for a, b in images]}
    return evaluate("restoration", data, **options)


def test_constant_images(evaluate):
    grey = run(evaluate, (constant(100), constant(150)))["metrics"]
    assert grey["ssim"]["value"] == pytest.approx(0.923092310531, abs=1e-12)
    assert grey["mse"]["value"] == 2500
    assert grey["psnr"]["value"] == pytest.approx(10 * math.log10(255**2 / 2500))
    black = run(evaluate, (constant(0), constant(255)))["metrics"]
    assert black["ssim"]["value"] == pytest.approx(9.9990001e-05, rel=1e-9)


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (12, np.uint16)])
def test_against_scikit_image(bits, dtype, evaluate):
    rng = np.random.default_rng(0)
    peak = 2**bits - 1
    shape = (31, 40, 3)
    reference = rng.integers(0, peak + 1, shape).astype(dtype)
    image = np.clip(reference + rng.normal(0, peak / 20, shape), 0, peak).astype(dtype)
    pair = {"array": reference.tolist()}, {"array": image.tolist()}
    found = run(evaluate, pair, bits=bits)["metrics"]
    psnr = peak_signal_noise_ratio(reference, image, data_range=peak)
    assert found["psnr"]["value"] == pytest.approx(psnr, abs=1e-9)
    ssim = structural_similarity(
        reference.astype(float), image.astype(float), data_range=peak, channel_axis=2,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert found["ssim"]["value"] == pytest.approx(ssim, abs=1e-12)


def test_luminance_without_a_border_is_scikit_images(evaluate):
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 256, (31, 40, 3)).astype(np.uint8)
    image = np.clip(reference + rng.normal(0, 10, reference.shape), 0, 255).astype(np.uint8)
    image[:2] = 0  # in the border, so it does not count
    pair = {"array": reference.tolist()}, {"array": image.tolist()}
    report = run(evaluate, pair, luminance=True, border=2)
    luma = [rgb2ycbcr(each)[2:-2, 2:-2, 0] for each in (reference, image)]
    found = report["metrics"]
    psnr = peak_signal_noise_ratio(*luma, data_range=255)
    assert found["psnr"]["value"] == pytest.approx(psnr, abs=1e-9)
    ssim = structural_similarity(
        *luma, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert found["ssim"]["value"] == pytest.approx(ssim, abs=1e-9)
    assert "BT.601" in report["conventions"]["compared"]
    assert report["input_sha256"] == run(evaluate, pair)["input_sha256"]


def test_images_without_luminance_or_smaller_than_the_border_are_refused(evaluate):
    pair = constant(1), constant(2)
    with pytest.raises(InvalidRows, match="leaves none"):
        run(evaluate, pair, border=8)
    assert run(evaluate, pair, border=7)["metrics"]["mse"]["value"] == 1
    two = {"array": [[[1, 2]] * 16] * 16}
    with pytest.raises(InvalidRows, match="2 channels"):
        run(evaluate, (two, two), luminance=True)


def test_identical_and_small_images_have_reasons(evaluate):
    report = run(evaluate, (constant(7), constant(7)), (constant(7, 5), constant(8, 5)))
    cases = {case["row"]: case for case in report["cases"]}
    assert cases[0]["psnr"] is None
    assert cases[0]["undefined"] == {"psnr": "identical"}
    assert cases[1]["undefined"] == {"ssim": "too_small"}
    assert (report["metrics"]["psnr"]["n"], report["metrics"]["ssim"]["value"]) == (1, 1)
    alone = run(evaluate, (constant(7), constant(7)))
    assert alone["metrics"]["psnr"]["undefined"] == "identical"
    assert alone["pooled"]["psnr"]["undefined"] == "identical"


def test_pooled_is_over_all_pixels(evaluate):
    report = run(evaluate, (constant(0), constant(2)), (constant(0, 32), constant(4, 32)))
    mse = (256 * 4 + 1024 * 16) / 1280
    assert report["pooled"]["mse"]["value"] == pytest.approx(mse)
    assert report["pooled"]["psnr"]["value"] == pytest.approx(10 * math.log10(255**2 / mse))
    assert report["metrics"]["mse"]["value"] == pytest.approx(10)


def test_values_beyond_the_bits_are_refused_and_nan_is_left_out(evaluate):
    with pytest.raises(InvalidRows, match="send data_range"):
        run(evaluate, (constant(300), constant(1)))
    with pytest.raises(InvalidRows, match="one size"):
        run(evaluate, (constant(1), constant(1, 9)))
    pairs = [(constant(value), constant(1)) for value in (math.nan, 1e200, 2)]
    report = run(evaluate, *pairs, data_range=255)
    assert report["excluded"] == [{"row": row, "reason": "not_finite"} for row in (0, 1)]
    assert report["n"] == 1


def npy(image):
    stream = io.BytesIO()
    np.save(stream, image)
    return {"npy": base64.b64encode(stream.getvalue()).decode()}


def noisy(low, high, shape=(24, 30), seed=0):
    rng = np.random.default_rng(seed)
    reference = rng.uniform(low, high, shape)
    return reference, np.clip(reference + rng.normal(0, (high - low) / 10, shape), low, high)


@pytest.mark.parametrize(
    ("low", "high", "stated"),
    [(0, 1, 1), (0, 1, "0,1"), (0, 4000, 4095), (-1, 1, [-1, 1]), (-1024, 3071, "-1024,3071")],
)
def test_floats_have_the_range_that_is_stated(low, high, stated, evaluate):
    pair = [each.astype(np.float32) for each in noisy(low, high)]
    entries = [npy(each) for each in pair]
    with pytest.raises(InvalidRows, match="float32, which does not tell"):
        run(evaluate, entries)
    report = run(evaluate, entries, data_range=stated)
    found, span = report["metrics"], np.ptp(report["data_range"])
    pair = [each.astype(np.float64) for each in pair]
    psnr = peak_signal_noise_ratio(*pair, data_range=span)
    assert found["psnr"]["value"] == pytest.approx(psnr, abs=1e-9)
    ssim = structural_similarity(
        *pair, data_range=span, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert found["ssim"]["value"] == pytest.approx(ssim, abs=1e-9)
    assert found["mae"]["value"] == pytest.approx(np.abs(pair[0] - pair[1]).mean())
    assert found["rmse"]["value"] == pytest.approx(math.sqrt(found["mse"]["value"]))
    assert report["pooled"]["rmse"]["value"] == pytest.approx(found["rmse"]["value"])
    assert report["warnings"] == []


@pytest.mark.parametrize(
    ("dtype", "bounds"),
    [(np.uint8, [0, 255]), (np.uint16, [0, 65535]), (np.int16, [-32768, 32767])],
)
def test_integers_have_the_range_of_their_type(dtype, bounds, evaluate):
    pair = [each.astype(dtype) for each in noisy(0, 200)]  # dark, in the wide types
    report = run(evaluate, [npy(each) for each in pair])
    assert report["data_range"] == bounds
    psnr = peak_signal_noise_ratio(*pair, data_range=bounds[1] - bounds[0])
    assert report["metrics"]["psnr"]["value"] == pytest.approx(psnr, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32, np.float16, np.float64])
def test_other_types_do_not_tell(dtype, evaluate):
    pair = [npy(each.astype(dtype)) for each in noisy(0, 200)]
    with pytest.raises(InvalidRows, match="data_range"):
        run(evaluate, pair)
    assert run(evaluate, pair, bits=8)["data_range"] == [0, 255]


@pytest.mark.parametrize(
    ("values", "options"),
    [((0, 1.5), {"data_range": 1}), ((-0.5, 1), {"data_range": 1}), ((0, 300.5), {"bits": 8}),
     ((-5, 9), {"data_range": 255}), ((0, 5000), {"bits": 12})],
)  # fmt: skip
def test_values_beyond_the_range_are_refused(values, options, evaluate):
    image = np.full((16, 16), values[0], float)
    image[0, 0] = values[1]
    with pytest.raises(InvalidRows, match="beyond the range") as caught:
        run(evaluate, (npy(image * 0), npy(image)), **options)
    assert caught.value.errors[0]["location"] == "pairs.0.image"


def test_types_that_differ_are_refused(evaluate):
    eight, sixteen = (npy(np.ones((16, 16), dtype)) for dtype in (np.uint8, np.uint16))
    with pytest.raises(InvalidRows, match="uint8 and uint16"):
        run(evaluate, (eight, sixteen))
    with pytest.raises(InvalidRows, match="pairs of one type"):
        run(evaluate, (eight, eight), (sixteen, sixteen))
    assert run(evaluate, (eight, sixteen), data_range=255)["metrics"]["mse"]["value"] == 0
    with pytest.raises(ConflictingParameter):
        run(evaluate, (eight, eight), data_range=255, bits=8)


def test_whole_numbers_of_json_are_taken_for_8_bits_and_that_is_told(evaluate):
    report = run(evaluate, (constant(103), constant(104)))
    assert [each["code"] for each in report["warnings"]] == ["bits_assumed"]
    assert run(evaluate, (constant(3), constant(4)), bits=8)["warnings"] == []
    with pytest.raises(InvalidRows, match="data_range"):
        run(evaluate, (constant(0.25), constant(0.5)))


def stacked(volume, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, volume, **options)
    return {"data": base64.b64encode(stream.getvalue()).decode()}


def test_volumes_in_every_form(evaluate):
    pair = [each.astype(np.uint8) for each in noisy(0, 255, (13, 14, 15))]
    imagej = [stacked(each, imagej=True, metadata={"axes": "ZYX"}) for each in pair]
    known = run(evaluate, imagej)["metrics"]
    ssim = structural_similarity(
        *(each.astype(float) for each in pair), data_range=255, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert known["ssim"]["value"] == pytest.approx(ssim, abs=1e-9)
    plain = [stacked(each, photometric="minisblack", metadata=None) for each in pair]
    for forms in (plain, [npy(each) for each in pair]):
        with pytest.raises(InvalidRows, match="axes=ZYX"):
            run(evaluate, forms)
        assert run(evaluate, forms, axes="ZYX")["metrics"] == known
    lists = [{"array": each.tolist()} for each in pair]
    assert run(evaluate, lists, axes="ZYX", bits=8)["metrics"] == known


def test_channels_first_as_tensors_have_them(evaluate):
    last = [each.astype(np.uint8) for each in noisy(0, 255, (16, 17, 3))]
    first = [npy(np.moveaxis(each, 2, 0)) for each in last]
    with pytest.raises(InvalidRows, match="axes=CYX"):
        run(evaluate, first)
    expected = run(evaluate, [npy(each) for each in last])["metrics"]
    assert run(evaluate, first, axes="CYX")["metrics"] == expected


@pytest.mark.parametrize(
    ("dtype", "greatest", "options", "noted"),
    [
        (np.uint16, 4095, {}, True),
        (np.uint16, 4095, {"bits": 12}, False),
        (np.uint16, 40_000, {}, False),
        (np.uint8, 1, {}, True),
        (np.int16, 900, {}, True),
        (np.float32, 1, {"bits": 8}, True),
        (np.float32, 1, {"data_range": 1}, False),
    ],
)
def test_a_range_that_is_hardly_used_is_noted(dtype, greatest, options, noted, evaluate):
    reference = np.linspace(0, greatest, 256).reshape(16, 16).astype(dtype)
    report = run(evaluate, (npy(reference), npy(reference[::-1])), **options)
    assert [each["code"] for each in report["warnings"]] == ["range_hardly_used"] * noted


def test_identical_images_that_the_mean_leaves_out_are_noted(evaluate):
    (warning,) = run(
        evaluate,
        (constant(103), constant(103)),
        (constant(99), constant(103)),
        bits=8,
    )["warnings"]
    assert warning["code"] == "cases_without_value"
    assert "psnr: 1 (identical)" in warning["detail"]

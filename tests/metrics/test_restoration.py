from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from brightfield.errors import InvalidRows


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
    with pytest.raises(InvalidRows, match="send `bits`"):
        run(evaluate, (constant(300), constant(1)))
    with pytest.raises(InvalidRows, match="one size"):
        run(evaluate, (constant(1), constant(1, 9)))
    pairs = [(constant(value), constant(1)) for value in (math.nan, 1e200, 2)]
    report = run(evaluate, *pairs)
    assert report["excluded"] == [{"row": row, "reason": "not_finite"} for row in (0, 1)]
    assert report["n"] == 1

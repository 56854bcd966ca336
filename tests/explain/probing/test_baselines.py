from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from skimage.filters import gaussian

from brightfield.cards import InputSpec
from brightfield.explain.probing.baselines import Baseline, baseline_images

from ..conftest import image

SPEC = InputSpec(mean=(0.5, 0.4, 0.25), std=(0.5, 0.2, 0.25))


@pytest.mark.parametrize(
    ("baseline", "pixel"),
    [
        ("mean", (0, 0, 0)),
        ("zero", (-1, -2, -1)),
        ("grey", (0, 0.5, 1)),
        (1.0, (1, 3, 3)),
    ],
)
def test_values_are_normalised_as_the_card_says(
    baseline: str | float, pixel: tuple[float, ...]
) -> None:
    found = baseline_images(baseline, image(3, 4, 5), SPEC)
    expected = torch.tensor(pixel, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, 4, 5)
    torch.testing.assert_close(found, expected)


def test_raw_arrays_are_not_normalised() -> None:
    raw = InputSpec(pixels="raw", channels=1, mean=(0.5,), std=(0.1,))
    found = baseline_images(7.0, image(1, 4, 5), raw)
    assert torch.equal(found, torch.full((1, 1, 4, 5), 7.0))


def test_blur_is_a_gaussian_in_proportion_to_the_short_side() -> None:
    images = image(3, 112, 130)
    expected = gaussian(images[0].numpy(), sigma=5, mode="nearest", truncate=4, channel_axis=0)
    torch.testing.assert_close(
        baseline_images("blur", images, SPEC)[0], torch.from_numpy(expected), rtol=0, atol=1e-5
    )


def test_text_is_read_as_the_number_that_it_is() -> None:
    baseline = TypeAdapter(Baseline)
    assert baseline.validate_python("0.25") == 0.25
    assert baseline.validate_python("blur") == "blur"
    for wrong in ("nan", "inf", float("-inf"), "black", None):
        with pytest.raises(ValidationError):
            baseline.validate_python(wrong)

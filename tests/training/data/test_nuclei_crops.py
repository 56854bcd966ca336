"""Crops of nuclei fields: the picture and its maps stay together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label

from brightfield.cards import InputSpec
from brightfield.images.intensity import Intensity
from brightfield.images.picture import Picture
from training.data.dsb2018 import Field
from training.data.nuclei_crops import SIDE, Crops

SPEC = InputSpec(intensity=Intensity("percentile:1,99.8"))


def field(kind: str, channels: int, side: int = 400) -> Field:
    """Bright discs of 12 pixels radius on a dark ground."""
    rows, columns = np.mgrid[:side, :side]
    labels = np.zeros((side, side), np.int32)
    for number, (y, x) in enumerate(
        ((y, x) for y in range(30, side, 60) for x in range(30, side, 60)), 1
    ):
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= 144] = number
    pixels = np.where(labels > 0, np.uint8(200), np.uint8(10))[:, :, None].repeat(channels, 2)
    return Field(f"{kind}-{side}", kind, Picture(pixels, "", "png", "YXC"), labels)


@pytest.mark.parametrize(
    ("kind", "channels"), [("fluorescence", 1), ("he_purple", 3), ("brightfield", 1)]
)
def test_the_picture_stays_upon_its_labels(kind: str, channels: int) -> None:
    crops = Crops([field(kind, channels)], SPEC)
    random = np.random.default_rng(1)
    for _ in range(10):
        crop = crops.draw(random)
        assert crop.image.shape == (SIDE, SIDE, 3)
        assert 0 <= crop.image.min() <= crop.image.max() <= 1
        grey = crop.image.std(axis=(0, 1)).argmax()
        seen = crop.weight > 0
        agreement = np.corrcoef(crop.image[:, :, grey][seen], crop.foreground[seen])[0, 1]
        assert abs(agreement) > 0.8


def test_weights_are_zero_beyond_the_field() -> None:
    crops = Crops([field("he_purple", 3, side=120)], SPEC)
    crop = crops.draw(np.random.default_rng(0))
    assert (crop.weight == 0).any()
    assert (crop.weight[crop.foreground > 0] > 0).all()


def test_the_same_seed_draws_the_same_crops() -> None:
    fields = [field("fluorescence", 1), field("he_purple", 3), field("brightfield", 1)]
    first, second = (Crops(fields, SPEC).draw(np.random.default_rng(9)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        # OpenCV shares rows out among threads, on which the last bit may depend.
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_the_last_round_draws_all_fields_alike_and_changes_them_less() -> None:
    fields = [field("fluorescence", 1, side=100), field("fluorescence", 1)]
    random = np.random.default_rng(0)
    shares, spreads = [], []
    for last_round in (False, True):
        crops = Crops(fields, SPEC, last_round=last_round)
        empty, discs = [], []
        for _ in range(200):
            crop = crops.draw(random)
            empty.append((crop.weight == 0).mean() > 0.3)
            discs.append(np.bincount(label(crop.foreground > 0)[0].ravel())[1:].max())
        shares.append(np.mean(empty))
        spreads.append(np.std(np.log(discs)))
    assert shares == pytest.approx([0.2, 0.5], abs=0.1)
    assert spreads[1] < 0.8 * spreads[0]

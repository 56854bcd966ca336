"""The shipped cards: torchvision's preprocessing, and a shipped model that knows its images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import sklearn.datasets
import torch
from PIL import Image
from torch import nn

from brightfield.cards import find_cards, torchvision_weights
from brightfield.images.picture import Picture
from brightfield.models.build import build
from brightfield.preprocess import preprocess
from brightfield.zoo import folder

CARDS, FAULTS = find_cards([folder()])
SKIMAGE = Path(skimage.data.__file__).parent
SKLEARN = Path(sklearn.datasets.__file__).parent / "images"


def test_every_card_is_good_and_lies_in_a_folder_of_its_name() -> None:
    assert not FAULTS
    assert {card.folder.name for card in CARDS.values()} == CARDS.keys()
    assert "imagenet-lite0" in CARDS


@pytest.mark.parametrize(
    "name",
    sorted(name for name, card in CARDS.items() if card.weights and card.weights.torchvision),
)
def test_preprocessing_is_that_of_the_weights(name: str) -> None:
    card = CARDS[name]
    assert card.weights is not None
    assert card.input.resize is not None
    expected = torchvision_weights(str(card.weights.torchvision)).transforms()
    assert [card.input.resize.short] == expected.resize_size
    assert card.input.resize.rounding == "down"
    assert card.input.resize.interpolation == expected.interpolation.value
    assert [card.input.crop] == expected.crop_size
    assert list(card.input.mean) == expected.mean
    assert list(card.input.std) == expected.std


@pytest.fixture(scope="module")
def lite0() -> nn.Module:
    return build(CARDS["imagenet-lite0"])


# Made with Pillow's bicubic resize (the long side rounded to nearest) and the published weights.
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (SKIMAGE / "chelsea.png", {"tiger cat": 0.39, "Egyptian cat": 0.36}),
        (SKIMAGE / "coffee.png", {"espresso": 0.95}),
        (SKLEARN / "china.jpg", {"palace": 0.32, "bell cote": 0.14}),
        (SKLEARN / "flower.jpg", {"daisy": 0.36}),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else "",
)
def test_the_shipped_model_knows_photographs(
    lite0: nn.Module, file: Path, expected: dict[str, float]
) -> None:
    card = CARDS["imagenet-lite0"]
    pixels = np.asarray(Image.open(file).convert("RGB"))
    prepared = preprocess(Picture(pixels, "0" * 64, "png", "YXC"), card.input)
    with torch.no_grad():
        scores = lite0(prepared.tensor)[0].softmax(0)
    best = scores.topk(len(expected))
    names = [card.label_names[index] for index in best.indices]
    got = dict(zip(names, best.values.tolist(), strict=True))
    assert got == pytest.approx(expected, abs=0.01)

"""The shipped cards: torchvision's preprocessing, and a shipped model that knows its images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import sklearn.datasets
import torch
from PIL import Image
from torch import nn
from torchvision.models import get_model

from brightfield.card_folders import find_cards
from brightfield.cards import LabelSource, ModelCard
from brightfield.images.picture import Picture
from brightfield.models.architecture import Candidates
from brightfield.models.loading.build import build
from brightfield.preprocess import preprocess
from brightfield.torchvision_names import torchvision_weights
from brightfield.zoo import folder

FOUND = find_cards([folder()])
CARDS = FOUND.cards
SKIMAGE = Path(skimage.data.__file__).parent
SKLEARN = Path(sklearn.datasets.__file__).parent / "images"


def test_every_card_is_good_and_lies_in_a_folder_of_its_name() -> None:
    assert not FOUND.faults
    assert {card.folder.name for card in CARDS.values()} == CARDS.keys()
    assert "imagenet-lite0" in CARDS


def pulled(*tasks: str) -> list[str]:
    """The models whose weights are torchvision's."""
    return sorted(
        name
        for name, card in CARDS.items()
        if card.weights and card.weights.torchvision and card.task in tasks
    )


def weights_of(card: ModelCard) -> Any:
    assert card.weights is not None
    assert isinstance(card.labels, LabelSource)
    assert card.labels.torchvision == card.weights.torchvision
    return torchvision_weights(card.labels.torchvision)


def torchvision_s_own(name: str) -> Any:
    with torch.device("meta"):
        return get_model(name, weights=None, weights_backbone=None)


@pytest.mark.parametrize("name", pulled("classify"))
def test_preprocessing_is_that_of_the_weights(name: str) -> None:
    card = CARDS[name]
    assert card.input.resize is not None
    expected = weights_of(card).transforms()
    assert [card.input.resize.short] == expected.resize_size
    assert card.input.resize.rounding == "down"
    assert card.input.resize.interpolation == expected.interpolation.value
    assert [card.input.crop] == expected.crop_size
    assert list(card.input.mean) == expected.mean
    assert list(card.input.std) == expected.std


@pytest.mark.parametrize("name", pulled("detect", "segment"))
def test_preprocessing_is_that_of_the_network_or_of_its_weights(name: str) -> None:
    card = CARDS[name]
    resize = card.input.resize
    assert resize is not None
    assert resize.rounding == "down"
    assert card.input.crop is card.input.size is None
    expected = weights_of(card).transforms()
    if hasattr(expected, "resize_size"):
        assert (resize.short, resize.longest) == (*expected.resize_size, None)
        assert resize.interpolation == expected.interpolation.value
    else:  # torchvision's detectors resize and normalise by themselves
        expected = torchvision_s_own(name).transform
        expected.mean, expected.std = expected.image_mean, expected.image_std
        assert ((resize.short,), resize.longest) == (expected.min_size, expected.max_size)
        assert resize.interpolation == "bilinear"
    assert list(card.input.mean) == expected.mean
    assert list(card.input.std) == expected.std


@pytest.mark.parametrize("name", pulled("detect", "segment"))
def test_published_numbers_are_torchvision_s(name: str) -> None:
    card = CARDS[name]
    (metrics,) = weights_of(card).meta["_metrics"].values()
    wanted = {str(metrics[key]) for key in ("box_map", "mask_map", "miou") if key in metrics}
    said = set(re.findall(r"\d+\.\d", card.description))
    assert said == wanted
    assert card.quality == ()


# One of each task; torchvision's other detectors differ in what another file tests.
SOME = ("deeplabv3_resnet50", "retinanet_resnet50_fpn")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in SOME else pytest.mark.slow)
        for name in pulled("detect", "segment")
    ],
)
def test_a_detector_or_segmenter_has_an_output_for_each_label(name: str) -> None:
    card = CARDS[name]
    small = {"rpn_post_nms_top_n_test": 20} if "rcnn" in name else {}
    architecture = card.architecture.model_copy(update=small)
    module = build(card.model_copy(update={"weights": None, "architecture": architecture}))
    images = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        output = module(images)
    outputs = len(card.label_names) + (card.output.activation == "softmax")
    if isinstance(output, Candidates):
        assert output.logits.shape[-1] == outputs
        assert (output.masks is not None) == (card.task == "segment")
    else:
        assert output.shape == (1, outputs, 96, 96)
    own = torchvision_s_own(name)
    assert card.output.iou == getattr(getattr(own, "roi_heads", own), "nms_thresh", 0.5)


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

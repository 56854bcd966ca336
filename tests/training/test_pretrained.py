"""Networks begin with the published features."""

from __future__ import annotations

import torch

from brightfield.cards import read_card
from brightfield.models.efficientnet_lite import EfficientNetLite
from brightfield.models.fcos import FCOS
from brightfield.models.loading.build import build
from brightfield.zoo import folder
from training.pretrained import begin_with_imagenet


def test_a_detector_and_a_short_classifier_have_imagenets_first_blocks() -> None:
    published = build(read_card(folder() / "imagenet-lite0"))
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = published.blocks[:11](published.stem(images))
        for network in (FCOS(classes=3), EfficientNetLite(stages=5, head=64, classes=4)):
            begin_with_imagenet(network)
            network.eval()
            torch.testing.assert_close(network.blocks(network.stem(images)), expected)

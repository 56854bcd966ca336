"""Faster R-CNN's fixed number of candidates; test_torchvision_detection runs the networks."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import get_model

from brightfield.models.architecture import Candidates
from brightfield.models.torchvision.rcnn import RegionDetector


def detector(builder: str) -> RegionDetector:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = get_model(builder, weights=None, weights_backbone=None, num_classes=4)
    return RegionDetector(model, None).eval()


def answer(module: RegionDetector, height: int, width: int) -> Candidates:
    images = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        candidates: Candidates = module(images)
    return candidates


def test_rows_beyond_what_was_proposed_score_exactly_zero() -> None:
    candidates = answer(detector("fasterrcnn_mobilenet_v3_large_320_fpn"), 64, 64)
    assert candidates.boxes.shape == (1, 150, 3, 4)
    absent = candidates.points[0].isnan().all(1)
    assert 0 < absent.sum() < 150
    scores = candidates.logits[0].softmax(-1)[:, 1:]
    assert not scores[absent].any()
    assert scores[~absent].all()
    assert not candidates.boxes[0, absent].any()


@pytest.mark.parametrize("side", [1, 31])
def test_mask_rcnn_may_find_nothing(side: int) -> None:
    module = detector("maskrcnn_resnet50_fpn")
    module.roi_heads.score_thresh = 1.0
    candidates = answer(module, side, side)
    assert candidates.boxes.shape == (1, 100, 4)
    assert candidates.masks is not None
    assert candidates.masks.shape == (1, 100, 1, 28, 28)
    assert candidates.classes is not None
    assert candidates.classes.shape == (1, 100)
    assert not candidates.logits.softmax(-1)[..., 1:].any()

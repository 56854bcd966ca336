"""Partitions against argmax, skimage and torchvision's own pasting of masks."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import skimage.measure
import torch
from scipy import ndimage
from torchvision.models.detection.roi_heads import paste_masks_in_image

from brightfield.cards import OutputSpec
from brightfield.images.picture import Region
from brightfield.models.architecture import Candidates
from brightfield.tasks.objects.partition import Partition, by_class, by_object, from_masks
from brightfield.tasks.objects.suppression import Detections

RANDOM = np.random.default_rng(0)
LOGITS = ndimage.gaussian_filter(RANDOM.normal(size=(3, 60, 80)), (0, 3, 3)).astype(np.float32) * 20


def test_every_pixel_has_its_best_class() -> None:
    scores = scipy.special.expit(LOGITS)
    found = by_class(scores, 0.5, softmax=False)
    expected = np.where(scores.max(axis=0) >= 0.5, scores.argmax(axis=0) + 1, 0)
    assert np.array_equal(found.labels, expected)
    for k in range(3):
        chosen = scores[k][expected == k + 1].astype(float)
        assert found.scores[k] == pytest.approx(chosen.mean(), rel=1e-5)
    shares = scipy.special.softmax(LOGITS, axis=0)
    found = by_class(shares, 0.0, softmax=True)
    assert np.array_equal(found.labels, shares.argmax(axis=0))  # the first is the background
    sure = by_class(shares, 0.9, softmax=True)
    assert np.array_equal(sure.labels, shares.argmax(axis=0) * (shares.max(axis=0) >= 0.9))


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_objects_are_the_connected_parts_of_a_class(activation: str) -> None:
    softmax = activation == "softmax"
    scores = scipy.special.softmax(LOGITS, 0) if softmax else scipy.special.expit(LOGITS)
    threshold = 0.0 if softmax else 0.5
    output = OutputSpec.model_validate({"activation": activation})
    more = np.concatenate([scores, np.full((1, 60, 80), 99, np.float32)])  # no class's map
    found = by_object(more, output, threshold, classes=3)
    classes = by_class(scores, threshold, softmax).labels
    parts = skimage.measure.label(classes, connectivity=2)
    assert found.labels.max() == parts.max() == len(found.class_ids)
    pairs = np.unique(np.stack([found.labels.ravel(), parts.ravel()]), axis=1)
    assert pairs.shape[1] == parts.max() + 1
    for number, (class_id, score) in enumerate(zip(found.class_ids, found.scores, strict=True), 1):
        inside = found.labels == number
        assert (classes[inside] == class_id + 1).all()
        mean = scores[class_id + softmax][inside].astype(float).mean()
        assert score == pytest.approx(mean, rel=1e-5)


def test_nothing_at_all() -> None:
    none = by_object(np.zeros((1, 4, 5), np.float32), OutputSpec(activation="sigmoid"), 0.5, 1)
    for found in (none, Partition.empty((4, 5))):
        assert found.labels.shape == (4, 5) and not found.labels.any()
        assert len(found.at_least(3).class_ids) == 0
        assert not found.of_classes([0]).labels.any()
        assert not found.merged().labels.any()


def test_parts_are_chosen_by_class_and_area() -> None:
    labels = np.array([[1, 1, 2, 3], [1, 1, 0, 3]], np.int32)
    found = Partition(labels, np.array([0, 1, 0]), np.array([0.9, 0.8, 0.7]))
    assert found.of_classes(None) is found
    assert found.of_classes({0}).labels.tolist() == [[1, 1, 0, 3], [1, 1, 0, 3]]
    large = found.at_least(2)
    assert large.labels.tolist() == [[1, 1, 0, 2], [1, 1, 0, 2]]
    assert (large.class_ids.tolist(), large.scores.tolist()) == ([0, 0], [0.9, 0.7])
    assert found.of_classes({1}).at_least(0).labels.tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]
    merged = found.merged()
    assert merged.labels.tolist() == [[1, 1, 2, 1], [1, 1, 0, 1]]
    assert merged.scores.tolist() == pytest.approx([0.8, 0.8])


@pytest.mark.parametrize("region", [Region(0, 0, 64, 48), Region(9, 7, 40, 30)])
def test_masks_are_pasted_as_torchvision_does(region: Region) -> None:
    count = 12
    corners = RANDOM.uniform(-8, 47, (count, 2))
    boxes = np.concatenate([corners, corners + RANDOM.uniform(10, 30, (count, 2))], 1)
    boxes = boxes.astype(np.float32)
    masks = torch.from_numpy(RANDOM.normal(0.5, 2, (1, count, 1, 28, 28)).astype(np.float32))
    ids = np.arange(count)
    scores = np.linspace(0.9, 0.3, count).astype(np.float32)
    found = Detections(boxes, scores, ids % 3, ids)
    candidates = Candidates(torch.zeros(1, count, 4), torch.zeros(1, count, 3), masks[0, :, 0, 0])
    parts = from_masks(found, candidates._replace(masks=masks), region)
    pasted = paste_masks_in_image(masks[0].sigmoid(), torch.from_numpy(boxes), (48, 64))[:, 0]
    whole = np.zeros((48, 64), int)
    for number in range(count, 0, -1):  # the best is laid on top
        whole[pasted[number - 1].numpy() >= 0.5] = number
    expected = whole[region.y : region.y + region.height, region.x : region.x + region.width]
    assert np.array_equal(parts.labels, expected)
    assert parts.class_ids.tolist() == found.class_ids.tolist()


def test_a_class_of_several_has_its_own_mask() -> None:
    masks = torch.full((1, 1, 2, 4, 4), -9.0)
    masks[0, 0, 1] = 9.0
    candidates = Candidates(torch.zeros(1, 1, 4), torch.zeros(1, 1, 2), torch.zeros(1, 1, 2), masks)
    box = np.array([[1, 1, 5, 5]], np.float32)
    for class_id, filled in ((0, False), (1, True)):
        one = Detections(box, np.ones(1, np.float32), np.array([class_id]), np.zeros(1, np.int64))
        assert from_masks(one, candidates, Region(0, 0, 8, 8)).labels.any() == filled

"""Volumes of planes that are labelled already, against scikit-image's measures in three axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import skimage.measure
from numpy.typing import NDArray
from skimage.segmentation import relabel_sequential

from brightfield.cards import ModelCard
from brightfield.errors import UnfitImage
from brightfield.images.objects import ObjectSource, measure
from brightfield.tasks.objects.linking import SegmentedPlane, linked
from brightfield.tasks.objects.segmentation import Mode, SegmentedObjects
from brightfield.tasks.objects.volume import Volume

CARD = ModelCard.model_validate(
    {
        "id": "x", "version": "1", "task": "segment", "licence": "-",
        "architecture": {"name": "-"}, "labels": [{"name": "a"}, {"name": "b"}],
    }
)  # fmt: skip


def plane(labels: NDArray[Any], mode: Mode = "instance", class_id: int = 0) -> SegmentedPlane:
    numbers = labels.astype(np.int32)
    measured = measure(numbers, np.zeros((*numbers.shape, 1), np.uint8))
    class_ids = measured.labels - 1 if mode == "semantic" else np.full(len(measured), class_id)
    scores = 0.5 + 0.1 * np.arange(len(measured))
    objects = measured.objects(("a", "b"), class_ids, scores)
    source = ObjectSource(numbers.shape[1], numbers.shape[0], "0" * 64, "x@1")
    segmented = SegmentedObjects(objects, source, CARD, numbers, mode, 1)
    return segmented, np.zeros((*numbers.shape, 3), np.uint8)


def cones() -> NDArray[np.int32]:
    """Two bodies that grow, shrink and drift; (Z, Y, X)."""
    z, y, x = np.mgrid[:7, :40, :50]
    labels = np.zeros(z.shape, np.int32)
    labels[(y - 12) ** 2 + (x - 10 - z) ** 2 < (9 - abs(z - 3)) ** 2] = 1
    labels[((y - 28) ** 2 + (x - 36 + z) ** 2 < 64) & (z > 1)] = 2
    return labels


def test_objects_are_measured_as_by_scikit_image() -> None:
    truth = cones()
    # Every plane numbers its objects anew, in another order.
    planes = [plane(relabel_sequential(np.where(part > 0, 3 - part, 0))[0]) for part in truth]
    volume = linked(iter(planes), 0.25)
    assert volume.labels.dtype == np.uint16
    for found in volume.objects:
        (expected,) = skimage.measure.regionprops((volume.labels == found.id).astype(np.uint8))
        assert found.voxels == expected.area
        zmin, ymin, xmin, zmax, ymax, xmax = expected.bbox
        assert (found.zmin, found.zmax, found.edges) == (zmin, zmax, (xmin, ymin, xmax, ymax))
        z, y, x = (edge + 0.5 for edge in expected.centroid)
        assert found.centroid == pytest.approx((x, y, z))
    pairs = np.unique(np.stack([volume.labels.ravel(), truth.ravel()]), axis=1)
    assert pairs.shape[1] == 3 and len(volume.objects) == 2


def test_the_score_is_weighed_and_the_class_that_of_the_largest_plane() -> None:
    small, large = np.zeros((9, 9), int), np.zeros((9, 9), int)
    small[2:4, 2:4], large[1:5, 1:4] = 1, 1
    volume = linked([plane(small), plane(large, class_id=1)], 0.2)
    (found,) = volume.objects
    assert (found.label, found.voxels, found.score) == ("b", 16, pytest.approx(0.5))
    assert found.json()["box"] == {
        "xmin": 1, "ymin": 1, "zmin": 0, "xmax": 4, "ymax": 5, "zmax": 2,
    }  # fmt: skip


def test_more_objects_than_16_bits_tell_apart_have_32() -> None:
    many = np.arange(1, 40_001).reshape(200, 200)
    volume = linked([plane(many), plane(np.zeros((200, 200))), plane(many)], 0.25)
    assert (volume.labels.dtype, volume.labels.max()) == (np.uint32, 80_000)
    assert np.array_equal(volume.labels[2], many + 40_000)


def test_empty_planes_make_an_empty_volume() -> None:
    volume = linked([plane(np.zeros((4, 5)))] * 3, 0.25)
    assert isinstance(volume, Volume)
    assert (volume.labels.shape, volume.labels.any(), volume.objects) == ((3, 4, 5), False, ())
    assert volume.payload("input")["objects"] == []


@pytest.mark.parametrize("mode", ["semantic", "instance"])
def test_planes_of_unequal_size_are_refused(mode: Mode) -> None:
    with pytest.raises(UnfitImage):
        linked([plane(np.zeros((4, 5)), mode), plane(np.zeros((5, 4)), mode)], 0.25)

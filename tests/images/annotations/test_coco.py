"""COCO's JSON as pycocotools loads it, as truth and as results."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from brightfield.images.annotations.coco import CocoImage, dataset, merged
from brightfield.images.contours import trace
from brightfield.images.objects import Box, Object, ObjectSource, measure
from brightfield.images.placement import FieldPlacement
from brightfield.images.plane_address import PlaneAddress
from brightfield.images.rle import encode_labels

LABELS = np.zeros((40, 50), np.int32)
LABELS[2:20, 3:30], LABELS[5:10, 5:10], LABELS[25:39, 10:49] = 1, 0, 2


def masks() -> CocoImage:
    measured = measure(LABELS, np.zeros((40, 50, 1), np.uint8))
    objects = measured.objects(["a", "b"], [1, 0], [0.9, 0.8], encode_labels(LABELS))
    return CocoImage(ObjectSource(50, 40, "ab" * 32, "nuclei@1"), objects, "cells/a.png")


def boxes() -> CocoImage:
    found = Object(1, "a", 0, Box(1.5, 2, 30, 20.5), 0.7)
    address = PlaneAddress(z=2, axes="ZYX")
    return CocoImage(ObjectSource(60, 30, "cd" * 32, "cells@1", 0.5, address), (found,))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_pycocotools_finds_it_equal_to_itself(tmp_path: Path, kind: str) -> None:
    document = dataset([masks(), boxes()], ["a", "b"])
    file = tmp_path / "objects.json"
    file.write_text(json.dumps(document, allow_nan=False))
    file.with_name("results.json").write_text(json.dumps(document["annotations"]))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(file)
        scored = COCOeval(truth, truth.loadRes(str(file.with_name("results.json"))), kind)
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
    assert scored.stats[0] == pytest.approx(1)
    for annotation, label in zip(document["annotations"], (1, 2), strict=False):
        np.testing.assert_array_equal(truth.annToMask(annotation), label == LABELS)
        assert annotation["area"] == (label == LABELS).sum()


def test_ids_and_boxes() -> None:
    document = dataset([masks(), boxes()], ["a", "b"])
    assert [category["id"] for category in document["categories"]] == [1, 2]
    assert [image["id"] for image in document["images"]] == [1, 2]
    found = [(a["id"], a["image_id"], a["category_id"]) for a in document["annotations"]]
    assert found == [(1, 1, 2), (2, 1, 1), (3, 2, 1)]
    assert document["annotations"][0]["bbox"] == [3, 2, 27, 18]
    assert document["annotations"][2]["bbox"] == [1.5, 2, 28.5, 18.5]
    assert document["annotations"][2]["area"] == 28.5 * 18.5
    assert {a["iscrowd"] for a in document["annotations"]} == {0}


def test_no_objects_and_no_scores() -> None:
    assert dataset([], ["a"])["annotations"] == []
    image = boxes()
    (unscored,) = (Object(o.id, o.label, o.class_id, o.box) for o in image.objects)
    assert "score" not in dataset([CocoImage(image.source, [unscored])], ["a"])["annotations"][0]


def test_images_have_their_names_and_planes() -> None:
    named, plane = dataset([masks(), boxes()], ["a", "b"])["images"]
    assert (named["file_name"], named["sha256"]) == ("cells/a.png", "ab" * 32)
    assert (plane["file_name"], plane["z"], plane["pixel_size"]) == ("cd" * 32, 2, 0.5)
    assert "z" not in named and "pixel_size" not in named


def test_data_sets_of_one_model_are_one() -> None:
    apart = [dataset([image], ["a", "b"]) for image in (masks(), boxes(), masks())]
    assert merged(apart) == dataset([masks(), boxes(), masks()], ["a", "b"])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(("offset", "downsample"), [((7, 5), 1), ((7, 5), 3), ((0.5, 0.25), 2.5)])
def test_what_is_placed_in_a_larger_image_is_polygons(
    tmp_path: Path, offset: tuple[float, float], downsample: float
) -> None:
    placement, image = FieldPlacement(offset, downsample), masks()
    objects = [placement.moved(found) for found in image.objects]
    outlines = placement.outlines(trace(LABELS))
    document = dataset([CocoImage(placement.source(image.source), objects, None, outlines)], "ab")
    file = tmp_path / "objects.json"
    file.write_text(json.dumps(document, allow_nan=False))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(file)
    grid = [round(side * downsample) for side in LABELS.shape]
    rows, columns = (((np.arange(n) + 0.5) / downsample).astype(int) for n in grid)
    shown, x, y = LABELS[np.ix_(rows, columns)], *(int(edge) for edge in offset)
    for annotation, label in zip(document["annotations"], (1, 2), strict=True):
        mask = truth.annToMask(annotation)
        assert annotation["area"] == pytest.approx((label == LABELS).sum() * downsample**2)
        differs = mask[y : y + grid[0], x : x + grid[1]] != (shown == label)
        # The fill is exact for whole corners; a fraction falls to one side or the other.
        assert differs.sum() <= (0 if float(downsample).is_integer() else 0.1 * mask.sum())

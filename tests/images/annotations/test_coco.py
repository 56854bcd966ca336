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

from brightfield.images.annotations.coco import dataset
from brightfield.images.objects import Box, Object, ObjectSource, measure
from brightfield.images.rle import encode_labels

LABELS = np.zeros((40, 50), np.int32)
LABELS[2:20, 3:30], LABELS[5:10, 5:10], LABELS[25:39, 10:49] = 1, 0, 2


def masks() -> tuple[ObjectSource, tuple[Object, ...]]:
    measured = measure(LABELS, np.zeros((40, 50, 1), np.uint8))
    objects = measured.objects(["a", "b"], [1, 0], [0.9, 0.8], encode_labels(LABELS))
    return ObjectSource(50, 40, "ab" * 32, "nuclei@1"), objects


def boxes() -> tuple[ObjectSource, tuple[Object, ...]]:
    return ObjectSource(60, 30, "cd" * 32, "cells@1"), (
        Object(1, "a", 0, Box(1.5, 2, 30, 20.5), 0.7),
    )


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
    source, objects = boxes()
    (unscored,) = (Object(o.id, o.label, o.class_id, o.box) for o in objects)
    assert "score" not in dataset([(source, [unscored])], ["a"])["annotations"][0]

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pycocotools.mask
import pytest

from brightfield.explain.maps.saliency_map import SaliencyMap
from brightfield.images.picture import Note
from brightfield.targets import Target

from ..conftest import plain

SEEN = plain(40, 80).resized(10, 20).windowed(1, 6, 8, 8)
VALUES = np.arange(64, dtype=np.float32).reshape(8, 8) - 10


def result(**changes: Any) -> SaliencyMap:
    target = Target("cat", 3, lambda output: output[:, 3], 7.5)
    fields = {"values": VALUES, "signed": True, "facts": {"steps": 4}, **changes}
    return SaliencyMap("gradient", target, geometry=SEEN, **fields)


def decoded(array: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["data"]), "<f4").reshape(array["shape"])


def test_the_payload_tells_what_was_explained_and_how() -> None:
    payload = result().payload("input")
    assert payload["target"] == {"label": "cat", "class_id": 3}
    assert (payload["method"], payload["score"], payload["steps"]) == ("gradient", 7.5, 4)
    assert np.array_equal(decoded(payload["map"]), VALUES)
    assert (payload["map"]["min"], payload["map"]["max"]) == (-10, 53)
    assert payload["map"]["signed"] is result().signed
    assert payload["map"]["region"] == [24, 4, 32, 32]


def test_space_image_is_the_image_with_zero_around_what_was_seen() -> None:
    values = decoded(result().payload("image")["map"])
    assert values.shape == (40, 80)
    outside = np.ones((40, 80), bool)
    outside[4:36, 24:56] = False
    assert not values[outside].any()
    # The centre of input pixel (i, j) is the corner of four image pixels.
    middle = (values[6:36:4, 26:56:4] + values[5:35:4, 25:55:4]) / 2
    np.testing.assert_allclose(middle[1:-1, 1:-1], VALUES[1:-1, 1:-1], atol=1e-4)


def test_numbers_that_are_none_become_null() -> None:
    broken = VALUES.copy()
    broken[0, 0] = np.nan
    payload = result(values=broken).payload("input")
    assert payload["map"]["min"] is None


def test_a_mask_is_coco_over_the_whole_image() -> None:
    mask = np.zeros((40, 80), bool)
    mask[10:20, 30:45] = True
    assert "mask" not in result().payload("input")
    assert result(masked=True).payload("input")["mask"] is None
    found = result(masked=True, mask=mask).payload("input")["mask"]
    assert found["area_px"] == 150
    reference = pycocotools.mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert found["counts"] == reference["counts"].decode()
    assert found["size"] == reference["size"]


def test_the_overlay_outlines_the_mask() -> None:
    mask = np.zeros((40, 80), bool)
    mask[10:20, 30:45] = True
    picture = np.full((40, 80, 3), 90, np.uint8)
    plain, drawn = (result(mask=one).overlay(picture, 0.6) for one in (None, mask))
    assert np.array_equal(plain[~mask], drawn[~mask])
    assert (drawn[10, 30:45] == (86, 180, 233)).all()
    assert (drawn[mask] != plain[mask]).any(axis=1).all()


def test_facts_and_notes_are_added() -> None:
    first, second = Note("a", "one"), Note("b", "two")
    stated = result(notes=(first,)).stating(second, gap=0.5)
    assert stated.notes == (first, second)
    assert stated.payload("input")["gap"] == 0.5
    assert stated.payload("input")["steps"] == 4


def test_the_heat_knows_its_sign_and_region() -> None:
    heat = result(signed=False).heat()
    assert not heat.signed
    assert heat.region == pytest.approx((24, 4, 32, 32))
    assert heat.map.shape == (40, 80)

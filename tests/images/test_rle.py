"""Run-length encodings against pycocotools, which defines them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from brightfield.errors import InvalidParameter
from brightfield.images.rle import Rle, decode, decode_labels, encode, encode_labels

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)
LABELS = SHAPES.flatmap(
    lambda shape: arrays(np.int32, shape, elements=st.sampled_from([0, 1, 2, 900]))
)


def reference(mask: np.ndarray) -> dict[str, Any]:
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")}


@given(LABELS)
def test_every_object_is_encoded_as_pycocotools_does(labels: np.ndarray) -> None:
    encoded = encode_labels(labels)
    assert list(encoded) == [label for label in (1, 2, 900) if (labels == label).any()]
    for label, rle in encoded.items():
        assert rle.json() == reference(labels == label)
        assert encode(labels == label) == rle
        assert rle.area == (labels == label).sum()
        np.testing.assert_array_equal(decode(rle), labels == label)
    np.testing.assert_array_equal(decode_labels(encoded, labels.shape), labels)


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (3, 10_000), (1500, 1500)])
def test_masks_of_one_value(value: bool, shape: tuple[int, int]) -> None:
    mask = np.full(shape, value)
    assert encode(mask).json() == reference(mask)
    np.testing.assert_array_equal(decode(encode(mask)), mask)


def test_large_counts_and_differences() -> None:
    mask = np.zeros((2000, 1000), np.bool_)
    mask.reshape(-1)[np.random.default_rng(0).choice(mask.size, 40, replace=False)] = True
    mask[:, 700:] = True
    assert encode(mask).json() == reference(mask)
    np.testing.assert_array_equal(decode(encode(mask)), mask)


def test_of_overlapping_objects_the_later_one_is_seen() -> None:
    full, part = np.ones((3, 4), np.bool_), np.zeros((3, 4), np.bool_)
    part[1, 1:3] = True
    labels = decode_labels({5: encode(full), 2: encode(part)}, (3, 4))
    np.testing.assert_array_equal(labels, np.where(part, 2, 5))


def test_parse_takes_what_pycocotools_writes_and_plain_counts() -> None:
    mask = np.random.default_rng(0).integers(0, 2, (6, 7)).astype(np.bool_)
    written = reference(mask)
    assert Rle.parse(written) == encode(mask)
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    plain = np.diff([0, *edges, flat.size]).tolist()
    plain = [0, *plain] if flat[0] else plain
    assert Rle.parse({"size": [6, 7], "counts": plain}) == encode(mask)


GOOD = encode(np.eye(40, dtype=np.bool_)).counts


@pytest.mark.parametrize(
    "value",
    [
        None,
        "8",
        {"size": [40, 40]},
        {"size": [40], "counts": GOOD},
        {"size": ["40", 40], "counts": GOOD},
        {"size": [40, 41], "counts": GOOD},
        {"size": [-40, -40], "counts": GOOD},
        {"size": [10**20, 10**20], "counts": GOOD},
        {"size": [40, 40], "counts": ""},
        {"size": [40, 40], "counts": GOOD[:-1]},
        {"size": [40, 40], "counts": GOOD + "o"},
        {"size": [40, 40], "counts": GOOD + "é"},
        {"size": [40, 40], "counts": GOOD + " "},
        {"size": [40, 40], "counts": "o" * 9 + "1"},
        {"size": [1, 1], "counts": "2O"},
        {"size": [40, 40], "counts": []},
        {"size": [40, 40], "counts": [1601, -1]},
        {"size": [40, 40], "counts": [1600.0]},
        {"size": [40, 40], "counts": [1 << 80]},
        {"size": [40, 40], "counts": [1599]},
    ],
)
def test_malformed_encodings_are_refused(value: Any) -> None:
    with pytest.raises(InvalidParameter):
        Rle.parse(value)


def test_a_damaged_object_among_others_is_refused() -> None:
    good = Rle(40, 40, GOOD)
    # The two texts run into one number, of which neither alone is whole.
    with pytest.raises(InvalidParameter, match="cut short"):
        decode_labels({1: Rle(40, 40, GOOD + "Q"), 2: good}, (40, 40))
    with pytest.raises(InvalidParameter, match="size"):
        decode_labels({1: good}, (40, 41))

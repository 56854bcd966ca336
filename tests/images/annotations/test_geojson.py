"""GeoJSON as shapely reads it and as QuPath's reader wants it."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely.geometry import shape

from brightfield.images.annotations.geojson import feature_collection, features
from brightfield.images.contours import Polygon, trace
from brightfield.images.objects import Box, Measures, Object, ObjectSource, measure
from brightfield.images.placement import FieldPlacement
from brightfield.images.plane_address import PlaneAddress
from tests.toys.rasterize import rasterize

UNPLACED = FieldPlacement()
COLORS = ((0, 114, 178), (230, 159, 0))
SOURCE = ObjectSource(7, 6, "ab" * 32, "nuclei@1", pixel_size=0.5)
LABELS = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 0, 2], [1, 1, 1, 2, 0]], np.int32)


def written(
    labels: np.ndarray, placement: FieldPlacement = UNPLACED, **options: Any
) -> dict[str, Any]:
    measured = measure(labels, np.ones((*labels.shape, 2), np.float32), SOURCE.pixel_size)
    objects = measured.objects(
        ["a", "b"], np.arange(len(measured)) % 2, np.full(len(measured), 0.5)
    )
    moved, outlines = [placement.moved(each) for each in objects], placement.outlines(trace(labels))
    source = placement.source(SOURCE)
    found = features(moved, outlines, source, COLORS.__getitem__, **options)
    return json.loads(json.dumps(feature_collection(found), allow_nan=False))


def polygons(geometry: dict[str, Any]) -> list[Polygon]:
    several = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        several = [several]
    rings = [[np.array(ring) for ring in polygon] for polygon in several]
    assert all((ring[0] == ring[-1]).all() for polygon in rings for ring in polygon)
    return [Polygon(exterior[:-1], tuple(holes)) for exterior, *holes in rings]


@given(arrays(np.int32, (6, 7), elements=st.integers(0, 3)))
def test_rasterising_it_gives_the_labels_back(labels: np.ndarray) -> None:
    document = written(labels)
    outlines = {
        int(feature["properties"]["name"]): polygons(feature["geometry"])
        for feature in document["features"]
    }
    np.testing.assert_array_equal(rasterize(outlines, labels.shape), labels)
    assert all(shape(feature["geometry"]).is_valid for feature in document["features"])


def test_features_have_what_the_reader_of_qupath_takes() -> None:
    document = written(LABELS, object_type="annotation")
    assert document["type"] == "FeatureCollection"
    first, second = document["features"]
    assert [first["geometry"]["type"], second["geometry"]["type"]] == ["Polygon", "MultiPolygon"]
    assert len(first["geometry"]["coordinates"]) == 2
    properties = first["properties"]
    assert properties["objectType"] == "annotation"
    assert properties["classification"] == {"name": "a", "color": [0, 114, 178]}
    assert second["properties"]["classification"] == {"name": "b", "color": [230, 159, 0]}
    assert properties["measurements"] == {
        "Score": 0.5,
        "Area px^2": 8,
        "Area µm^2": 2.0,
        "Mean channel 1": 1.0,
        "Mean channel 2": 1.0,
    }
    ids = [feature["id"] for feature in document["features"]]
    assert [str(uuid.UUID(identity)) for identity in ids] == ids
    assert len(set(ids)) == 2
    assert ids == [feature["id"] for feature in written(LABELS)["features"]]
    assert all(isinstance(x, int) for ring in first["geometry"]["coordinates"] for x, _ in ring)


def test_offset_and_downsample() -> None:
    plain = written(LABELS)["features"]
    placed = written(LABELS, FieldPlacement((1000, 2000.5), 4))["features"]
    for before, after in zip(plain, placed, strict=True):
        x0, y0, x1, y1 = shape(before["geometry"]).bounds
        expected = (1000 + 4 * x0, 2000.5 + 4 * y0, 1000 + 4 * x1, 2000.5 + 4 * y1)
        assert shape(after["geometry"]).bounds == expected
        measured = after["properties"]["measurements"]
        assert measured["Area px^2"] == shape(after["geometry"]).area
        assert measured["Area µm^2"] == before["properties"]["measurements"]["Area µm^2"]


def test_boxes_are_rectangles_and_what_is_unknown_is_left_out() -> None:
    found = Object(1, "a", 0, Box(0.5, 1, 2.25, 3))
    (plain,) = features([found], {}, SOURCE, COLORS.__getitem__)
    assert shape(plain["geometry"]).bounds == (0.5, 1, 2.25, 3)
    assert shape(plain["geometry"]).area == pytest.approx(1.75 * 2)
    assert plain["properties"]["objectType"] == "detection"
    assert plain["properties"]["measurements"] == {"Width µm": 0.875, "Height µm": 1.0}
    assert "plane" not in plain["geometry"]


@pytest.mark.parametrize(
    ("address", "plane"),
    [
        (PlaneAddress(z=3, axes="ZYX"), {"c": -1, "z": 3, "t": 0}),
        (PlaneAddress(z=0, t=2, axes="TZYX"), {"c": -1, "z": 0, "t": 2}),
        (PlaneAddress(page=4, axes="PYX"), {"c": -1, "z": 4, "t": 0}),
        (PlaneAddress(page=1, axes="YX"), None),  # an image of several in the file
        (PlaneAddress(channels=(2,), axes="CYX"), None),
    ],
)
def test_a_plane_is_told_and_makes_other_ids(
    address: PlaneAddress, plane: dict[str, int] | None
) -> None:
    found = Object(1, "a", 0, Box(0, 0, 2, 3), measures=Measures(6, (1, 1.5), (7.0,)))
    (plain,) = features([found], {}, SOURCE, COLORS.__getitem__)
    (there,) = features([found], {}, replace(SOURCE, address=address), COLORS.__getitem__)
    assert there["geometry"].get("plane") == plane
    assert plain["id"] != there["id"]
    channel = 3 if address.channels else 1
    assert there["properties"]["measurements"][f"Mean channel {channel}"] == 7.0


def test_no_objects() -> None:
    assert feature_collection([]) == {"type": "FeatureCollection", "features": []}

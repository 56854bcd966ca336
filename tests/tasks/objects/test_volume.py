"""What a volume is written as: every format tells the same objects in the same planes."""

from __future__ import annotations

import base64
import io
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from roifile import ImagejRoi
from shapely.geometry import shape

from brightfield.cards import ModelCard
from brightfield.images.contours import Polygon
from brightfield.images.objects import ObjectSource, measure
from brightfield.images.plane_address import PlaneAddress
from brightfield.images.rle import encode_labels
from brightfield.tasks.objects.linking import linked
from brightfield.tasks.objects.segmentation import SegmentedObjects
from brightfield.tasks.objects.volume import Volume
from tests.toys.rasterize import rasterize

CARD = ModelCard.model_validate(
    {
        "id": "x", "version": "1", "task": "segment", "licence": "-",
        "architecture": {"name": "-"}, "labels": [{"name": "a"}, {"name": "b"}],
    }
)  # fmt: skip
SOURCE = ObjectSource(50, 40, "0" * 64, "x@1", 0.25, spacing=2.0)
Z, Y, X = np.mgrid[:5, :40, :50]
TRUTH = np.zeros(Z.shape, np.int32)
TRUTH[(9 - abs(Z - 2)) ** 2 > (Y - 12) ** 2 + (X - 10 - Z) ** 2] = 1
TRUTH[((Y - 28) ** 2 + (X - 36 + Z) ** 2 < 64) & (Z > 1)] = 2
TRUTH[2, 27:30, 33:36] = 0


def volume(source: ObjectSource = SOURCE, axis: str = "z", labels: NDArray[Any] = TRUTH) -> Volume:
    def plane(number: int) -> tuple[SegmentedObjects, NDArray[np.uint8]]:
        part = labels[number]
        measured = measure(part, part[..., None], source.pixel_size)
        objects = measured.objects(
            ("a", "b"), measured.labels - 1, [0.5] * len(measured), encode_labels(part)
        )
        address = PlaneAddress(**{axis: number}, t=source.address.t, axes=f"{axis[0].upper()}YX")
        own = replace(source, address=address)
        shown = np.repeat((part > 0)[..., None] * np.uint8(200), 3, axis=2)
        return SegmentedObjects(objects, own, CARD, part, "instance", 1), shown

    return linked(map(plane, range(len(labels))), 0.25)


def drawn(planes: dict[tuple[int, int], Any]) -> NDArray[np.int32]:
    """The labels whose masks are given by object and plane."""
    labels = np.zeros_like(TRUTH)
    for (number, depth), mask in planes.items():
        labels[depth][mask] = number
    return labels


def test_regions_for_imagej_lie_in_their_planes() -> None:
    found = {}
    with zipfile.ZipFile(io.BytesIO(volume().rois())) as file:
        for name in file.namelist():
            region = ImagejRoi.frombytes(file.read(name))
            label, number, depth = region.name.split("-")
            exterior, *holes = region.coordinates(multi=True)
            mask = rasterize({1: [Polygon(exterior, tuple(holes))]}, (40, 50)) > 0
            found[int(number), region.position - 1] = mask
            assert (label, depth) == ("ab"[int(number) - 1], f"z{region.position}")
    np.testing.assert_array_equal(drawn(found), TRUTH)


def test_features_for_qupath_lie_in_their_planes() -> None:
    source = replace(SOURCE, address=PlaneAddress(t=3))
    features = volume(source).geojson()["features"]
    areas = {}
    for feature in features:
        plane, number = feature["geometry"]["plane"], int(feature["properties"]["name"])
        assert (plane["c"], plane["t"]) == (-1, 3)
        areas[number, plane["z"]] = shape(feature["geometry"]).area
    expected = {(n, z): (TRUTH[z] == n).sum() for n in (1, 2) for z in range(5)}
    assert areas == {where: area for where, area in expected.items() if area}
    assert len({feature["id"] for feature in features}) == len(features)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_coco_data_set_has_an_image_for_each_plane() -> None:
    document = volume().coco("stack.tif")
    planes = {image["id"]: image["z"] for image in document["images"]}
    assert [image["file_name"] for image in document["images"]][:2] == [
        "stack.tif#z=0", "stack.tif#z=1",
    ]  # fmt: skip
    masks = {
        (each["category_id"], planes[each["image_id"]]): coco_mask.decode(each["segmentation"]) > 0
        for each in document["annotations"]
    }
    np.testing.assert_array_equal(drawn(masks), TRUTH)


def test_pages_are_planes_too() -> None:
    by_page = volume(axis="page")
    assert {each["geometry"]["plane"]["z"] for each in by_page.geojson()["features"]} == set(
        range(5)
    )
    assert by_page.coco(None)["images"][3]["page"] == 3


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_the_file_and_the_table_have_the_size_of_a_voxel(dtype: str) -> None:
    found = replace(volume(), labels=TRUTH.astype(dtype))
    data = base64.b64decode(found.payload("input")["mask"]["data"])
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert np.array_equal(file.asarray(), found.labels)
        across, whole = file.pages.first.tags["XResolution"].value
        assert across / whole == 4
        assert file.imagej_metadata is not None
        assert (file.imagej_metadata["spacing"], file.imagej_metadata["unit"]) == (2.0, "um")
    table = found.table()
    for row, solid in zip(table.rows, found.objects, strict=True):
        cells = dict(zip(table.columns, row, strict=True))
        assert cells["volume_um3"] == cells["voxels"] * 0.25**2 * 2 == solid.volume_um3
        assert cells["centroid_x_um"] == cells["centroid_x_px"] / 4
        assert cells["centroid_z_um"] == cells["centroid_z"] * 2
        assert solid.json()["volume_um3"] == solid.volume_um3


def test_without_a_spacing_there_is_no_volume() -> None:
    found = volume(replace(SOURCE, spacing=None))
    assert "centroid_x_um" in found.table().columns
    assert not {"volume_um3", "centroid_z_um"} & set(found.table().columns)
    assert "volume_um3" not in found.objects[0].json()


def test_placed_in_a_larger_image() -> None:
    plain, placed = volume(), volume().in_larger((100, 50), 2)
    for before, after in zip(plain.objects, placed.objects, strict=True):
        assert after.edges[:2] == (100 + 2 * before.edges[0], 50 + 2 * before.edges[1])
        assert after.centroid[2] == before.centroid[2]
        assert after.volume_um3 == before.volume_um3
    bounds = [shape(feature["geometry"]).bounds for feature in placed.geojson()["features"]]
    assert min(bound[0] for bound in bounds) == min(found.edges[0] for found in placed.objects)
    assert isinstance(placed.coco(None)["annotations"][0]["segmentation"][0], list)
    assert placed.raster("image").origin == (50, 25)
    cells = dict(zip(placed.table().columns, placed.table().rows[0], strict=True))
    assert cells["centroid_x_um"] == pytest.approx(
        plain.objects[0].centroid[0] * 0.25 + 100 * 0.125
    )


def test_the_montage_shows_every_plane_or_says_how_many() -> None:
    few = volume()
    picture = few.overlay(np.zeros((40, 50, 3), np.uint8), 1.0)
    color = np.array(CARD.color(0))
    columns, rows = 3, 2
    assert picture.shape[1] // columns >= 256 and picture.shape[0] // rows >= 40
    assert (picture == color).all(-1).any() and not few.left_out("overlay")
    many = volume(labels=np.repeat(TRUTH, 30, axis=0))
    assert len(many.previews) == 38 and many.previews[1].number == 4
    assert many.left_out("overlay") == {"planes_left_out": "The picture shows 38 of 150 planes."}

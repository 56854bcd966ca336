"""Label images from maps and masks, and everything that is written from them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import skimage.measure
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from scipy import ndimage

from brightfield.cards import Instances, ModelCard, OutputSpec
from brightfield.errors import NotAcceptable
from brightfield.geometry import Axis, Geometry
from brightfield.images.objects import ObjectSource
from brightfield.images.picture import Picture, Region
from brightfield.images.tiles import Tile
from brightfield.models.architecture import Candidates
from brightfield.outages import ModelFailed
from brightfield.tasks.kinds.dense import Scene
from brightfield.tasks.objects.segmentation import SegmentedObjects
from brightfield.tasks.segment import Segment

RANDOM = np.random.default_rng(0)
SMOOTH = ndimage.gaussian_filter(RANDOM.normal(size=(2, 60, 80)), (0, 3, 3)).astype(np.float32) * 20
PIXELS = RANDOM.integers(0, 4096, (60, 80, 2), np.uint16)


def card(labels: int = 2, **output: Any) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "x", "version": "1", "task": "segment", "licence": "-",
            "architecture": {"name": "-"}, "output": {"activation": "sigmoid", **output},
            "labels": [{"name": "cell", "color": [200, 10, 30]}, {"name": "dirt"}][:labels],
        }
    )  # fmt: skip


def segmented(
    task: Segment, output: Any, model: ModelCard | None = None, region: Region | None = None
) -> SegmentedObjects:
    part = region or Region(0, 0, 80, 60)
    picture = Picture(PIXELS, "0" * 64, "tiff", "YXC", pixel_size=0.5)
    canvas = task.canvas(Scene(model or card(), picture, part, None))
    geometry = Geometry(Axis.of(80, part.x, part.width), Axis.of(60, part.y, part.height))
    canvas.add(output, geometry, Tile(part, part))
    return canvas.result()


MAPS = torch.from_numpy(SMOOTH)[None]


def parts() -> NDArray[Any]:
    classes = np.where(SMOOTH.max(0) >= 0, SMOOTH.argmax(0) + 1, 0)
    found: NDArray[Any] = skimage.measure.label(classes, connectivity=2)
    return found


class TestModes:
    @pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # pycocotools'
    def test_objects_are_measured_as_by_scikit_image(self) -> None:
        found = segmented(Segment(mode="instance"), MAPS)
        truth = parts()
        assert found.labels.max() == truth.max() == len(found.objects)
        for item in found.objects:
            (expected,) = skimage.measure.regionprops((found.labels == item.id).astype(int), PIXELS)
            measures = item.measures
            assert measures is not None and item.rle is not None
            ymin, xmin, ymax, xmax = expected.bbox
            assert list(item.box.json().values()) == [xmin, ymin, xmax, ymax]
            assert (measures.area_px, measures.area_um2) == (expected.area, expected.area / 4)
            assert measures.mean_intensity == pytest.approx(expected.intensity_mean)
            decoded = coco_mask.decode(item.rle.json())
            assert np.array_equal(decoded, found.labels == item.id)

    def test_classes_are_their_pixels(self) -> None:
        found = segmented(Segment(mode="semantic"), MAPS)
        assert np.array_equal(found.labels, np.where(SMOOTH.max(0) >= 0, SMOOTH.argmax(0) + 1, 0))
        assert [(o.id, o.label) for o in found.objects] == [(1, "cell"), (2, "dirt")]
        areas = [entry["area_px"] for entry in found.payload("input")["classes"]]
        assert areas == [int((found.labels == k).sum()) for k in (1, 2)]

    def test_left_out_it_is_what_the_model_is_made_for(self) -> None:
        assert segmented(Segment(), MAPS).mode == "semantic"
        output = OutputSpec(activation="sigmoid", instances=Instances())
        one = card().model_copy(update={"labels": card().labels[:1], "output": output})
        assert segmented(Segment(), MAPS, one).mode == "instance"
        assert segmented(Segment(), masks()).mode == "instance"

    def test_threshold_area_and_classes_choose(self) -> None:
        truth = segmented(Segment(mode="instance"), MAPS)
        large = [o for o in truth.objects if o.measures is not None and o.measures.area_px >= 50]
        found = segmented(Segment(mode="instance", min_area=50), MAPS)
        assert 0 < len(found.objects) == len(large) < len(truth.objects)
        assert [o.id for o in found.objects] == list(range(1, len(large) + 1))
        assert [o.box for o in found.objects] == [o.box for o in large]
        dirt = segmented(Segment(mode="instance", classes=("dirt",)), MAPS)
        assert {o.label for o in dirt.objects} == {"dirt"}
        assert ((dirt.labels > 0) == (segmented(Segment(), MAPS).labels == 2)).all()
        sure = segmented(Segment(threshold=0.8), MAPS)
        assert ((sure.labels > 0) == (SMOOTH.max(0) >= np.log(4))).all()
        assert np.array_equal(segmented(Segment(), MAPS, card(threshold=0.8)).labels, sure.labels)

    def test_a_softmax_needs_no_threshold(self) -> None:
        maps = torch.cat([MAPS, MAPS[:, :1] * 0], 1)  # background first
        found = segmented(Segment(), maps, card(activation="softmax"))
        assert np.array_equal(found.labels, maps[0].argmax(0).numpy())

    def test_a_region_is_labelled_in_the_whole_image(self) -> None:
        region = Region(11, 6, 30, 40)
        found = segmented(Segment(mode="instance"), MAPS[..., 6:46, 11:41], region=region)
        assert found.labels.shape == (60, 80)
        outside = found.labels.copy()
        outside[6:46, 11:41] = 0
        assert not outside.any() and found.labels.any()
        assert min(o.box.xmin for o in found.objects) >= 11


def masks(scores: tuple[float, float] = (0.9, 0.7)) -> Candidates:
    """Two squares that overlap; the first class has the first."""
    boxes = torch.tensor([[[10.0, 10.0, 30.0, 30.0], [20.0, 20.0, 50.0, 50.0]]])
    chances = torch.tensor([[[scores[0], 0.01], [0.01, scores[1]]]])
    full = torch.full((1, 2, 1, 14, 14), 9.0)
    return Candidates(boxes, torch.logit(chances), (boxes[..., :2] + boxes[..., 2:]) / 2, full)


class TestObjectsFirst:
    def test_the_better_one_covers_the_worse(self) -> None:
        found = segmented(Segment(), masks())
        first, second = found.objects
        assert (first.label, second.label, len(found.objects)) == ("cell", "dirt", 2)
        assert (found.labels[12:28, 12:28] == 1).all()
        assert found.labels[40, 40] == 2
        swapped = segmented(Segment(), masks((0.6, 0.8)))
        assert swapped.labels[25, 25] == 1 and swapped.objects[0].label == "dirt"

    def test_objects_need_half_a_chance_unless_it_is_said(self) -> None:
        weak = masks((0.9, 0.3))
        assert len(segmented(Segment(), weak).objects) == 1
        assert len(segmented(Segment(threshold=0.2), weak).objects) == 2
        softmax = card(activation="softmax")
        logits = torch.tensor([[[0.0, 3.0, 0.0], [3.0, 0.0, 0.0]]])  # the second is background
        found = segmented(Segment(), masks()._replace(logits=logits), softmax)
        assert [o.label for o in found.objects] == ["cell"]

    def test_semantic_joins_them_by_class(self) -> None:
        found = segmented(Segment(mode="semantic"), masks())
        assert found.mode == "semantic" and set(np.unique(found.labels)) == {0, 1, 2}

    def test_boxes_without_masks_are_no_segments(self) -> None:
        with pytest.raises(ModelFailed, match="use /detect"):
            segmented(Segment(), masks()._replace(masks=None))


@pytest.mark.parametrize(
    "output", [torch.zeros(1, 1, 60, 80), torch.zeros(1, 5), [torch.zeros(1, 2, 60, 80)]]
)
def test_other_outputs_are_the_models_fault(output: Any) -> None:
    with pytest.raises(ModelFailed):
        segmented(Segment(), output)


def test_values_that_are_no_numbers_are_a_fault_of_the_model() -> None:
    maps = MAPS.clone()
    maps[..., :30, :] = torch.nan
    with pytest.raises(ModelFailed, match="has NaN among its outputs"):
        segmented(Segment(), maps)


class TestFiles:
    def test_masks_are_the_labels(self) -> None:
        found = segmented(Segment(mode="instance"), MAPS)
        mask = found.payload("input")["mask"]
        assert (mask["format"], mask["bits"]) == ("png", 16)
        png = np.asarray(Image.open(io.BytesIO(base64.b64decode(mask["data"]))))
        assert np.array_equal(png, found.labels) and np.array_equal(found.image(), found.labels)
        assert found.raster("image").array.dtype == np.uint16

    def test_outlines_in_json_fill_the_object(self) -> None:
        found = segmented(Segment(mode="instance", outlines=True), MAPS)
        row = max(found.payload("input")["objects"], key=lambda row: row["area_px"])
        rings = [np.array(ring) for polygon in row["outline"] for ring in polygon]
        area = sum(
            np.sum(ring[:, 0] * np.roll(ring[:, 1], -1) - np.roll(ring[:, 0], -1) * ring[:, 1]) / 2
            for ring in rings
        )
        assert area == row["area_px"]
        assert "outline" not in segmented(Segment(), MAPS).payload("input")["objects"][0]

    def test_the_table_has_a_column_per_channel(self) -> None:
        table = segmented(Segment(mode="instance"), MAPS).table()
        assert {"mean_intensity_1", "mean_intensity_2", "area_um2"} <= set(table.columns)

    def test_an_overlay_is_as_opaque_as_it_is_asked_to_be(self) -> None:
        found = segmented(Segment(mode="instance"), MAPS)
        ground = np.full((60, 80, 3), 100, np.uint8)
        full, half = found.overlay(ground, 1.0).astype(int), found.overlay(ground, 0.5).astype(int)
        assert (full[found.labels == 0] == 100).all()
        assert np.abs((half - 100) * 2 - (full - 100)).max() <= 2
        assert (full == (200, 10, 30)).all(axis=2).any()  # an outline in its class's colour

    def test_beyond_65_535_objects_there_are_32_bits_and_no_png(self) -> None:
        labels = np.arange(70_000, dtype=np.int32).reshape(250, 280)
        source = ObjectSource(280, 250, "0" * 64, "x@1")
        found = SegmentedObjects((), source, card(), labels, "instance", 1)
        raster, mask = found.raster("image"), found.payload("input")["mask"]
        assert raster.array.dtype == np.uint32 and raster.array.max() == 69_999
        assert (mask["format"], mask["bits"]) == ("tiff", 32)
        assert np.array_equal(tifffile.imread(io.BytesIO(base64.b64decode(mask["data"]))), labels)
        with pytest.raises(NotAcceptable, match=r"69999 objects .* format=tiff"):
            found.image()

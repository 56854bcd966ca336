"""Detect, segment and superresolve against the real application, over a socket."""

from __future__ import annotations

import asyncio
import copy
import io
import json

import numpy as np
import pytest
from PIL import Image

from brightfield_client import (
    AsyncClient,
    Client,
    InProcess,
    ItemError,
    Segmentation,
    UnprocessableError,
    Volume,
)
from brightfield_client.cli import main

GREY = 128
# pycocotools with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def client(service_url):
    with Client(service_url) as made:
        yield made


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    """On grey a bright ring with a bright island in it, a dark square and a bright bar."""
    y, x = np.mgrid[0:64, 0:80]
    radius = np.hypot(y - 30.5, x - 30.5)
    image = np.full((64, 80), GREY, np.uint8)
    image[(radius < 20) & (radius > 12) | (radius < 5)] = 240
    image[4:20, 60:76] = 10
    image[56:60, 2:70] = 250
    return image


@pytest.fixture(scope="module")
def truth(field) -> np.ndarray:
    measure = pytest.importorskip("skimage.measure")
    return measure.label(field, background=GREY)


@pytest.fixture(scope="module", params=["semantic", "instance"])
def segmentation(request, client, field) -> tuple[Segmentation, dict[str, object]]:
    asked = {"model": "shades", "mode": request.param, "pixel_size": 0.5}
    return client.segment(field, **asked), asked


def test_labels_are_those_of_every_format(client, field, segmentation):
    answer, asked = segmentation
    assert answer.mode == asked["mode"]
    for form in ("npy", "tiff", "png"):
        other = client.segment(field, format=form, **asked).array()
        assert other.dtype == answer.labels.dtype == np.uint16
        np.testing.assert_array_equal(other, answer.labels)


def test_objects_are_the_connected_shapes(client, field, truth):
    answer = client.segment(field, "shades", mode="instance")
    pairs = np.unique(np.stack([answer.labels.ravel(), truth.ravel()]), axis=1).T
    assert len(answer) == len(pairs) - 1 == truth.max() == 4
    assert answer.counts == {"bright": 3, "dark": 1}
    dark = next(found for found in answer if found.label == "dark")
    assert (dark.area_px, dark.centroid, dark.mean_intensity) == (256, (68.0, 12.0), (10.0,))
    assert tuple(dark.box) == (60, 4, 76, 20)
    np.testing.assert_array_equal(answer.mask("dark"), field == 10)
    np.testing.assert_array_equal(answer.mask(dark.id), field == 10)


def test_run_lengths_are_the_masks(segmentation):
    coco = pytest.importorskip("pycocotools.mask")
    answer, _ = segmentation
    for found in answer:
        np.testing.assert_array_equal(coco.decode(dict(found.rle)) > 0, answer.mask(found.id))


def test_polygons_are_the_masks_with_their_holes(segmentation):
    shapely = pytest.importorskip("shapely")
    answer, _ = segmentation
    for found in answer:
        shape = shapely.union_all([shapely.Polygon(p[0], p[1:]) for p in found.polygons])
        assert shape.area == found.area_px
        y, x = np.nonzero(answer.mask(found.id))
        assert shapely.contains_xy(shape, x + 0.5, y + 0.5).all()


@pytest.mark.parametrize("placed", [{}, {"offset": (1024.5, 30), "downsample": 4}])
def test_geojson_is_the_services(client, field, segmentation, placed):
    answer, asked = segmentation
    service = client.segment(field, format="geojson", **asked, **placed)
    assert answer.to_geojson(**placed) == json.loads(service.content)
    boxes = client.detect(field, "boxes")
    service = client.detect(field, "boxes", format="geojson", **placed)
    assert boxes.to_geojson(**placed) == json.loads(service.content)


def test_coco_and_tables_are_the_services(client, field, segmentation, tmp_path):
    answer, asked = segmentation
    assert answer.to_coco() == json.loads(client.segment(field, format="coco", **asked).content)
    saved = answer.save(tmp_path / "cells.csv").read_bytes()
    assert saved == client.segment(field, format="csv", **asked).content
    boxes = client.detect(field, "boxes")
    assert boxes.to_coco() == json.loads(client.detect(field, "boxes", format="coco").content)
    saved = boxes.save(tmp_path / "boxes.csv").read_bytes()
    assert saved == client.detect(field, "boxes", format="csv").content


def test_coco_loads_where_it_is_meant_to(client, field):
    coco = pytest.importorskip("pycocotools.coco")
    answer = client.segment(field, "shades", mode="instance")
    data = coco.COCO()
    data.dataset = answer.to_coco()
    data.createIndex()
    areas = sorted(int(data.annToMask(one).sum()) for one in data.dataset["annotations"])
    assert areas == sorted(found.area_px for found in answer)


def test_what_only_the_service_writes_is_asked_for_again(client, field, tmp_path):
    roifile = pytest.importorskip("roifile")
    answer = client.segment(field, "shades", mode="instance")
    assert len(roifile.roiread(answer.save(tmp_path / "cells.zip"))) == len(answer)
    boxes = client.detect(client.put_image(field), "boxes")
    with Image.open(boxes.save(tmp_path / "boxes.png")) as overlay:
        assert (overlay.mode, overlay.size) == ("RGB", (80, 64))
    (item,) = client.map([field], "segment", model="shades", progress=False)
    assert len(roifile.roiread(item.unwrap().save(tmp_path / "mapped.zip"))) > 0
    first, _ = client.segment([field, field], "shades")
    assert first.to_coco() == client.segment(field, "shades").to_coco()
    with pytest.raises(ValueError, match="format='rois'"):
        copy.deepcopy(item.result).save(tmp_path / "lost.zip")


def test_boxes(client, field):
    answer = client.detect(field, "boxes")
    assert answer.boxes.shape == (len(answer), 4)
    for found in answer:
        x0, y0, x1, y1 = (int(edge) for edge in found.box)
        mean = field[y0:y1, x0:x1].mean() / 255
        logit = 40 * ((mean - 0.75) if found.label == "bright" else (0.25 - mean))
        assert found.score == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-3)
    assert sorted(answer.scores, reverse=True) == answer.scores.tolist()
    assert (len(client.detect(field, "boxes", max_detections=1)), answer.labels[0]) == (1, "dark")
    assert set(client.detect(field, "boxes", classes=["bright"]).labels) == {"bright"}


def test_nothing_found(client, tmp_path):
    grey = np.full((16, 24, 3), GREY, np.uint8)
    boxes, regions = client.detect(grey, "boxes"), client.segment(grey, "shades")
    assert (boxes.boxes.shape, boxes.scores.shape, len(regions)) == ((0, 4), (0,), 0)
    assert not regions.labels.any()
    for answer in (boxes, regions):
        assert answer.to_geojson()["features"] == answer.to_coco()["annotations"] == []
        assert len(answer.save(tmp_path / "none.csv").read_text().splitlines()) == 1


def test_a_stack_is_a_volume(client, field, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    stack = np.stack([field, field, np.full_like(field, GREY), field])
    asked = {"model": "shades", "mode": "instance", "axes": "ZYX", "volume": True}
    answer = client.segment(stack, **asked)
    assert isinstance(answer, Volume)
    np.testing.assert_array_equal(
        answer.labels, client.segment(stack, format="npy", **asked).array()
    )
    np.testing.assert_array_equal(tifffile.imread(answer.save(tmp_path / "v.tif")), answer.labels)
    table = answer.save(tmp_path / "v.csv").read_bytes()
    assert table == client.segment(stack, format="csv", **asked).content
    assert {(solid.zmin, solid.zmax) for solid in answer} == {(0, 2), (3, 4)}
    for solid in answer:
        assert (answer.labels == solid.id).sum() == solid.voxels
    with pytest.raises(UnprocessableError):
        client.segment(stack, "shades")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3), (2, 9, 7)])
def test_enlarged_pixels_keep_their_dtype(client, dtype, shape, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    image = (np.random.default_rng(0).random(shape) * top).astype(dtype)
    axes = {"axes": "CYX"} if shape[0] == 2 else {}
    answer = client.superresolve(image, "twice", pixel_size=3, **axes)
    rows, columns = (1, 2) if axes else (0, 1)
    expected = image.repeat(2, rows).repeat(2, columns)
    assert (answer.pixels.dtype, answer.pixel_size, answer.scale) == (image.dtype, 1.5, 2)
    np.testing.assert_allclose(answer.pixels, expected, atol=1e-6 if dtype == "float32" else 0)
    np.testing.assert_array_equal(np.load(answer.save(tmp_path / "e.npy")), answer.pixels)
    path = answer.save(tmp_path / "e.tif")
    np.testing.assert_array_equal(tifffile.imread(path), answer.pixels)
    again = client.superresolve(path, "twice", **({"page": 0} if axes else {}))
    assert again.pixel_size == pytest.approx(0.75)


def test_a_reference_is_measured_against(client, field):
    large = field.repeat(2, 0).repeat(2, 1)
    noisy = large.copy()
    noisy[::2] ^= 4
    mse = np.mean((noisy.astype(float) - large) ** 2)
    sources = [(field, noisy), (client.put_image(field), noisy), (field, client.put_image(noisy))]
    for image, reference in sources:
        answer = client.superresolve(image, "twice", reference=reference)
        assert answer.psnr == pytest.approx(10 * np.log10(255**2 / mse))
        assert 0.5 < answer.ssim < 1
    same = client.superresolve(field, "twice", reference=large)
    assert np.isnan(same.psnr)
    assert same.ssim == pytest.approx(1)
    assert client.superresolve(field, "twice").psnr is None


def test_batches_jobs_and_maps(client, field, tmp_path):
    batch = client.segment([field, b"no image"], "shades")
    assert [isinstance(item, ItemError) for item in batch] == [False, True]
    job = client.submit("superresolve", field, model="twice")
    np.testing.assert_array_equal(job.result().pixels, field.repeat(2, 0).repeat(2, 1))
    path = tmp_path / "field.png"
    Image.fromarray(field).save(path)
    for _ in range(2):  # the second time from the journal
        (item,) = client.map(
            [path], "segment", model="shades", resume=tmp_path / "done.jsonl", progress=False
        )
        np.testing.assert_array_equal(item.result.labels, batch[0].labels)
    stack = np.stack([field, field])
    (item,) = client.map([stack], "segment", model="shades", volume=True, axes="ZYX")
    assert isinstance(item.result, Volume)


class TestExplanations:
    """The toys' logits are 40 times the mean of a cell, or of a pixel, so gradients are known."""

    CELL = (64, 8, 72, 16)  # in the dark square

    def test_of_a_box(self, client, field):
        answer = client.saliency(field, "boxes", box=self.CELL, space="image")
        assert (answer.target.label, answer.method) == ("dark", "gradient")
        assert answer.target.facts["iou"] == 1
        expected = np.zeros((64, 80))
        expected[8:16, 64:72] = 40 / 64 / 3
        np.testing.assert_allclose(answer.map, expected, rtol=1e-5)
        found = client.detect(field, "boxes").objects
        (number,) = [one.id for one in found if tuple(one.box) == self.CELL]
        same = client.saliency(field, "boxes", object=number, space="image")
        np.testing.assert_array_equal(same.map, answer.map)

    def test_of_pixels(self, client, field):
        answer = client.saliency(
            field, "shades", within=(10, 20, 30, 10), target="bright", space="image"
        )
        expected = np.zeros((64, 80))
        expected[20:30, 10:40] = 40 / 300 / 3
        np.testing.assert_allclose(answer.map, expected, rtol=1e-5)
        assert answer.target.facts["pixels"] == 300
        corners = ((10, 20), (40, 20), (40, 30), (10, 30))
        same = client.saliency(
            field, "shades", within=corners, target="bright", space="image", format="npy"
        )
        np.testing.assert_allclose(same.array(), expected, rtol=1e-5)
        island = client.saliency(field, "shades", point=(30.5, 30.5))
        assert island.target.facts["pixels"] == int((field[25:37, 25:37] == 240).sum())

    def test_by_hiding(self, client, field):
        answer = client.occlusion(
            field, "boxes", box=self.CELL, window=8, stride=8, baseline="grey"
        )
        assert answer.facts["output"] == "similarity"
        assert answer.base[0] == pytest.approx(answer.scores.max())
        gone = answer.scores[0].argmin()
        row, column = np.unravel_index(gone, answer.scores[0].shape)
        assert (row, column) == (1, 8)

    def test_of_a_reference(self, client, field):
        other = np.roll(field, 7, axis=1)
        answer = client.saliency(field, "shades", reference=other, reference_layer="logits")
        same = client.saliency(field, "shades", reference=field, reference_layer="logits")
        assert (same.score, answer.target.label) == (pytest.approx(1), "reference")
        stored = client.put_image(other)
        again = client.saliency(field, "shades", reference=stored, reference_layer="logits")
        assert again.score == answer.score
        assert again.target.facts["layer"] == "logits"
        with pytest.raises(ValueError, match="belongs to a single image"):
            client.saliency([field, field], "shades", reference=other)

    def test_of_nothing(self, client, field):
        grey = np.full((64, 80), GREY, np.uint8)
        with pytest.raises(UnprocessableError, match="finds nothing in the image") as raised:
            client.saliency(grey, "boxes")
        assert raised.value.code == "unknown_target"
        with pytest.raises(UnprocessableError, match="box belongs to models"):
            client.saliency(field, "imagenet-lite0", box=self.CELL)

    def test_methods_are_named_where_there_are_scores(self, client):
        every = client.model("imagenet-lite0").raw["methods"]
        assert "gradient" in every
        for name, known in (("boxes", every), ("shades", every), ("twice", [])):
            assert client.model(name).raw["methods"] == known

    def test_from_the_command_line(self, service_url, field, tmp_path, monkeypatch):
        monkeypatch.setenv("BRIGHTFIELD_URL", service_url)
        monkeypatch.chdir(tmp_path)
        Image.fromarray(field).save("field.png")
        asked = ["explain", "field.png", "--model", "boxes", "--box", "64,8,72,16"]
        assert main([*asked, "--out", "map.npy", "--target", "dark"]) == 0
        assert np.load("map.npy")[8:16, 64:72] == pytest.approx(40 / 64 / 3)
        assert main([*asked, "--out", "o.json", "--method", "occlusion"]) == 0
        assert json.loads((tmp_path / "o.json").read_text())["result"]["output"] == "similarity"
        asked = ["explain", "field.png", "--model", "shades", "--out", "m.npy"]
        assert main([*asked, "--within", "10,20,30,10", "--target", "dark"]) == 0
        assert main([*asked, "--point", "30.5,30.5"]) == 0
        assert main([*asked, "--object", "1", "--set", "mask=grabcut"]) == 0
        layer = "reference_layer=logits"
        assert main([*asked, "--reference", "field.png", "--set", layer]) == 0


def test_asyncio_gives_the_same(service_url, client, field):
    async def ask():
        async with AsyncClient(service_url) as made:
            return await asyncio.gather(
                made.detect(field, "boxes"),
                made.segment(field, "shades"),
                made.superresolve(field, "twice"),
            )

    boxes, regions, large = asyncio.run(ask())
    assert boxes.objects == client.detect(field, "boxes").objects
    np.testing.assert_array_equal(regions.labels, client.segment(field, "shades").labels)
    np.testing.assert_array_equal(large.pixels, client.superresolve(field, "twice").pixels)


def test_the_commands(service_url, field, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BRIGHTFIELD_URL", service_url)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(field).save("field.png")
    assert main(["detect", "field.png", "--model", "boxes", "--out", "o", "--format", "csv"]) == 0
    assert main(["segment", "field.png", "--model", "shades", "--out", "o"]) == 0
    assert main(["superresolve", "field.png", "--model", "twice", "--out", "o"]) == 0
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "field.csv",
        "field.png",
        "field.tif",
        "manifest.csv",
    ]
    with Image.open("o/field.png") as large:
        np.testing.assert_array_equal(np.asarray(large), field.repeat(2, 0).repeat(2, 1))


def test_without_a_socket(toys, field, tmp_path):
    create_app = pytest.importorskip("brightfield.api.app").create_app
    settings = pytest.importorskip("brightfield.settings").Settings
    made = settings(
        data=tmp_path, device="cpu", models=str(toys), trust_model_code=True, preload=False
    )
    with Client("http://localhost", transport=InProcess(create_app(made))) as client:
        answer = client.segment(io.BytesIO(_png(field)), "shades", mode="instance")
        assert len(answer) == 4


def _png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()

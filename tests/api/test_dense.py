"""/detect, /segment and /superresolve over HTTP, on networks that say what is bright."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx2
import numpy as np
import pytest
import roifile
import skimage.data
import tifffile
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from starlette.testclient import TestClient

from brightfield.api.app import create_app
from brightfield.images.contours import Polygon
from tests.toys.rasterize import rasterize

from ..toys import dense_cards
from .conftest import NOT_DENSE, npy, png

ENDPOINTS = ("detect?model=cells-4", "segment?model=bright", "superresolve?model=smooth-x2")


@pytest.fixture(scope="module")
def lab_app(settings_of: Any, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("models")
    dense_cards.write(folder)
    return create_app(
        settings_of(models=str(folder), trust_model_code=True, preload=False, threads=1)
    )


@pytest.fixture(scope="module")
def lab(lab_app: FastAPI) -> Iterator[TestClient]:
    with TestClient(lab_app, raise_server_exceptions=False) as client:
        yield client


def rings() -> NDArray[np.uint8]:
    """Four bright objects: a ring, what lies in its hole, a disc, and corners that touch."""
    image = Image.new("L", (90, 70))
    draw = ImageDraw.Draw(image)
    draw.ellipse((8, 8, 40, 40), fill=255)
    draw.ellipse((15, 15, 33, 33), fill=0)
    draw.rectangle((21, 21, 26, 26), fill=255)
    draw.ellipse((50, 30, 80, 60), fill=255)
    draw.rectangle((5, 50, 14, 59), fill=255)
    draw.rectangle((15, 60, 24, 66), fill=255)
    return np.asarray(image)


RINGS = png(rings())
OBJECTS = "/segment?model=bright&mode=instance"


def labels_of(lab: TestClient, query: str = "", body: bytes = RINGS) -> NDArray[Any]:
    reply = lab.post(f"{OBJECTS}&format=npy{query}", content=body)
    assert reply.status_code == 200, reply.text
    found: NDArray[Any] = np.load(io.BytesIO(reply.content))
    return found


class TestFormatsOfSegments:
    def test_png_tiff_and_npy_are_one_label_image(self, lab: TestClient) -> None:
        labels = labels_of(lab)
        assert labels.dtype == np.uint16 and labels.max() == 4
        tiff = lab.post(f"{OBJECTS}&format=tiff&pixel_size=0.25", content=RINGS)
        assert tiff.headers["content-type"] == "image/tiff"
        with tifffile.TiffFile(io.BytesIO(tiff.content)) as file:
            assert np.array_equal(file.asarray(), labels)
            numerator, denominator = file.pages[0].tags["XResolution"].value
            assert numerator / denominator == pytest.approx(4)
        picture = lab.post(f"{OBJECTS}&format=png", content=RINGS)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture.content))), labels)

    def test_geojson_fills_the_same_pixels(self, lab: TestClient) -> None:
        labels = labels_of(lab)
        reply = lab.post(f"{OBJECTS}&format=geojson", content=RINGS)
        assert reply.headers["content-type"] == "application/geo+json"
        outlines: dict[int, list[Polygon]] = {}
        for feature in reply.json()["features"]:
            assert feature["properties"]["classification"] == {
                "name": "bright", "color": [10, 200, 30],
            }  # fmt: skip
            geometry = feature["geometry"]
            several = geometry["coordinates"]
            several = [several] if geometry["type"] == "Polygon" else several
            outlines[int(feature["properties"]["name"])] = [
                Polygon(np.array(ring[0][:-1]), tuple(np.array(hole[:-1]) for hole in ring[1:]))
                for ring in several
            ]
        assert np.array_equal(rasterize(outlines, labels.shape), labels)

    def test_geojson_is_placed_in_a_slide(self, lab: TestClient) -> None:
        def corners(query: str) -> NDArray[Any]:
            reply = lab.post(f"{OBJECTS}&format=geojson{query}", content=RINGS).json()
            (feature,) = [f for f in reply["features"] if f["properties"]["name"] == "3"]
            return np.array(feature["geometry"]["coordinates"][-1])

        plain, placed = corners(""), corners("&offset=1000,2000.5&downsample=4")
        assert np.allclose(placed, plain * 4 + (1000, 2000.5))
        wrong = lab.post(f"{OBJECTS}&format=geojson&downsample=0", content=RINGS)
        assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_parameter")

    def test_rois_open_in_roifile(self, lab: TestClient) -> None:
        reply = lab.post(f"{OBJECTS}&format=rois", content=RINGS)
        with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
            found = [roifile.ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()]
        assert len(found) == 4
        disc = next(roi for roi in found if roi.left == 50)
        assert (disc.top, disc.right, disc.bottom) == (30, 81, 61)

    def test_csv_has_a_row_per_object(self, lab: TestClient) -> None:
        reply = lab.post(f"{OBJECTS}&format=csv&pixel_size=0.5", content=RINGS)
        rows = list(csv.DictReader(io.StringIO(reply.text)))
        areas = np.bincount(labels_of(lab).ravel())[1:]
        assert [int(row["area_px"]) for row in rows] == areas.tolist()
        assert [float(row["area_um2"]) for row in rows] == (areas / 4).tolist()
        assert {row["mean_intensity"] for row in rows} == {"255.0"}

    def test_coco_and_json_tell_the_same_objects(self, lab: TestClient) -> None:
        coco = lab.post(f"{OBJECTS}&format=coco", content=RINGS).json()
        own = lab.post(OBJECTS, content=RINGS).json()["result"]["objects"]
        assert [a["segmentation"] for a in coco["annotations"]] == [o["rle"] for o in own]
        assert [a["area"] for a in coco["annotations"]] == [o["area_px"] for o in own]

    @pytest.mark.parametrize("endpoint", ["segment?model=bright", "detect?model=bright"])
    def test_overlays_have_the_images_size(self, lab: TestClient, endpoint: str) -> None:
        reply = lab.post(f"/{endpoint}&format=overlay", content=RINGS)
        assert Image.open(io.BytesIO(reply.content)).size == (90, 70)
        assert reply.headers["x-model"] == "bright@1"

    def test_a_batch_is_a_zip(self, lab: TestClient) -> None:
        images = {"a.png": RINGS, "no.png": b"nothing", "b.png": png(rings()[::-1])}
        files = [("file", each) for each in images.items()]
        reply = lab.post(f"{OBJECTS}&format=tiff", files=files)
        assert reply.status_code == 207
        with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
            assert sorted(archive.namelist()) == ["a.tif", "b.tif", "envelopes.json"]
            items = json.loads(archive.read("envelopes.json"))["items"]
            turned = tifffile.imread(io.BytesIO(archive.read("b.tif")))
        assert [item.get("error", {}).get("status") for item in items] == [None, 415, None]
        assert np.array_equal(turned > 0, labels_of(lab)[::-1] > 0)

    def test_other_formats_are_406(self, lab: TestClient) -> None:
        refused = lab.post("/detect?model=bright&format=tiff", content=RINGS)
        assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")
        assert "geojson" in refused.json()["detail"]
        volume = lab.post(f"{OBJECTS}&volume=true&format=png", content=RINGS)
        assert volume.status_code == 406

    @pytest.mark.slow
    def test_more_objects_than_a_png_holds(self, lab: TestClient) -> None:
        dots = np.zeros((1030, 1030), np.uint8)
        dots[::4, ::4] = 255
        assert (count := int((dots > 0).sum())) > 65_535
        labels = labels_of(lab, body=png(dots))
        assert (labels.dtype, labels.max()) == (np.uint32, count)
        tiff = lab.post(f"{OBJECTS}&format=tiff", content=png(dots))
        assert np.array_equal(tifffile.imread(io.BytesIO(tiff.content)), labels)
        refused = lab.post(f"{OBJECTS}&format=png", content=png(dots))
        assert refused.status_code == 406
        assert "format=tiff" in refused.json()["detail"]


class TestVolumes:
    STACK = np.stack([rings(), np.roll(rings(), 1, axis=1), np.zeros_like(rings())])

    def test_a_tiff_answers_a_stack(self, lab: TestClient) -> None:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, self.STACK, imagej=True, metadata={"axes": "ZYX"})
        reply = lab.post(f"{OBJECTS}&volume=true&format=tiff", content=buffer.getvalue())
        assert (reply.status_code, reply.headers["content-type"]) == (200, "image/tiff")
        with tifffile.TiffFile(io.BytesIO(reply.content)) as file:
            assert file.series[0].axes == "ZYX"
            volume = file.asarray()
        assert np.array_equal(volume > 0, self.STACK > 0) and volume.max() == 4
        document = lab.post(f"{OBJECTS}&volume=true", content=buffer.getvalue()).json()
        assert document["image"]["tiles"] == 3
        assert [found["box"]["zmax"] for found in document["result"]["objects"]] == [2] * 4

    def test_axes_that_stay_open_are_422(self, lab: TestClient) -> None:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, self.STACK[None].repeat(2, 0), imagej=True,
                         metadata={"axes": "TZYX"})  # fmt: skip
        refused = lab.post(f"{OBJECTS}&volume=true", content=buffer.getvalue())
        assert (refused.status_code, refused.json()["code"]) == (422, "ambiguous_axes")
        assert [error["location"] for error in refused.json()["errors"]] == ["t"]
        unnamed = lab.post(f"{OBJECTS}&volume=true", content=npy(self.STACK))
        assert (unnamed.status_code, unnamed.json()["code"]) == (422, "ambiguous_axes")


class TestSuperresolve:
    CUP = skimage.data.coffee()[:80, :100]

    def test_the_image_itself_is_the_default(self, lab: TestClient) -> None:
        reply = lab.post("/superresolve?model=repeat-x2", content=png(self.CUP))
        assert reply.headers["content-type"] == "image/png"
        found = np.asarray(Image.open(io.BytesIO(reply.content)))
        assert np.array_equal(found, self.CUP.repeat(2, 0).repeat(2, 1))
        asked = lab.post(
            "/superresolve?model=repeat-x2", content=png(self.CUP),
            headers={"Accept": "application/json"},
        ).json()  # fmt: skip
        assert (asked["result"]["scale"], asked["result"]["image"]["width"]) == (2, 200)

    @pytest.mark.parametrize("form", ["multipart", "json", "stored"])
    def test_a_reference_is_compared(self, lab: TestClient, form: str) -> None:
        small, large = png(self.CUP[::2, ::2]), png(self.CUP)
        query = "/superresolve?model=smooth-x2&format=json"
        if form == "multipart":
            reply = lab.post(query, files={"file": small, "reference": large})
        elif form == "json":
            reply = lab.post(query, json={"image": _base64(small), "reference": _base64(large)})
        else:
            stored = lab.put("/images", content=large).json()["id"]
            reply = lab.post(f"{query}&reference={stored}", content=small)
        result = reply.json()["result"]
        image = lab.post("/superresolve?model=smooth-x2", content=small).content
        found = np.asarray(Image.open(io.BytesIO(image))).astype(float)
        truth = self.CUP.astype(float)
        assert result["psnr"] == pytest.approx(
            peak_signal_noise_ratio(truth, found, data_range=255), abs=1e-9
        )
        expected = structural_similarity(
            truth, found, data_range=255, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, channel_axis=2,
        )  # fmt: skip
        assert result["ssim"] == pytest.approx(expected, abs=1e-9)

    def test_an_image_carries_the_numbers_as_headers(self, lab: TestClient) -> None:
        wide = png(self.CUP.repeat(2, 0).repeat(2, 1))
        files = {"file": png(self.CUP), "reference": wide}
        reply = lab.post("/superresolve?model=repeat-x2", files=files)
        assert reply.headers["content-type"] == "image/png"
        assert (reply.headers["x-psnr"], reply.headers["x-ssim"]) == ("inf", "1")
        document = lab.post("/superresolve?model=repeat-x2&format=json", files=files).json()
        assert document["result"]["psnr"] is None
        assert document["result"]["ssim"] == pytest.approx(1)

    def test_wrong_references(self, lab: TestClient) -> None:
        body, query = png(self.CUP), "/superresolve?model=repeat-x2"
        for files, status, code in (
            ([("file", body), ("reference", body)], 422, "invalid_parameter"),
            ([("file", body), ("reference", b"x")], 415, "unknown_format"),
            ([("file", body), ("reference", b"")], 400, "empty_body"),
            ([("file", body), ("reference", body), ("reference", body)], 422, None),
            ([("file", body), ("file", body), ("reference", body)], 422, "invalid_parameter"),
            ([("reference", body)], 400, "empty_body"),
            ([("file", body), ("referense", body)], 422, "unknown_parameter"),
        ):
            refused = lab.post(query, files=files)
            assert refused.status_code == status, refused.text
            assert code is None or refused.json()["code"] == code
        missing = f"{query}&reference=sha256:{'0' * 64}"
        assert lab.post(missing, content=body).json()["code"] == "image_expired"
        twice = lab.post(missing, files=[("file", body), ("reference", body)])
        assert (twice.status_code, twice.json()["code"]) == (422, "conflicting_parameter")
        elsewhere = lab.post("/detect?model=bright", files={"file": body, "reference": body})
        assert elsewhere.json()["code"] == "unknown_parameter"

    def test_channels_are_enlarged_one_by_one(self, lab: TestClient) -> None:
        cube = np.random.default_rng(0).random((5, 30, 40)).astype(np.float32)
        reply = lab.post("/superresolve?model=repeat-x2&axes=CYX", content=npy(cube))
        assert reply.headers["content-type"] == "image/tiff"
        found = tifffile.imread(io.BytesIO(reply.content))
        assert (found.shape, found.dtype) == ((5, 60, 80), np.float32)
        low = np.percentile(cube, 1, axis=(1, 2), keepdims=True)
        # Noise isn't stretched: its greatest values are below the limit.
        assert np.allclose(found, np.maximum(cube, low).repeat(2, 1).repeat(2, 2), atol=1e-6)
        refused = lab.post("/superresolve?model=repeat-x2&axes=CYX&format=png", content=npy(cube))
        assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")


def _base64(data: bytes) -> dict[str, str]:
    import base64

    return {"data": base64.b64encode(data).decode()}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 50, 3), np.uint8),
        np.full((40, 50), 255, np.uint8),
        np.full((40, 50), 700, np.uint16),
        np.full((1, 1, 3), 200, np.uint8),
        np.full((1, 1), 0.5, np.float32),
        np.full((3, 10_000), 130, np.uint8),
        np.full((10_000, 3), 130, np.uint8),
        np.full((20, 30), np.nan, np.float32),
        np.where(np.eye(30) > 0, np.nan, 0.25).astype(np.float32),
        np.where(np.eye(30) > 0, np.inf, 0.25),
    ],
    ids=lambda image: f"{image.dtype}-{'x'.join(map(str, image.shape))}-{image.flat[0]}",
)
def test_odd_images_are_answered(lab: TestClient, endpoint: str, image: NDArray[Any]) -> None:
    reply = lab.post(f"/{endpoint}&format=json", content=npy(image))
    assert reply.status_code == 200, reply.text
    document = reply.json()
    assert (document["image"]["width"], document["image"]["height"]) == image.shape[1::-1]
    codes = {warning["code"] for warning in document["warnings"]}
    assert ("non_finite_pixels" in codes) == bool(np.isnan(image).any() or np.isinf(image).any())
    if endpoint.startswith("segment"):
        assert (document["result"]["mask"]["bits"], document["task"]) == (16, "segment")
    if endpoint.startswith("superresolve"):
        assert document["result"]["image"]["width"] == 2 * image.shape[1]


def test_one_pixel_is_an_object(lab: TestClient) -> None:
    image = np.zeros((9, 9), np.uint8)
    image[4, 7] = 255
    (found,) = lab.post(OBJECTS, content=png(image)).json()["result"]["objects"]
    assert found["box"] == {"xmin": 7, "ymin": 4, "xmax": 8, "ymax": 5}
    assert (found["area_px"], found["centroid"]) == (1, {"x": 7.5, "y": 4.5})
    for form in ("geojson", "rois", "coco", "csv", "overlay", "png", "tiff", "npy"):
        assert lab.post(f"{OBJECTS}&format={form}", content=png(image)).status_code == 200


@pytest.mark.parametrize("form", ["geojson", "rois", "coco", "csv", "overlay", "json"])
@pytest.mark.parametrize("endpoint", ["segment?model=bright", "detect?model=cells-4&threshold=1"])
def test_no_object_is_an_answer_in_every_format(lab: TestClient, endpoint: str, form: str) -> None:
    reply = lab.post(f"/{endpoint}&format={form}", content=png(np.zeros((20, 30), np.uint8)))
    assert reply.status_code == 200
    if form == "geojson":
        assert reply.json()["features"] == []


@pytest.mark.parametrize("endpoint", ENDPOINTS[:2])
def test_five_channels_are_asked_for(lab: TestClient, endpoint: str) -> None:
    cube = npy(np.random.default_rng(0).random((5, 20, 30)).astype(np.float32))
    refused = lab.post(f"/{endpoint}&axes=CYX", content=cube)
    assert (refused.status_code, refused.json()["code"]) == (422, "unfit_image")
    assert "channels=0,1,2" in refused.json()["detail"]
    assert lab.post(f"/{endpoint}&axes=CYX&channels=4", content=cube).status_code == 200


class TestLongWork:
    FIELD = png(np.zeros((400, 400), np.uint8))
    TILED = "/segment?model=bright&tile=40"

    def test_a_job_counts_its_tiles(self, lab: TestClient) -> None:
        made = lab.post(self.TILED, content=self.FIELD, headers={"Prefer": "respond-async"})
        assert made.status_code == 202
        told = lab.get(f"{made.headers['location']}/events").text
        data = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: ")]
        counted = [numbers for numbers in data if set(numbers) == {"done", "total"}]
        assert counted[-1] == {"done": 100, "total": 100}
        assert lab.get(made.headers["location"]).json()["progress"] == {"done": 100, "total": 100}
        result = lab.get(f"{made.headers['location']}/result").json()
        assert (result["task"], result["image"]["tiles"]) == ("segment", 100)

    def test_cancelling_a_job_ends_it_between_two_tiles(
        self, lab: TestClient, lab_app: FastAPI
    ) -> None:
        with Slow(lab_app, "bright") as slow:
            made = lab.post(self.TILED, content=self.FIELD, headers={"Prefer": "respond-async"})
            slow.until(3)
            lab.delete(made.headers["location"])
            slow.until_still()
            assert slow.passes < 50
        assert lab.get(made.headers["location"]).json()["state"] == "cancelled"

    def test_other_requests_are_answered_meanwhile_and_a_client_may_leave(
        self, lab: TestClient, lab_app: FastAPI
    ) -> None:
        async def scenario(slow: Slow) -> int:
            transport = httpx2.ASGITransport(app=lab_app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as web:
                field = asyncio.create_task(web.post(self.TILED, content=self.FIELD))
                await asyncio.to_thread(slow.until, 3)
                answers = [await web.post("/segment?model=levels", content=RINGS) for _ in range(3)]
                assert [reply.status_code for reply in answers] == [200] * 3
                during = slow.passes
                assert not field.done()
                field.cancel()
                await asyncio.gather(field, return_exceptions=True)
                return during

        assert lab.post("/segment?model=levels", content=RINGS).status_code == 200  # it is loaded
        with Slow(lab_app, "bright") as slow:
            during = asyncio.run(scenario(slow))
            slow.until_still()
            assert slow.passes <= during + 20 < 100


class Slow:
    """While it is open, each pass of a model takes a moment, and passes are counted."""

    def __init__(self, app: FastAPI, model: str) -> None:
        self._engine, self._model = app.state.engine, model
        self.passes = 0

    def __enter__(self) -> Slow:
        self._engine.registry.load(self._model).result()
        module = self._engine.registry.resident(self._model).module
        self._hook = module.register_forward_hook(self._pass)
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _pass(self, *_: Any) -> None:
        self.passes += 1
        time.sleep(0.02)

    def until(self, passes: int) -> None:
        deadline = time.monotonic() + 60
        while self.passes < passes:
            assert time.monotonic() < deadline, "nothing is forwarded"
            time.sleep(0.005)

    def until_still(self) -> None:
        """No pass for ten times as long as one takes."""
        before = -1
        while before != self.passes:
            before = self.passes
            time.sleep(0.3)


def test_the_model_is_chosen_by_scale(settings_of: Any, lab_app: FastAPI) -> None:
    models = lab_app.state.settings.models
    defaults = NOT_DENSE.replace("superresolve=imagenet-lite0", "superresolve=repeat-x2")
    settings = settings_of(
        models=models, trust_model_code=True, preload=False, default_models=defaults
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        body = png(np.zeros((4, 5), np.uint8))
        assert (
            client.post("/superresolve?scale=3", content=body).headers["x-model"] == "repeat-x3@1"
        )
        refused = client.post("/superresolve?scale=9", content=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_parameter")
        named = client.post("/superresolve?scale=3&model=repeat-x2", content=body)
        assert named.status_code == 422 and "not 3 times" in named.json()["detail"]

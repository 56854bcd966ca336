"""Every format uses a parameter of the reply or refuses it, and all agree where objects lie.

Formats and parameters come from the catalog, so a new one is covered: it fails here until it says
where its objects are.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile
from numpy.typing import NDArray
from starlette.testclient import TestClient

from brightfield import tasks
from brightfield.api.app import create_app
from brightfield.api.writing.formats import Reply
from brightfield.tasks.segment import Segment

from ...toys import dense_cards
from ..conftest import png

GIVEN = {"space": "input", "alpha": "0.3", "offset": "1000,2000.5", "downsample": "4",
         "legend": "true", "zoom": "true"}  # fmt: skip
PIXELS = np.zeros((60, 80), np.uint8)
PIXELS[10:25, 8:30], PIXELS[35:52, 40:71] = 255, 255
IMAGE = png(np.stack([PIXELS] * 3, axis=2))
_FILE = io.BytesIO()
tifffile.imwrite(_FILE, np.stack([PIXELS, PIXELS]), imagej=True, metadata={"axes": "ZYX"})
STACK = _FILE.getvalue()

FORMATS: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    "detect?model=cells-4": ("detect", IMAGE, tasks.Detect().formats),
    "segment?model=bright&mode=instance": ("segment", IMAGE, Segment().formats),
    "segment?model=bright&mode=instance&volume=true": (
        "segment", STACK, Segment(volume=True).formats,
    ),
    "superresolve?model=smooth-x2": ("superresolve", IMAGE, tasks.Superresolve().formats),
}  # fmt: skip
ASKED = [
    pytest.param(query, data, form, id=f"{query}&format={form}")
    for query, (_, data, formats) in FORMATS.items()
    for form in formats
]


@pytest.fixture(scope="module")
def lab(settings_of: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("models")
    dense_cards.write(folder)
    app = create_app(
        settings_of(models=str(folder), trust_model_code=True, preload=False, threads=1)
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


Edges = NDArray[np.float64]


def _json(data: bytes) -> list[list[float]]:
    boxes = [found["box"] for found in json.loads(data)["result"]["objects"]]
    return [[box[name] for name in ("xmin", "ymin", "xmax", "ymax")] for box in boxes]


def _csv(data: bytes) -> list[list[float]]:
    rows = csv.DictReader(io.StringIO(data.decode()))
    return [[float(row[name]) for name in ("xmin", "ymin", "xmax", "ymax")] for row in rows]


def _points(nested: Any) -> NDArray[np.float64]:
    if isinstance(nested[0], int | float):
        return np.array([nested], np.float64)
    return np.concatenate([_points(part) for part in nested])


def _around(points: NDArray[np.float64]) -> list[float]:
    return [*points.min(axis=0), *points.max(axis=0)]


def _geojson(data: bytes) -> list[list[float]]:
    features = json.loads(data)["features"]
    return [_around(_points(each["geometry"]["coordinates"])) for each in features]


def _coco(data: bytes) -> list[list[float]]:
    boxes = [each["bbox"] for each in json.loads(data)["annotations"]]
    return [[x, y, x + width, y + height] for x, y, width, height in boxes]


def _rois(data: bytes) -> list[list[float]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = [roifile.ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()]
    return [_around(np.asarray(roi.coordinates(), np.float64)) for roi in found]


def _tiff(data: bytes) -> list[list[float]]:
    """The corner of the label image, which ImageJ keeps in its own pixels."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        known = file.imagej_metadata or {}
    corner = [-float(known.get(name, 0)) for name in ("xorigin", "yorigin")]
    return [[*corner, *corner]]


READERS: dict[str, Callable[[bytes], list[list[float]]]] = {
    "json": _json, "csv": _csv, "geojson": _geojson, "coco": _coco, "rois": _rois, "tiff": _tiff,
}  # fmt: skip


def edges(form: str, data: bytes) -> Edges:
    """Left, top, right and bottom of each object."""
    return np.array(READERS[form](data), np.float64)


@pytest.mark.parametrize(("query", "data", "form"), ASKED)
def test_what_a_format_accepts_changes_its_answer(
    lab: TestClient, query: str, data: bytes, form: str
) -> None:
    assert set(GIVEN) == set(Reply.model_fields) - {"format"}
    plain = lab.post(f"/{query}&format={form}", content=data)
    assert plain.status_code == 200, plain.text
    for name, value in GIVEN.items():
        reply = lab.post(f"/{query}&format={form}&{name}={value}", content=data)
        if reply.status_code == 422:
            assert reply.json()["errors"][0]["location"] == name
        else:
            assert reply.status_code == 200 and _own(reply.content) != _own(plain.content), name


def _own(content: bytes) -> Any:
    """Without what is new in every reply."""
    document = json.loads(content) if content[:1] == b"{" else None
    return content if document is None else document.get("result", document)


@pytest.mark.parametrize(("query", "data", "form"), ASKED)
def test_all_formats_place_objects_alike(
    lab: TestClient, query: str, data: bytes, form: str
) -> None:
    placed = lab.post(
        f"/{query}&format={form}&offset=1000,2000.5&downsample=4", content=data
    )  # fmt: skip
    if placed.status_code == 422:
        return
    plain = lab.post(f"/{query}&format=json", content=data).content
    wanted = edges("json", plain) * 4 + [1000, 2000.5, 1000, 2000.5]
    if form == "tiff":
        wanted = np.array([[250, 500.125, 250, 500.125]])
    apart = np.abs(edges(form, placed.content)[:, None] - wanted[None]).max(axis=2)
    assert max(apart.min(axis=0).max(), apart.min(axis=1).max()) < 1  # ImageJ counts whole pixels

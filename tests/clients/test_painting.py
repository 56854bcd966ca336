"""One painter: the client's pictures of maps are the service's, pixel for pixel."""

from __future__ import annotations

import base64
import copy
import io
import json
import re
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from brightfield.explain.maps.occlusion_map import OcclusionMap
from brightfield.explain.maps.rise_map import RiseMap
from brightfield.explain.maps.saliency_map import SaliencyMap
from brightfield.geometry import Axis, Geometry
from brightfield.images.windows import window_grid
from brightfield.targets import Target
from brightfield_client import Client, Occlusion, Saliency
from brightfield_client.calls import _parameters
from brightfield_painting import display

CAT = skimage.data.chelsea()[20:180, 60:260]
DEEP = (skimage.data.camera()[100:260, 100:300].astype(np.uint16) + 3) * 150
PICTURES = {"colour": CAT, "grey": CAT[..., 1], "deep": DEEP, "floats": DEEP / np.float32(7)}
MODEL = {"model": "imagenet-lite0"}
CHEAP: dict[str, dict[str, Any]] = {
    "integrated_gradients": {"steps": 3},
    "smoothgrad": {"samples": 3},
    "rise": {"masks": 30},
    "occlusion": {"window": 96, "stride": 64},
}
REGION = (17, 11, 150, 121)


def methods(endpoint: str) -> list[str]:
    annotation = getattr(_parameters, f"{endpoint.capitalize()}Parameters").__annotations__
    return re.findall("[a-z]+(?:_[a-z]+)*(?=')", annotation["method"].__forward_arg__)


CASES = [(endpoint, name) for endpoint in ("saliency", "occlusion") for name in methods(endpoint)]


@pytest.fixture(scope="module")
def client(service_url):
    with Client(service_url) as made:
        yield made


def pixels(binary) -> np.ndarray:
    return np.asarray(binary.picture())


def same(endpoint: str, found: Any, expected: np.ndarray) -> None:
    """Equal; what is computed anew from many forward passes may round another way."""
    found = np.asarray(found)
    if endpoint == "occlusion":
        assert np.abs(found.astype(int) - expected).max() <= 1
        assert (found != expected).mean() < 1e-3
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize(("endpoint", "method"), CASES)
def test_overlay_and_map_are_the_services(client, endpoint, method, kind):
    image, region = PICTURES[kind], {"grey": {"region": REGION}}.get(kind, {})
    asked = {**MODEL, "method": method, **CHEAP.get(method, {}), **region}
    answer = getattr(client, endpoint)(image, **asked)
    drawn = pixels(answer.again("overlay"))
    assert drawn.shape == (160, 200, 3)
    same(endpoint, answer.overlay(image), drawn)
    same(endpoint, answer.overlay(), pixels(answer.again("png")))
    same(endpoint, answer.overlay(image, alpha=0.9), pixels(answer.again("overlay", alpha=0.9)))


def results() -> dict[str, tuple[Any, Any]]:
    """A result of each kind of the service, of numbers that are the same every time."""
    random, target = np.random.default_rng(0), Target("a", 0, lambda output: output, 0.5)
    values = random.normal(size=(2, 24, 24)).astype(np.float32)
    grid = window_grid((24, 24), (8, 8), (5, 5), "shift")
    facts = {"window": [8, 8], "stride": [5, 5], "border": "shift"}
    base, scores = np.array([0.1, 2.0]), random.normal(size=(2, len(grid.rows), len(grid.cols)))
    both = [target, target]
    return {
        "signed": (Saliency, SaliencyMap("m", target, values[0], True, SEEN)),
        "unsigned": (Saliency, SaliencyMap("m", target, abs(values[1]), False, SEEN)),
        "rise": (Occlusion, RiseMap(both, base, values, SEEN, np.array([0.3, 1 / 3]), {})),
        "occlusion": (Occlusion, OcclusionMap(both, base, SEEN, facts, grid, scores)),
    }


SEEN = (
    Geometry(Axis.of(200, 17, 150), Axis.of(160, 11, 121)).resized(28, 31).windowed(-2, 3, 24, 24)
)


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("name", results())
def test_every_kind_of_result_is_drawn_the_same(name, kind):
    read, result = results()[name]
    envelope = {"result": result.payload("input"), "image": {"width": 200, "height": 160}}
    answer = read.from_json(json.loads(json.dumps(envelope)))
    ground = display(PICTURES[kind] if kind == "colour" else PICTURES[kind][..., None])
    expected = result.overlay(ground, 0.6)
    np.testing.assert_array_equal(np.asarray(answer.overlay(PICTURES[kind])), expected)
    np.testing.assert_array_equal(np.asarray(answer.overlay()), result.image())


def test_the_methods_are_those_of_the_service(client):
    assert {name for _, name in CASES} == set(client.model("imagenet-lite0").raw["methods"])
    assert len(CASES) >= 9


def test_plots_and_notebooks_show_the_same(client):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    answer = client.saliency(CAT, method="grad_cam", **MODEL)
    axes = answer.plot(CAT)
    drawn = pixels(answer.again("overlay"))
    np.testing.assert_array_equal(axes.get_images()[0].get_array(), drawn)
    matplotlib.pyplot.close(axes.figure)
    data = re.search('base64,([^"]+)', answer._repr_html_())[1]
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    np.testing.assert_array_equal(shown, pixels(answer.again("png")))


def test_an_object_that_is_cut_out_is_outlined_as_by_the_service(client):
    asked = {"method": "gradient", "mask": "grabcut", **MODEL}
    answer = client.saliency(CAT, **asked)
    drawn = pixels(client.saliency(CAT, format="overlay", **asked))
    np.testing.assert_array_equal(np.asarray(answer.overlay(CAT)), drawn)
    alone = np.asarray(copy.deepcopy(answer).overlay(CAT))
    assert 0 < (alone != drawn).any(axis=2).mean() < 1


def test_a_map_on_the_images_own_grid_is_drawn_as_it_is(client):
    answer = client.saliency(CAT, method="gradient", space="image", region=REGION, **MODEL)
    drawn = pixels(answer.again("overlay", space="image"))
    np.testing.assert_array_equal(np.asarray(answer.overlay(CAT)), drawn)


def test_the_map_says_its_sign_and_range(client):
    for method, signed in (("gradient", False), ("input_x_gradient", True)):
        area = client.saliency(CAT, method=method, **MODEL)
        assert area.signed is signed
        said = area.json["map"]
        assert (said["min"], said["max"]) == (float(area.map.min()), float(area.map.max()))

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

from brightfield.api.app import create_app
from brightfield.explain.maps.occlusion_map import OcclusionMap
from brightfield.explain.maps.rise_map import RiseMap
from brightfield.explain.maps.saliency_map import SaliencyMap
from brightfield.geometry import Axis, Geometry
from brightfield.images.windows import window_grid
from brightfield.settings import Settings
from brightfield.targets import Target
from brightfield_client import Client, Occlusion, Saliency
from brightfield_client.calls import _parameters
from brightfield_client.in_process import InProcess
from brightfield_painting import display

from ..toys.engines import NOT_DENSE, models  # noqa: F401

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
AXES = pytest.importorskip("matplotlib.figure").Figure().subplots()

CAT = skimage.data.chelsea()[20:180, 60:260]
DEEP = (skimage.data.camera()[100:260, 100:300].astype(np.uint16) + 3) * 150
PICTURES = {"colour": CAT, "grey": CAT[..., 1], "deep": DEEP, "floats": DEEP / np.float32(7)}
MODEL = {"model": "imagenet-lite0"}
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


@pytest.fixture(scope="module")
def remembered(models, tmp_path_factory):  # noqa: F811
    """The service in this process, with the answers of its engine: each is computed once, so that
    all formats of an answer are made of the same numbers."""
    settings = Settings(
        data=tmp_path_factory.mktemp("data"), models=str(models), device="cpu", threads=1,
        trust_model_code=True, preload=False, default_models=f"classify=bare,{NOT_DENSE}",
    )  # fmt: skip
    app = create_app(settings)
    compute, answers = app.state.engine.answer, {}

    async def answer(work, image, view, selection, *others):
        key = (repr(work), image, repr(view), repr(selection))
        if key not in answers:
            answers[key] = await compute(work, image, view, selection, *others)
        return answers[key]

    app.state.engine.answer = answer
    with Client("http://localhost", transport=InProcess(app)) as made:
        yield made, answers


def shown_in(text: str) -> np.ndarray:
    """The picture inside HTML."""
    data = re.search('base64,([^"]+)', text)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def plotted(answer: Any, **drawn: Any) -> np.ndarray:
    """The array on the axes."""
    AXES.clear()
    assert answer.plot(ax=AXES, **drawn) is AXES
    return AXES.get_images()[0].get_array()


# Those of methods that refuse the usual ones.
MODELS = {
    "attention_relevance": ("attentive",), "attention_rollout": ("attentive",), "lrp": ("bare",)
}  # fmt: skip
FEW = {"rise": {"masks": 30}, "kernel_shap": {"rows": 2, "columns": 2}}


# A method decides about its map, a picture about its ground and a region about where they meet: two
# methods are drawn on all pictures, and each of the others on one.
VIEWS = [(kind, region) for kind in PICTURES for region in (None, (9, 6, 75, 60))]
DRAWN = [
    (case, view)
    for number, case in enumerate(CASES)
    for place, view in enumerate(VIEWS)
    if case[1] in ("input_x_gradient", "occlusion") or place == number % len(VIEWS)
]


@pytest.mark.parametrize(("case", "view"), DRAWN, ids=str)
def test_all_pictures_are_the_services(remembered, case, view):
    (client, answers), (endpoint, method), (kind, region) = remembered, case, view
    image, before = PICTURES[kind][::2, ::2], len(answers)
    few = FEW.get(method, {})
    others = MODELS.get(method, ("bare", "brightness"))
    for model in others:  # `brightness` sees the middle of an image alone
        answer = getattr(client, endpoint)(image, model, method=method, region=region, **few)
        drawn, coloured = pixels(answer.again("overlay")), pixels(answer.again("png"))
        strong = pixels(answer.again("overlay", alpha=0.9))
        assert drawn.shape == coloured.shape == (80, 100, 3)
        np.testing.assert_array_equal(answer.overlay(image), drawn)
        np.testing.assert_array_equal(answer.overlay(image, alpha=0.9), strong)
        np.testing.assert_array_equal(answer.overlay(), coloured)
        np.testing.assert_array_equal(plotted(answer, legend=False), drawn)
        np.testing.assert_array_equal(shown_in(answer._repr_html_()), coloured)
    assert len(answers) == before + len(others)


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


def test_a_live_service_draws_the_same(client):
    answer = client.saliency(CAT, method="grad_cam", **MODEL)
    drawn, coloured = pixels(answer.again("overlay")), pixels(answer.again("png"))
    np.testing.assert_array_equal(answer.overlay(CAT), drawn)
    np.testing.assert_array_equal(plotted(answer, legend=False), drawn)
    assert answer.picture().height > drawn.shape[0]  # a legend below it
    np.testing.assert_array_equal(shown_in(answer._repr_html_()), coloured)


def test_an_object_that_is_cut_out_is_outlined_as_by_the_service(client):
    asked = {"method": "gradient", "mask": "grabcut", **MODEL}
    answer = client.saliency(CAT, **asked)
    drawn = pixels(client.saliency(CAT, format="overlay", **asked))
    np.testing.assert_array_equal(np.asarray(answer.picture(legend=False)), drawn)
    alone = np.asarray(copy.deepcopy(answer).picture(CAT))
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

from __future__ import annotations

import copy

import httpx2
import numpy as np
import pytest
from PIL import Image

from brightfield_client.results.saliency import Saliency


@pytest.fixture
def area():
    return np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)


@pytest.fixture
def answer(client, fake, enveloped, encoded, area):
    result = {
        "method": "integrated_gradients",
        "target": {"label": "cat", "class_id": 3},
        "score": 7.5,
        "map": {**encoded(area), "signed": True, "region": [2, 0, 6, 6]},
        "completeness_gap": 0.01,
    }
    body = enveloped(result, "classify") | {"image": {"width": 9, "height": 6}}
    fake.reply = lambda _: httpx2.Response(200, json=body)
    return client.saliency(b"x", method="integrated_gradients", steps=20)


def test_what_a_map_says(answer, area):
    np.testing.assert_array_equal(answer.map, area)
    assert (answer.method, answer.score, answer.region) == (
        "integrated_gradients",
        7.5,
        (2, 0, 6, 6),
    )
    assert (answer.target.label, answer.target.class_id) == ("cat", 3)
    assert dict(answer.facts) == {"completeness_gap": 0.01}


@pytest.mark.parametrize("suffix", [".npy", ".tiff"])
def test_numbers_are_saved_without_loss(answer, area, tmp_path, suffix):
    tifffile = pytest.importorskip("tifffile")
    path = answer.save(tmp_path / f"map{suffix}")
    back = np.load(path) if suffix == ".npy" else tifffile.imread(path)
    np.testing.assert_array_equal(back, area)


def test_colours_are_saved_as_png_and_nothing_else_is(answer, tmp_path):
    with Image.open(answer.save(str(tmp_path / "map.png"))) as picture:
        assert picture.size == (9, 6)
    with pytest.raises(ValueError, match=r"\.jpg"):
        answer.save(tmp_path / "map.jpg")


@pytest.mark.parametrize(
    "image",
    [np.full((6, 9, 3), 200, np.uint8), np.zeros((6, 9), np.uint16), Image.new("L", (9, 6), 200)],
)
def test_an_overlay_covers_the_region_of_the_image(answer, image):
    over = np.asarray(answer.overlay(image, alpha=1))
    assert over.shape == (6, 9, 3)
    outside = over[:, [0, 1, 8]]
    assert (outside == outside[0, 0]).all()
    assert (over[:, 2:8] != outside[0, 0]).any(axis=-1).mean() > 0.9


def test_another_image_is_refused(answer):
    with pytest.raises(ValueError, match="9 x 6"):
        answer.overlay(np.zeros((7, 9), np.uint8))


def test_plot_draws_the_overlay(answer):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    axes = copy.deepcopy(answer).plot()  # which has no link to the service
    np.testing.assert_array_equal(axes.get_images()[0].get_array(), np.asarray(answer.overlay()))
    matplotlib.pyplot.close(axes.figure)


def test_a_notebook_shows_the_picture(answer):
    assert (
        '<img alt="integrated_gradients: cat" src="data:image/png;base64,' in answer._repr_html_()
    )


def test_a_target_may_be_bare(enveloped, encoded, area):
    result = {"method": "gradient", "target": 4, "map": encoded(area)}
    answer = Saliency.from_json(enveloped(result))
    assert (answer.target.class_id, answer.region, answer.score) == (4, None, None)

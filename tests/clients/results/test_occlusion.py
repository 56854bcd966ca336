from __future__ import annotations

import httpx2
import numpy as np
import pytest

GRID = {
    "rows": 2,
    "cols": 3,
    "window": [4, 4],
    "stride": [2, 2],
    "border": "shift",
    "x": [[0, 4], [2, 6], [4, 8]],
    "y": [[0, 4], [2, 6]],
}
TARGETS = [{"label": "cat", "class_id": 3}, {"label": "dog", "class_id": 5}]


@pytest.fixture
def area():
    return np.random.default_rng(1).normal(size=(2, 6, 8)).astype(np.float32)


@pytest.fixture
def answer(client, fake, enveloped, encoded, area):
    result = {
        "grid": GRID,
        "targets": TARGETS,
        "base": [5.0, 1.0],
        "scores": [[[1, 2, 3], [4, None, 6]], [[0, 0, 0], [0, 0, 0]]],
        "map": encoded(area),
        "most_probable": [[3, 3, 5], [3, None, 3]],
        "sign": "base - occluded",
    }
    fake.reply = lambda _: httpx2.Response(200, json=enveloped(result))
    return client.occlusion(b"x", window=4, stride=2, target=["cat", "dog"])


def test_the_grid_and_its_scores(answer, area):
    assert answer.scores.shape == (2, 2, 3)
    assert answer.scores[0, 1, 2] == 6
    assert np.isnan(answer.scores[0, 1, 1])
    assert answer.base.tolist() == [5, 1]
    assert (answer.grid.rows, answer.grid.cols) == (2, 3)
    assert answer.grid.x == ((0, 4), (2, 6), (4, 8))
    assert [target.label for target in answer.targets] == ["cat", "dog"]
    assert answer.most_probable[0].tolist() == [3, 3, 5]
    assert dict(answer.facts) == {"sign": "base - occluded"}
    np.testing.assert_array_equal(answer.map, area)


def test_saving_all_targets_or_one(answer, area, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    np.testing.assert_array_equal(np.load(answer.save(tmp_path / "m.npy")), area)
    one = tifffile.imread(answer.save(tmp_path / "m.tif", target=1))
    np.testing.assert_array_equal(one, area[1])
    assert answer.overlay(target=1).size == (4, 3)  # the image of the envelope
    assert "occlusion: cat" in answer._repr_html_()


def test_a_what_if_alone(client, fake, enveloped):
    what_if = {"targets": TARGETS[:1], "before": [5.0], "after": [2.0], "difference": [3.0]}
    fake.reply = lambda _: httpx2.Response(200, json=enveloped({"what_if": what_if}))
    answer = client.occlusion(b"x", hide=(0, 0, 4, 4))
    assert fake.last.url.params["hide"] == "0,0,4,4"
    assert (answer.what_if.before, answer.what_if.difference) == ((5.0,), (3.0,))
    assert answer.what_if.targets[0].label == "cat"
    assert "<td>cat</td><td>5</td><td>2</td>" in answer._repr_html_()
    assert answer.grid is None
    with pytest.raises(ValueError, match="hide"):
        answer.overlay()

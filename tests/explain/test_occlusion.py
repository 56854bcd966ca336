from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from brightfield.errors import InvalidParameter, InvalidRegion
from brightfield.explain.occlusion import Occlusion
from brightfield.explain.rise import Rise

from .conftest import Bench, Case, case, image, plain
from .networks import Linear, small, toy

SHAPE = (3, 11, 14)
WEIGHTS = image(4, *SHAPE, seed=1, dtype=torch.float64)[0]
BIAS = torch.arange(4, dtype=torch.float64)
IMAGES = image(*SHAPE, dtype=torch.float64)


def linear(**card: Any) -> Case:
    return case(Linear(WEIGHTS, BIAS), IMAGES, **card)


def starts(length: int, window: int, stride: int, border: str) -> list[tuple[int, int]]:
    """By the words of the conventions: 0, s, 2s, ... while inside, until the border is covered."""
    found = []
    for start in range(0, length, stride):
        end = start + window
        if end >= length:
            last = {
                "shift": (length - window, length),
                "cut": (start, length),
                "drop": (start, end) if end == length else None,
            }[border]
            return found + ([last] if last else [])
        found.append((start, end))
    raise AssertionError


@pytest.mark.parametrize("fill", ["mean", 0.75])
@pytest.mark.parametrize("border", ["shift", "cut", "drop"])
def test_of_a_linear_model_it_is_what_lies_under_the_window(
    bench: Bench, border: Any, fill: Any
) -> None:
    method = Occlusion(window=(4, 5), stride=(3, 2), border=border, baseline=fill, target="2,0")
    result = bench.explain(method, linear())
    moved = (IMAGES[0] - (0 if fill == "mean" else fill)) * WEIGHTS[[2, 0]]  # (T, C, H, W)
    rows, cols = starts(11, 4, 3, border), starts(14, 5, 2, border)
    assert result.grid.rows == tuple(rows)
    assert result.grid.cols == tuple(cols)
    total, covered = np.zeros((2, 11, 14)), np.zeros((11, 14))
    for (i, (y0, y1)), (j, (x0, x1)) in itertools.product(enumerate(rows), enumerate(cols)):
        change = moved[:, :, y0:y1, x0:x1].sum(dim=(1, 2, 3)).numpy()
        np.testing.assert_allclose(result.base - result.scores[:, i, j], change, atol=1e-12)
        total[:, y0:y1, x0:x1] += change[:, None, None]
        covered[y0:y1, x0:x1] += 1
    mean = np.divide(total, covered, out=np.zeros_like(total), where=covered > 0)
    np.testing.assert_allclose(result.raster("input").array, mean, rtol=1e-6, atol=1e-6)
    assert (covered.min() == 0) == (border == "drop")


def test_the_network_of_two_filters(bench: Bench) -> None:
    images = torch.arange(16.0).view(1, 1, 4, 4)
    method = Occlusion(window=3, stride=2, baseline="zero", border="cut", target="0")
    result = bench.explain(method, case(toy(), images))
    assert result.base.tolist() == [54]
    assert result.raster("input").array[0].tolist() == [
        [44, 44, 38.5, 33],
        [44, 44, 38.5, 33],
        [49, 49, 44.5, 40],
        [54, 54, 50.5, 47],
    ]


@pytest.mark.parametrize("baseline", ["mean", "grey", "blur"])
def test_a_window_as_large_as_the_image_leaves_the_baseline(bench: Bench, baseline: Any) -> None:
    """`grey` of a raw array is 0.5; a blurred image is SciPy's."""
    from scipy.ndimage import gaussian_filter

    result = bench.explain(Occlusion(window=(11, 14), baseline=baseline, target="0,1"), linear())
    sigma = 11 * 10 / 224
    filled: Tensor = {
        "mean": torch.zeros_like(IMAGES),
        "grey": torch.full_like(IMAGES, 0.5),
        "blur": torch.from_numpy(
            np.stack([gaussian_filter(c, sigma, mode="nearest") for c in IMAGES[0].numpy()])[None]
        ),
    }[baseline]
    score = torch.einsum("kchw,chw->k", WEIGHTS, filled[0]) + BIAS
    np.testing.assert_allclose(result.scores[:, 0, 0], score[:2], atol=1e-10)
    change = result.base - result.scores[:, 0, 0]
    expected = np.broadcast_to(change[:, None, None], (2, 11, 14))
    np.testing.assert_allclose(result.raster("input").array, expected, rtol=1e-6)


def test_window_and_stride_have_the_defaults_that_are_stated(bench: Bench) -> None:
    subject = case(small(), image(3, 28, 42))
    result = bench.explain(Occlusion(engine="plain"), subject)
    assert (result.facts["window"], result.facts["stride"]) == ([4, 4], [2, 2])
    assert result.facts["border"] == "shift"
    assert result.facts["baseline"] == "mean"
    assert result.scores.shape == (1, 13, 20)
    assert result.facts["forwards"] == 13 * 20 + 1


def test_in_image_pixels_the_window_is_converted_by_the_scale(bench: Bench) -> None:
    """An image of 44 x 42, of which the model sees every fourth row and third column."""
    resized = plain(44, 42).resized(11, 14)
    method = Occlusion(window=(16, 15), stride=(12, 6), unit="image")
    result = bench.explain(method, case(Linear(WEIGHTS, BIAS), IMAGES, resized))
    assert (result.facts["window"], result.facts["stride"]) == ([4, 5], [3, 2])
    tiny = bench.explain(
        Occlusion(window=1, stride=1, unit="image"), case(Linear(WEIGHTS, BIAS), IMAGES, resized)
    )
    assert tiny.facts["window"] == [1, 1]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_are_those_of_the_cards_activation(bench: Bench, activation: str) -> None:
    subject = linear(output={"activation": activation})
    parameters: dict[str, Any] = {"window": (11, 7), "stride": (11, 7), "target": "3,1"}
    logits = bench.explain(Occlusion(**parameters), linear())
    every = bench.explain(Occlusion(**{**parameters, "target": "0,1,2,3"}), linear()).scores
    found = bench.explain(Occlusion(**parameters, output="probability"), subject)
    if activation == "sigmoid":
        expected = 1 / (1 + np.exp(-logits.scores))
    else:
        expected = (np.exp(every) / np.exp(every).sum(axis=0))[[3, 1]]
    np.testing.assert_allclose(found.scores, expected, atol=1e-12)


class TestWhatIf:
    def test_it_is_the_arithmetic_of_the_hidden_pixels(self, bench: Bench) -> None:
        result = bench.explain(Occlusion(hide="3,2,6,4", target="1,3", baseline=0.5), linear())
        change = ((IMAGES[0] - 0.5) * WEIGHTS[[1, 3]])[:, :, 2:6, 3:9].sum(dim=(1, 2, 3))
        before = torch.einsum("kchw,chw->k", WEIGHTS, IMAGES[0]) + BIAS
        np.testing.assert_allclose(result.what_if.before, before[[1, 3]], atol=1e-10)
        np.testing.assert_allclose(result.what_if.before - result.what_if.after, change, atol=1e-10)
        payload = result.payload("input")
        np.testing.assert_allclose(payload["what_if"]["difference"], change, atol=1e-10)
        assert payload["map"] is payload["scores"] is payload["grid"] is None
        assert result.facts["forwards"] == 2

    def test_it_comes_with_the_map_when_a_window_is_given(self, bench: Bench) -> None:
        alone = bench.explain(Occlusion(hide="0,0;9,0;0,9"), linear())
        assert Occlusion(hide="0,0;9,0;0,9").formats == ("json",)
        assert "npy" in Occlusion(hide="0,0;9,0;0,9", window=4).formats
        both = bench.explain(Occlusion(hide="0,0;9,0;0,9", window=4), linear())
        plain_map = bench.explain(Occlusion(window=4), linear())
        np.testing.assert_array_equal(both.what_if.after, alone.what_if.after)
        np.testing.assert_allclose(both.scores, plain_map.scores, atol=1e-12)
        assert both.facts["forwards"] == plain_map.facts["forwards"] + 1

    def test_outside_and_malformed_shapes_are_refused(self, bench: Bench) -> None:
        with pytest.raises(InvalidRegion):
            bench.explain(Occlusion(hide="20,20,5,5"), linear())
        with pytest.raises(InvalidParameter, match="neither a rectangle"):
            Occlusion(hide="1,2,3")


def test_impossible_windows_are_refused(bench: Bench) -> None:
    with pytest.raises(InvalidParameter, match="larger than the window"):
        bench.explain(Occlusion(window=4, stride=5), linear())
    with pytest.raises(InvalidParameter, match="12 pixels is larger than the image's 11"):
        bench.explain(Occlusion(window=12), linear())
    for wrong in ({"window": 0}, {"stride": "1,2,3"}, {"border": "wrap"}, {"baseline": "nan"}):
        with pytest.raises(ValidationError):
            Occlusion(**wrong)


def test_partial_scores_put_together_are_the_whole(bench: Bench) -> None:
    method = Occlusion(window=4, stride=3, target="2,0")
    subject = linear(max_batch=4)
    *parts, last = method(bench.probe(method, subject), subject.images)
    scores = last.result.scores.reshape(2, -1)  # type: ignore[union-attr]
    assert len(parts) > 2
    whole = last.result.payload("input")  # type: ignore[union-attr]
    assert parts[0].partial is not None
    assert {name: parts[0].partial[name] for name in ("grid", "targets", "base")} == {
        name: whole[name] for name in ("grid", "targets", "base")
    }
    seen: list[int] = []
    for part in parts:
        assert part.partial is not None
        places, some = part.partial["places"], np.array(part.partial["scores"])
        np.testing.assert_array_equal(some, scores[:, places])
        seen += places
        assert part.done == len(seen)
    assert sorted(seen) == seen < list(range(scores.shape[1]))


class TestEveryClass:
    def test_the_most_probable_class_is_that_of_every_hidden_image(self, bench: Bench) -> None:
        """Against a plain loop; a class has more than one place where it wins."""
        method = Occlusion(window=(4, 7), stride=(3, 5), target="all", baseline=0.75)
        payload = bench.explain(method, linear()).payload("input")
        assert [target["class_id"] for target in payload["targets"]] == [0, 1, 2, 3]
        for i, rows in enumerate(starts(11, 4, 3, "shift")):
            for j, cols in enumerate(starts(14, 7, 5, "shift")):
                hidden = IMAGES.clone()
                hidden[:, :, slice(*rows), slice(*cols)] = 0.75
                scores = torch.einsum("kchw,bchw->k", WEIGHTS, hidden) + BIAS
                assert payload["most_probable"][i][j] == int(scores.argmax())
                np.testing.assert_allclose(np.array(payload["scores"])[:, i, j], scores)

    def test_of_many_classes_json_has_no_maps(self, bench: Bench) -> None:
        weights = image(20, *SHAPE, seed=1, dtype=torch.float64)[0]
        subject = case(Linear(weights, torch.zeros(20, dtype=torch.float64)), IMAGES)
        result = bench.explain(Occlusion(window=6, target="all"), subject)
        assert result.payload("input")["map"] is None
        assert result.raster("input").array.shape == (20, 11, 14)
        assert [note.code for note in result.notes] == ["maps_left_out"]

    def test_it_stands_alone_and_of_occlusion_only(self) -> None:
        for wrong in (lambda: Occlusion(target="all,3"), lambda: Rise(target="all")):
            with pytest.raises(ValidationError, match="every class"):
                wrong()

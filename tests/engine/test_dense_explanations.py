"""Explanations of detectors, segmenters and references, against autograd and sums by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import box_iou

from brightfield.errors import (
    BrightfieldError,
    InvalidParameter,
    TooManyPixels,
    Unexplainable,
    UnfitImage,
    UnknownLayer,
    UnknownTarget,
)
from brightfield.explain import catalog
from brightfield.explain.grad_cam import GradCam
from brightfield.explain.gradient import GradientSaliency
from brightfield.explain.integrated_gradients import IntegratedGradients
from brightfield.explain.occlusion import Occlusion
from brightfield.explain.rise import Rise, random_masks
from brightfield.tasks.detect import Detect
from brightfield.tasks.embed import Embed
from brightfield.tasks.segment import Segment

from ..toys.engines import Bench, noise, png

PIXELS = noise(32, 40)
IMAGE, OTHER = png(PIXELS), png(noise(32, 40, seed=1))
METHODS = catalog()
SHORT = {"steps": 5, "samples": 5, "masks": 9, "window": 12, "stride": 12}
SHORT_OF = {"kernel_shap": {"rows": 2, "columns": 3, "samples": 26}}
# What is explained, by the model and what is asked of it, for each kind of output.
AIMS: dict[str, tuple[str, dict[str, Any], dict[str, bytes]]] = {
    "class": ("bare", {}, {}),
    "detection": ("found", {}, {}),
    "box": ("found", {"box": "4,6,20,18", "target": "second"}, {}),
    "pixels": ("felt", {}, {}),
    "object": ("felt-one-by-one", {"object": 1}, {}),
    "reference": ("bare", {}, {"reference": OTHER}),
    "reference of maps": ("found", {"reference_layer": "body"}, {"reference": OTHER}),
}


def network(bench: Bench, name: str) -> nn.Module:
    resident = bench.engine.registry.resident(name)
    assert resident is not None
    return resident.module


def inputs(pixels: NDArray[np.uint8] = PIXELS) -> Tensor:
    """As the cards of the dense models ask for: without mean, of sides that fit."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def saliency(values: Any) -> NDArray[np.float32]:
    """The map of a saliency answer on the input's grid."""
    found: NDArray[np.float32] = values.result.raster("input").array
    return found


def _refusal(method: str, attachments: dict[str, bytes]) -> str | None:
    """Why a method refuses what is asked here: the dense models have no attention, and a likeness
    isn't a sum of outputs."""
    if method.startswith("attention"):
        return "attention"
    return "weighted sum" if method == "lrp" and attachments else None


# The checks ask a method again and again, whichever it is: three of them do for a start.
CHECKED = ("gradient", "grad_cam", "occlusion")
CASES = [
    pytest.param(name, checks, marks=pytest.mark.slow if checks and name not in CHECKED else ())
    for name in METHODS
    for checks in (False, True)
]


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize(("name", "checks"), CASES)
def test_every_method_explains_every_kind_of_output(
    bench: Bench, name: str, aim: str, checks: bool
) -> None:
    model, asked, attachments = AIMS[aim]
    kind = METHODS[name]
    short = {key: value for key, value in SHORT.items() if key in kind.model_fields}
    if name in ("grad_cam", "guided_grad_cam") and model != "bare":
        short["layer"] = "body"
    short |= SHORT_OF.get(name, {})
    method = kind(**short, **asked, checks=checks)
    if name.startswith("attention") and model == "bare" and not attachments:
        model = "attentive"
    elif (reason := _refusal(name, attachments)) is not None:
        with pytest.raises(Unexplainable, match=reason):
            bench.answer(method, IMAGE, model, attachments=attachments)
        return
    answer: Any = bench.answer(method, IMAGE, model, attachments=attachments)
    payload = answer.result.payload("input")
    assert orjson.loads(orjson.dumps(payload))
    values = answer.result.raster("image").array
    assert values.shape[-2:] == (32, 40)
    assert np.isfinite(values).all()
    assert np.ptp(values) > 0
    if checks:
        report = payload["checks"]
        # An embedding may end before a layer that the check could draw anew changes it.
        if name != "attention_rollout":  # which is the same whatever the last layer is
            assert report["sanity"]["rank_correlation"] < 1 - 1e-6
        first = payload["score"] if "score" in payload else payload["base"][0]
        assert report["deletion"]["scores"][0] == pytest.approx(first, abs=1e-4)
        assert report["insertion"]["scores"][-1] == pytest.approx(first, abs=1e-4)


class TestDetections:
    def chosen(self, bench: Bench) -> tuple[Any, int, Any]:
        """The best candidate by hand: its output for the image, its row, its box."""
        bench.answer(Detect(), IMAGE, "found")
        with torch.no_grad():
            output = network(bench, "found")(inputs())
        row = int(output.logits[0].flatten().argmax()) // 2
        return output, row, output.boxes[0, row]

    def test_the_gradient_is_that_of_the_best_candidates_logit(self, bench: Bench) -> None:
        output, row, _ = self.chosen(bench)
        column = int(output.logits[0, row].argmax())
        x = inputs().requires_grad_()
        (gradient,) = torch.autograd.grad(network(bench, "found")(x).logits[0, row, column], x)
        answer: Any = bench.answer(GradientSaliency(), IMAGE, "found")
        np.testing.assert_allclose(saliency(answer), gradient[0].abs().amax(0), rtol=1e-4)
        assert answer.result.target.value == pytest.approx(float(output.logits.max()))

    def test_a_box_of_detect_means_the_same_object(self, bench: Bench) -> None:
        found: Any = bench.answer(Detect(), IMAGE, "found").result
        for item in found.objects[:3]:
            box = ",".join(map(str, item.box.json().values()))
            by_box: Any = bench.answer(GradientSaliency(box=box, target=item.label), IMAGE, "found")
            by_id: Any = bench.answer(GradientSaliency(object=item.id), IMAGE, "found")
            assert np.array_equal(saliency(by_box), saliency(by_id))
            assert float(torch.tensor(by_id.result.target.value).sigmoid()) == pytest.approx(
                item.score, rel=1e-5
            )

    def similarity(self, bench: Bench, images: Tensor, box: Tensor, column: int) -> list[float]:
        """D-RISE's, by torchvision's overlaps of boxes cut at the border."""
        with torch.no_grad():
            output = network(bench, "found")(images)
        limit = torch.tensor([40.0, 32, 40, 32])
        return [
            float((box_iou(box[None], boxes.clamp(min=0).minimum(limit))[0] * scores).max())
            for boxes, scores in zip(
                output.boxes, output.logits[..., column].sigmoid(), strict=True
            )
        ]

    def test_occlusion_is_of_the_similarity(self, bench: Bench) -> None:
        box = torch.tensor([4.0, 6, 20, 18])
        method = Occlusion(
            box="4,6,20,18", target="second", window=(16, 10), stride=(16, 10), baseline="zero"
        )
        answer: Any = bench.answer(method, IMAGE, "found")
        hidden = inputs().repeat(8, 1, 1, 1)
        for index in range(8):
            y, x = 16 * (index // 4), 10 * (index % 4)
            hidden[index, :, y : y + 16, x : x + 10] = 0
        expected = self.similarity(bench, hidden, box, 1)
        assert answer.result.scores.ravel() == pytest.approx(expected, abs=1e-5)
        payload = answer.result.payload("input")
        assert payload["base"] == pytest.approx(self.similarity(bench, inputs(), box, 1), abs=1e-5)
        assert payload["output"] == "similarity"
        assert payload["targets"][0]["measure"].startswith("max over candidates of IoU")

    def test_rise_is_d_rise(self, bench: Bench) -> None:
        method = Rise(box="4,6,20,18", target="second", masks=30, cells=4, baseline="zero", seed=3)
        answer: Any = bench.answer(method, IMAGE, "found")
        masks = torch.stack(list(random_masks(inputs(), 30, 4, 0.5, 3)))
        box = torch.tensor([4.0, 6, 20, 18])
        scores = torch.tensor(self.similarity(bench, inputs() * masks[:, None], box, 1))
        expected = torch.einsum("n,nhw->hw", scores, masks) / masks.sum(0)
        np.testing.assert_allclose(answer.result.values[0], expected, rtol=1e-3, atol=1e-5)

    def test_the_logit_can_be_hidden_from_as_well(self, bench: Bench) -> None:
        output, _, _ = self.chosen(bench)
        answer: Any = bench.answer(Occlusion(window=16, output="logit"), IMAGE, "found")
        assert answer.result.base[0] == pytest.approx(float(output.logits.max()))
        assert answer.result.payload("input")["output"] == "logit"

    def test_integrated_gradients_follow_one_candidate(self, bench: Bench) -> None:
        """So that the score is one function all the way, and the gap closes with the steps."""
        coarse, fine = (
            bench.answer(IntegratedGradients(steps=steps), IMAGE, "found").result.payload("input")[  # type: ignore[attr-defined]
                "completeness_gap"
            ]
            for steps in (4, 200)
        )
        assert fine < min(0.02, coarse)

    def test_what_one_level_says_is_checked_at_that_level(self, bench: Bench) -> None:
        output, row, _ = self.chosen(bench)
        level = 0 if row < 80 else 1
        other = int(output.logits[0, 80:].amax(1).argmax()) + 80 if level == 0 else 0
        for candidate in (row, other):
            box = ",".join(map(str, output.boxes[0, candidate].tolist()))
            method = GradCam(box=box, checks=True)
            payload = bench.answer(method, IMAGE, "found").result.payload("input")
            expected = f"logits.{0 if candidate < 80 else 1}"
            assert payload["layer"] == "body"  # the heads give the scores themselves
            assert payload["checks"]["sanity"]["randomised"] == expected

    def test_a_neuron_needs_no_detection(self, bench: Bench) -> None:
        method = GradientSaliency(neuron="2,5,7", layer="body")
        answer: Any = bench.answer(method, png(np.zeros((32, 40, 3), np.uint8)), "found")
        assert answer.result.target.label == "body[2,5,7]"


class TestPixels:
    def test_the_gradient_is_that_of_the_mean_over_an_objects_pixels(self, bench: Bench) -> None:
        labels: Any = bench.answer(Segment(), IMAGE, "felt-one-by-one").result
        inside = torch.from_numpy(labels.labels == 1)
        x = inputs().requires_grad_()
        # Half the resolution: each pixel has the logit of its cell.
        logits = network(bench, "felt-one-by-one")(x)[0, 0]
        enlarged = logits.repeat_interleave(2, 0).repeat_interleave(2, 1)
        (gradient,) = torch.autograd.grad(enlarged[inside].mean(), x)
        answer: Any = bench.answer(GradientSaliency(object=1), IMAGE, "felt-one-by-one")
        np.testing.assert_allclose(
            saliency(answer), gradient[0].abs().amax(0), rtol=1e-4, atol=1e-7
        )
        value = float(enlarged.detach()[inside].mean())
        assert answer.result.target.value == pytest.approx(value, rel=1e-5)

    def test_occlusion_keeps_the_pixels_of_the_whole_image(self, bench: Bench) -> None:
        labels: Any = bench.answer(Segment(), IMAGE, "felt").result
        inside = torch.from_numpy(labels.labels == 2)
        method = Occlusion(target="second", window=(16, 20), stride=(16, 20), baseline="zero")
        answer: Any = bench.answer(method, IMAGE, "felt")
        hidden = inputs().repeat(4, 1, 1, 1)
        for index in range(4):
            y, x = 16 * (index // 2), 20 * (index % 2)
            hidden[index, :, y : y + 16, x : x + 20] = 0
        with torch.no_grad():
            maps = network(bench, "felt")(hidden)[:, 1]
        enlarged = maps.repeat_interleave(2, 1).repeat_interleave(2, 2)
        assert answer.result.scores.ravel() == pytest.approx(
            enlarged[:, inside].mean(1).tolist(), rel=1e-4
        )
        assert answer.result.payload("input")["output"] == "logit"

    def test_a_region_is_explained_in_pixels_of_the_whole_image(self, bench: Bench) -> None:
        field = np.zeros((200, 300, 3), np.uint8)
        field[90:122, 130:170] = PIXELS
        method = GradientSaliency(within="140,95,12,8", target="first")
        whole: Any = bench.answer(method, png(field), "felt")
        part: Any = bench.answer(method, png(field), "felt", region="128,80,48,48")
        shown = part.result.raster("image").array
        np.testing.assert_allclose(shown, whole.result.raster("image").array, atol=1e-7)
        assert shown[95:103, 140:152].all()
        assert part.result.payload("image")["map"]["region"] == [128, 80, 48, 48]


class TestReferences:
    def test_the_score_is_the_cosine_of_two_embeddings(self, bench: Bench) -> None:
        for model, layer in (("bare", "penultimate"), ("found", "body"), ("repeat-x2", "logits")):
            one, other = (
                bench.answer(Embed(layer=layer), data, model).result.vector.astype(float)  # type: ignore[attr-defined]
                for data in (IMAGE, OTHER)
            )
            expected = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
            method = GradientSaliency(reference_layer=layer)
            answer: Any = bench.answer(method, IMAGE, model, attachments={"reference": OTHER})
            assert answer.result.target.value == pytest.approx(expected, rel=1e-5)
            itself: Any = bench.answer(method, IMAGE, model, attachments={"reference": IMAGE})
            assert itself.result.target.value == pytest.approx(1, rel=1e-5)

    def test_its_gradient_is_by_hand(self, bench: Bench) -> None:
        """Of cos(u, v) with the means u of maps: d / du = v / (|u| |v|) - cos u / |u|^2."""
        method = GradientSaliency(reference_layer="body")
        answer: Any = bench.answer(method, IMAGE, "found", attachments={"reference": OTHER})
        body = network(bench, "found").get_submodule("body")
        x = inputs().requires_grad_()
        u = body(x).mean((2, 3))[0]
        v = body(inputs(noise(32, 40, seed=1))).mean((2, 3))[0]
        with torch.no_grad():
            size = u.norm()
            slope = v / (size * v.norm()) - (u @ v) / (size * v.norm()) * u / size**2
        (gradient,) = torch.autograd.grad(u @ slope, x)
        np.testing.assert_allclose(
            saliency(answer), gradient[0].abs().amax(0), rtol=1e-3, atol=1e-9
        )

    def test_its_faults_name_it(self, bench: Bench) -> None:
        with pytest.raises(BrightfieldError, match=r"^`reference`: "):
            bench.answer(
                GradientSaliency(), IMAGE, "bare", attachments={"reference": b"nothing at all"}
            )


@pytest.mark.parametrize(
    ("work", "model", "more", "error", "match"),
    [
        (GradientSaliency(box="1,2,3,4"), "bare", {}, InvalidParameter, "box belongs to models"),
        (Occlusion(object=1), "bare", {}, InvalidParameter, "object belongs"),
        (Occlusion(output="similarity"), "bare", {}, InvalidParameter, "logit or probability"),
        (Occlusion(output="similarity"), "felt", {}, InvalidParameter, "logit or probability"),
        (GradientSaliency(within="0,0,5,5"), "found", {}, InvalidParameter, "scores boxes"),
        (GradientSaliency(target="third"), "found", {}, UnknownTarget, "no class 'third'"),
        (GradientSaliency(target="third"), "felt", {}, UnknownTarget, "no class 'third'"),
        (GradientSaliency(object=999), "found", {}, UnknownTarget, "numbered from 1"),
        (GradientSaliency(), "repeat-x2", {}, Unexplainable, "send a second image"),
        (
            GradientSaliency(reference_layer="body"), "found", {}, InvalidParameter,
            "goes with a second image",
        ),
        (
            GradientSaliency(target="a"), "bare", {"reference": OTHER}, InvalidParameter,
            "target names something else",
        ),
        (
            GradientSaliency(box="1,2,3,4"), "found", {"reference": OTHER}, InvalidParameter,
            "box names something else",
        ),
        (
            GradientSaliency(neuron="0,0,0", layer="body"), "found", {"reference": OTHER},
            InvalidParameter, "neuron names something else",
        ),
        (
            Occlusion(output="logit"), "bare", {"reference": OTHER}, InvalidParameter,
            "the score is a cosine",
        ),
        (GradientSaliency(), "found", {"reference": OTHER}, UnknownLayer, "no linear layer"),
    ],
)  # fmt: skip
def test_wrong_combinations(
    bench: Bench, work: Any, model: str, more: Any, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        bench.answer(work, IMAGE, model, attachments=more)


def test_an_image_without_objects(bench: Bench) -> None:
    grey, black = (png(np.full((32, 40, 3), value, np.uint8)) for value in (128, 0))
    with pytest.raises(UnknownTarget, match="finds nothing in the image"):
        bench.answer(GradientSaliency(), grey, "cells-4")  # which doubts what is grey
    with pytest.raises(UnknownTarget, match="gives no pixel"):
        bench.answer(GradientSaliency(), black, "bright")


def test_large_fields_are_explained_in_parts(bench: Bench) -> None:
    field = png(np.zeros((1032, 1280, 3), np.uint8))
    method = GradientSaliency(within="600,500,9,9", target="first")
    with pytest.raises(TooManyPixels, match=r"1,310,720 pixels .* 1280 x 1032; .* region=x,y"):
        bench.answer(method, field, "felt")
    answer: Any = bench.answer(method, field, "felt", region="560,480,80,80")
    assert answer.result.raster("image").array.shape == (1032, 1280)
    # A model that resizes its input sees any field as a whole.
    assert bench.answer(GradientSaliency(within="0,0,9,9"), field, "resized")


def test_places_are_one_at_a_time() -> None:
    for parameters in ({"box": "1,2,3,4", "point": "1,2"}, {"object": 1, "within": "1,2,3,4"}):
        with pytest.raises(ValueError, match="give one of them"):
            GradientSaliency(**parameters)
    with pytest.raises(ValueError, match="neuron is explained instead of a box"):
        GradientSaliency(neuron="1", layer="x", box="1,2,3,4")
    with pytest.raises(ValueError, match="xmax > xmin"):
        GradientSaliency(box="5,2,3,4")
    with pytest.raises(InvalidParameter, match="within='1,2'"):
        GradientSaliency(within="1,2")


def test_the_answer_of_a_fixed_size_is_refused_for_raw_arrays_as_ever(bench: Bench) -> None:
    with pytest.raises(UnfitImage):
        bench.answer(GradientSaliency(), IMAGE, "raw-bright")

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import scipy.special
import torch
from pydantic import ValidationError
from torch import Tensor

from brightfield.cards import ModelCard
from brightfield.errors import InvalidParameter, Unexplainable, UnknownTarget
from brightfield.images.windows import window_grid
from brightfield.outages import ModelFailed
from brightfield.results import counting_nulls
from brightfield.targets import Aim, Kind, Target
from brightfield.tasks.classify import Classify, ClassMap, ClassPredictions, Prediction
from brightfield.tasks.kinds.sliding import PlacedGrid

from .seeing import seen

NAMES = ("Rose", "Daisy", "dandelion", "3", "Cardigan", "cardigan")
LOGITS = torch.tensor([[0.5, -1.0, 2.0, 2.0, -3.0, 1.0]])


def card(*names: str, **output: Any) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "flowers", "version": "1", "task": "classify", "licence": "MIT",
            "architecture": {"name": "none"},
            "labels": [{"name": name} for name in names],
            "output": output,
        }
    )  # fmt: skip


FLOWERS = card(*NAMES)


def targets(logits: Tensor, model: ModelCard, *names: str, kind: Kind = "logit") -> list[Target]:
    return Classify.targets(Aim(target=names), seen(logits, model), kind)


def named(classes: ClassPredictions) -> list[str]:
    return [prediction.label for prediction in classes.predictions]


class TestPredictions:
    @pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
    def test_scores_are_the_activated_logits_best_first(self, activation: str) -> None:
        values = LOGITS[0].double().numpy()
        expected = {
            "softmax": scipy.special.softmax, "sigmoid": scipy.special.expit, "none": np.asarray,
        }[activation](values)  # fmt: skip
        found = Classify(top_k=10).postprocess(LOGITS, card(*NAMES, activation=activation))
        # Ties go to the lower id. Where there is no activation, negative scores count as well.
        assert [p.class_id for p in found.predictions] == [2, 3, 5, 0, 1, 4]
        for prediction in found.predictions:
            assert prediction.score == pytest.approx(expected[prediction.class_id], rel=1e-6)
            assert prediction.label == NAMES[prediction.class_id]

    def test_top_k_and_threshold_shorten_the_list(self) -> None:
        assert len(Classify().postprocess(LOGITS, FLOWERS).predictions) == 5
        assert named(Classify(top_k=2).postprocess(LOGITS, FLOWERS)) == ["dandelion", "3"]
        sigmoid = card(*NAMES, activation="sigmoid", threshold=0.6)
        assert named(Classify().postprocess(LOGITS, sigmoid)) == [
            "dandelion", "3", "cardigan", "Rose",
        ]  # fmt: skip
        assert named(Classify(threshold=0.8).postprocess(LOGITS, sigmoid)) == ["dandelion", "3"]
        assert len(Classify(threshold=0).postprocess(LOGITS, sigmoid).predictions) == 5
        assert Classify(threshold=1).postprocess(LOGITS, sigmoid).predictions == ()

    @pytest.mark.parametrize(
        ("value", "activation"), [("nan", "none"), ("nan", "sigmoid"), ("inf", "softmax")]
    )
    def test_a_score_that_is_no_number_is_a_fault_of_the_model(
        self, value: str, activation: str
    ) -> None:
        broken = torch.tensor([[1.0, float(value), 2.0]])
        with pytest.raises(ModelFailed, match="has NaN among its outputs"):
            Classify().postprocess(broken, card(activation=activation))

    def test_an_infinite_score_is_null_and_counted(self) -> None:
        masked = torch.tensor([[1.0, -float("inf"), 2.0]])
        found = Classify().postprocess(masked, card(activation="none"))
        with counting_nulls() as nulls:
            shown = found.payload("input")["predictions"]
        assert [each["score"] for each in shown] == [2.0, 1.0, None]
        assert nulls.count == 1

    def test_half_precision_is_widened_before_the_softmax(self) -> None:
        found = Classify(top_k=1).postprocess(LOGITS.bfloat16(), FLOWERS)
        exact = scipy.special.softmax(LOGITS[0].double().numpy())
        assert found.predictions[0].score == pytest.approx(exact[2], rel=1e-5)

    def test_as_a_table(self) -> None:
        table = Classify(top_k=1).postprocess(LOGITS, card(*NAMES, activation="none")).table()
        assert table.columns == ("label", "class_id", "score")
        assert list(table.rows) == [("dandelion", 2, 2.0)]

    @pytest.mark.parametrize("output", [torch.zeros(1, 6, 2), [torch.zeros(1, 6)], None])
    def test_an_output_of_another_kind_is_the_models_fault(self, output: Any) -> None:
        with pytest.raises(ModelFailed, match="isn't a classifier"):
            Classify().postprocess(output, FLOWERS)

    def test_labels_that_do_not_fit_are_told(self) -> None:
        with pytest.raises(ModelFailed, match="6 labels, and the model has 5 outputs"):
            Classify().postprocess(torch.zeros(1, 5), FLOWERS)

    def test_impossible_parameters(self) -> None:
        for wrong in ({"top_k": 0}, {"threshold": -1}, {"window": 0}, {"stride": "1,2,3"}):
            with pytest.raises(ValidationError):
                Classify(**wrong)


class TestTargets:
    @pytest.mark.parametrize(
        ("name", "class_id"),
        [
            ("Rose", 0), ("rose", 0), ("DANDELION", 2), ("top", 2), ("1", 1), ("05", 5),
            ("3", 3), ("Cardigan", 4), ("cardigan", 5),
        ],
    )  # fmt: skip
    def test_they_are_named_by_label_or_id(self, name: str, class_id: int) -> None:
        (target,) = targets(LOGITS, FLOWERS, name)
        assert (target.class_id, target.label) == (class_id, NAMES[class_id])
        assert target.value == float(LOGITS[0, class_id])
        batch = torch.cat([LOGITS, 2 * LOGITS])
        assert torch.equal(target.score(batch), batch[:, class_id])

    def test_several_come_in_the_order_asked_for(self) -> None:
        found = targets(LOGITS, FLOWERS, "Daisy", "top", "0")
        assert [target.class_id for target in found] == [1, 2, 0]

    @pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
    def test_as_probabilities(self, activation: str) -> None:
        activated = card(*NAMES, activation=activation)
        (target,) = targets(LOGITS, activated, "Rose", kind="probability")
        (expected,) = [
            p.score
            for p in Classify(top_k=9).postprocess(LOGITS, activated).predictions
            if p.class_id == 0
        ]
        assert target.value == pytest.approx(expected, rel=1e-6)
        assert float(target.score(LOGITS)) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("dandylion", "Did you mean dandelion?"),
            ("xyz", "from 0 to 5"),
            ("6", "no class '6'"),
            ("-1", "no class '-1'"),
            ("9" * 5000, "no class"),
            ("", "no class ''"),
            ("CARDIGAN", "Cardigan or cardigan"),
        ],
    )
    def test_unknown_names_get_near_ones(self, name: str, says: str) -> None:
        with pytest.raises(UnknownTarget) as fault:
            targets(LOGITS, FLOWERS, name)
        assert says in fault.value.detail

    def test_without_labels_there_are_ids_alone(self) -> None:
        (target,) = targets(LOGITS, card(), "4")
        assert (target.class_id, target.label) == (4, "4")

    @pytest.mark.parametrize(
        "normalised", [LOGITS.softmax(1), LOGITS.log_softmax(1), (40 * LOGITS).softmax(1)]
    )
    def test_a_normalised_score_is_never_explained_in_silence(self, normalised: Tensor) -> None:
        with pytest.raises(Unexplainable, match="unnormalised"):
            targets(normalised, FLOWERS, "top")
        unactivated = card(*NAMES, activation="none")
        (target,) = targets(normalised, unactivated, "top", kind="probability")
        assert target.value == float(normalised[0].max())

    @pytest.mark.parametrize("logits", [[[0.1, 0.2, 0.3]], [[1.0]], [[-0.5, 1.5]]])
    def test_small_logits_are_not_taken_for_probabilities(self, logits: list[list[float]]) -> None:
        assert targets(torch.tensor(logits), card(), "top")

    @pytest.mark.parametrize(
        ("aim", "kind", "says"),
        [
            ({"box": "1,2,3,4"}, "logit", "box belongs to models that find or segment"),
            ({"point": "1,2"}, "logit", "point belongs"),
            ({"object": 1}, "logit", "object belongs"),
            ({"within": "1,2,3,4"}, "logit", "within belongs"),
            ({}, "similarity", "take logit or probability"),
        ],
    )
    def test_a_whole_image_has_no_places(self, aim: Any, kind: Kind, says: str) -> None:
        with pytest.raises(InvalidParameter, match=says):
            Classify.targets(Aim(**aim), seen(LOGITS, FLOWERS), kind)


class TestMaps:
    GRID = window_grid((8, 10), (4, 5), (4, 5), "shift")  # 2 x 2 windows over a region
    SCORES = np.array(
        [[0.1, 0.2, 0.7], [0.3, 0.6, 0.1], [0.4, 0.5, 0.1], [0.0, 0.9, 0.1]], np.float32
    )
    WHOLE = ClassPredictions((Prediction("b", 1, 0.8),))

    def result(self, **parameters: Any) -> ClassMap:
        task = Classify(window=(4, 5), **parameters)
        placed = PlacedGrid(self.GRID, (3, 1), (12, 20))
        return task.map_of(self.WHOLE, self.SCORES, placed, card("a", "b", "c"))

    def test_left_out_the_classes_are_the_best_by_their_maximum(self) -> None:
        result = self.result(top_k=2)
        assert result.labels == ("b", "c")
        assert result.predictions == self.WHOLE.predictions
        np.testing.assert_array_equal(
            result.raster("input").array, self.SCORES[:, [1, 2]].T.reshape(2, 2, 2)
        )

    def test_named_classes_come_in_the_order_named(self) -> None:
        assert self.result(classes="C,0").labels == ("c", "a")
        with pytest.raises(InvalidParameter, match="no class 'd'"):
            self.result(classes="d")

    def test_the_payload_places_the_grid_in_the_image(self) -> None:
        payload = self.result(classes="b").payload("input")
        assert payload["predictions"] == [{"label": "b", "class_id": 1, "score": 0.8}]
        found = payload["map"]
        assert found["grid"] == {
            "rows": 2, "cols": 2, "y": [[1, 5], [5, 9]], "x": [[3, 8], [8, 13]],
        }  # fmt: skip
        values = np.frombuffer(base64.b64decode(found["data"]), "<f4").reshape(found["shape"])
        assert np.array_equal(values, self.SCORES[None, :, 1].reshape(1, 2, 2))
        assert found["signed"] is False
        assert (found["min"], found["max"]) == (values.min(), values.max())

    def test_in_image_pixels_the_windows_are_filled_and_the_rest_is_zero(self) -> None:
        result = self.result(classes="b,a")
        values = result.raster("image").array
        expected = np.zeros((12, 20), np.float32)
        expected[1:9, 3:13] = np.kron(self.SCORES[:, 1].reshape(2, 2), np.ones((4, 5)))
        assert values.shape == (2, 12, 20)
        np.testing.assert_allclose(values[0], expected)
        heat = result.heat()
        np.testing.assert_array_equal(heat.map, values[0])
        assert heat.region == (3, 1, 10, 8)
        assert not heat.signed

    def test_with_a_window_there_are_more_formats(self) -> None:
        assert Classify().formats == ("json", "csv", "overlay")
        assert set(Classify(window=4).formats) == set(Classify.every_format())

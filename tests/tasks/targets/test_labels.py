"""Scores against PyTorch's and SciPy's, and classes by their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

from brightfield.cards import ModelCard
from brightfield.errors import InvalidParameter, UnknownTarget
from brightfield.tasks.targets.labels import (
    activate,
    best_first,
    class_id,
    class_scores,
    find_class,
    label,
)

LOGITS = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def card(activation: str, *labels: str) -> ModelCard:
    return ModelCard.model_validate(
        {
            "id": "m", "version": "1", "task": "classify", "licence": "-",
            "architecture": {"name": "-"}, "output": {"activation": activation},
            "labels": [{"name": name} for name in labels],
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("activation", "reference"),
    [
        ("softmax", lambda x: softmax(x, axis=1)),
        ("sigmoid", expit),
        ("none", lambda x: x),
    ],
)
def test_both_ways_to_scores_are_scipys(activation: str, reference: Any) -> None:
    expected = reference(LOGITS.numpy())
    np.testing.assert_allclose(class_scores(LOGITS, card(activation)), expected, rtol=1e-5)
    np.testing.assert_allclose(activate(LOGITS, card(activation)), expected, rtol=1e-5)


def test_a_label_goes_before_a_number_and_case_matters_only_where_it_must() -> None:
    named = card("none", "2", "Cat", "cat", "Dog")
    assert [find_class(name, named, 4) for name in ("2", "cat", "Cat", "dog", "3")] == [
        0, 2, 1, 3, 3,
    ]  # fmt: skip
    assert [label(index, named) for index in (0, 3)] == ["2", "Dog"]
    assert label(3, card("none")) == "3"
    with pytest.raises(UnknownTarget, match="may be Cat or cat"):
        find_class("CAT", named, 4)


def test_as_a_parameter_an_unknown_class_is_an_invalid_one() -> None:
    with pytest.raises(InvalidParameter, match="from 0 to 3"):
        class_id("4", card("none"), 4)


@pytest.mark.parametrize("count", [1, 5, 250, 251, 1000])
def test_the_best_are_those_of_a_whole_sort_however_many_are_equal(count: int) -> None:
    scores = np.random.default_rng(0).integers(0, 9, 1000).astype(np.float32)
    expected = sorted(range(1000), key=lambda place: (-scores[place], place))
    assert best_first(scores, count) == expected[:count]

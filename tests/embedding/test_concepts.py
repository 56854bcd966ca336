from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.concept import TCAV, Classifier, Concept
from scipy.stats import ttest_ind
from sklearn.linear_model import LogisticRegression
from torch import nn

from brightfield.embedding.concepts import concept_evidence, concept_vector, difference

RNG = np.random.default_rng(3)


def sets(dimensions: int, along: int, count: int = 40) -> tuple[Any, Any]:
    """Items that lie off the others along one axis."""
    concept, others = RNG.normal(size=(2, count, dimensions))
    concept[:, along] += 4
    more = RNG.normal(size=(2 * count, dimensions))
    return concept.astype(np.float32), np.concatenate([others, more]).astype(np.float32)


def test_a_concept_that_the_score_rises_with_is_found_and_another_is_not() -> None:
    """Gradients along the first axis, of either sign along the others: by the closed form the share
    is 1 along the first, and 1/2 along the second, as it is along random directions."""
    gradients = RNG.normal(size=(400, 6))
    gradients[:, 0] = 20
    for along, low, high, significant in ((0, 0.99, 1.0, True), (1, 0.0, 1.0, False)):
        concept, others = sets(6, along)
        found = concept_evidence(concept, others, gradients, runs=20, size=40)
        assert low <= found.scores.mean() <= high
        assert found.significant == significant
        assert (found.matched < 0.1) == significant
        assert min(each.accuracy for each in found.concepts) > 0.8
        assert not any(each.by_chance for each in found.concepts)
    falling = concept_evidence(*sets(6, 0), -gradients, runs=20, size=40)
    assert falling.scores.mean() < 0.01
    assert falling.p < 0.01
    assert (falling.derivatives < 0).all()


def test_a_concept_that_the_layer_does_not_know_is_told_by_chance() -> None:
    items = RNG.normal(size=(120, 5)).astype(np.float32)
    found = concept_evidence(items[:40], items[40:], RNG.normal(size=(50, 5)), runs=12, size=40)
    assert np.mean([each.by_chance for each in found.concepts]) > 0.7
    assert not found.significant


def test_the_vector_is_the_normal_of_scikit_learns_classifier() -> None:
    """Also of more values than items, where the solution is looked for among the items' span."""
    for dimensions in (4, 90):
        concept, others = sets(dimensions, 2, 30)
        found = concept_vector(concept, others[:30], np.random.default_rng(0))
        rng, kept = np.random.default_rng(0), []
        for part in (concept, others[:30]):
            order = rng.permutation(30)
            kept.append((part[order[10:]], part[order[:10]]))
        train = np.concatenate([first for first, _ in kept]).astype(np.float64)
        centred = train - train.mean(0)
        labels = np.repeat([1, 0], 20)
        fitted = LogisticRegression(max_iter=10_000, tol=1e-8).fit(centred / centred.std(), labels)
        normal = fitted.coef_[0] / np.linalg.norm(fitted.coef_)
        np.testing.assert_allclose(found.vector, normal, atol=2e-3)
        tested = np.concatenate([second for _, second in kept]) - train.mean(0)
        expected = fitted.score(tested / centred.std(), np.repeat([1, 0], 10))
        assert found.accuracy == pytest.approx(expected)


def test_vectors_that_are_all_equal_point_nowhere() -> None:
    same = np.ones((9, 3), np.float32)
    found = concept_vector(same, same, np.random.default_rng(0))
    assert not found.vector.any()
    assert found.by_chance


def test_the_same_seed_draws_the_same_sets() -> None:
    concept, others = sets(5, 1)
    gradients = RNG.normal(size=(30, 5))
    first, second, other = (
        concept_evidence(concept, others, gradients, runs=5, size=15, seed=seed).scores
        for seed in (1, 1, 2)
    )
    assert first.tolist() == second.tolist() != other.tolist()


def test_the_difference_is_welchs_and_defined_for_constant_scores() -> None:
    first, second = RNG.random(9), RNG.random(14) + 0.2
    expected = ttest_ind(first, second, equal_var=False).pvalue
    assert difference(first, second) == pytest.approx(expected)
    ones, zeros = np.ones(4), np.zeros(4)
    assert (difference(ones, ones), difference(ones, zeros)) == (1, 0)


class Ours(Classifier):
    """Captum's side of a test: a vector that was found already."""

    def __init__(self, vector: Any) -> None:
        self.vector = torch.from_numpy(vector).float()

    def train_and_eval(self, dataloader: Any, **options: Any) -> dict[str, Any]:
        return {}

    def weights(self) -> torch.Tensor:
        return torch.stack([self.vector, -self.vector])

    def classes(self) -> list[int]:
        return [0, 1]


def test_the_score_of_a_vector_is_captums(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(7, 5), nn.Sequential(nn.Tanh(), nn.Linear(5, 3))
    network = nn.Sequential(first, second)
    images = torch.randn(60, 7)
    concept, others = sets(5, 3)
    vector = concept_vector(concept, others[:40], np.random.default_rng(1)).vector
    concepts = [
        Concept(id=place, name=str(place), data_iter=[torch.randn(4, 7)]) for place in range(2)
    ]
    theirs = TCAV(
        network, ["0"], model_id="toy", classifier=Ours(vector), save_path=str(tmp_path)
    ).interpret(images, [concepts], target=2, processes=1)
    reference = next(iter(theirs.values()))["0"]["sign_count"][0]
    activations = first(images).detach().requires_grad_()
    (gradients,) = torch.autograd.grad(second(activations)[:, 2].sum(), activations)
    ours = (gradients.double().numpy() @ vector > 0).mean()
    assert 0.1 < ours < 0.9
    assert ours == pytest.approx(float(reference), abs=1e-6)

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from brightfield.errors import Unexplainable
from brightfield.explain.lrp import Lrp
from brightfield.models.relevance import rules
from brightfield.models.relevance.network import RuleSet, relevance

from .conftest import Bench, Case, case, image
from .networks import small, toy

TOY = torch.arange(16.0).view(1, 1, 4, 4)


def test_the_reply_says_where_the_score_went(bench: Bench) -> None:
    subject = case(small(), image(3, 16, 16))
    answer = bench.explain(Lrp(rule="epsilon_gamma", epsilon=0.01, gamma=0.5), subject)
    told = answer.payload("input")
    assert (told["rule"], told["epsilon"], told["gamma"]) == ("epsilon_gamma", 0.01, 0.5)
    assert told["map"]["signed"]
    assert told["relevance"]["pixels"] == pytest.approx(float(answer.values.sum()), rel=1e-5)
    assert sum(told["relevance"].values()) == pytest.approx(told["score"])
    plain = bench.explain(Lrp(rule="z_plus"), subject).payload("input")
    assert not {"epsilon", "gamma"} & plain.keys()


SETS = {
    "epsilon_plus": RuleSet(rules.z_plus(), rules.epsilon(0.1)),
    "epsilon_gamma": RuleSet(rules.gamma(2.0), rules.epsilon(0.1)),
    "epsilon": RuleSet(rules.epsilon(0.1), rules.epsilon(0.1)),
    "gamma": RuleSet(rules.gamma(2.0), rules.gamma(2.0)),
    "z_plus": RuleSet(rules.z_plus(), rules.z_plus()),
}


@pytest.mark.parametrize("rule", SETS)
def test_each_rule_is_that_of_its_layers(bench: Bench, rule: Any) -> None:
    subject = case(small(), image(3, 16, 16))
    given = bench.explain(Lrp(rule=rule, epsilon=0.1, gamma=2.0, target="2"), subject)
    reference = relevance(subject.module, subject.images, lambda z: z[:, 2], SETS[rule])
    np.testing.assert_allclose(given.values, reference.values[0].sum(0), rtol=1e-4, atol=1e-6)


def test_of_a_neuron_it_is_the_product_of_weights_and_pixels(bench: Bench) -> None:
    found = bench.explain(Lrp(rule="epsilon", layer="0", neuron="1,0,1"), case(toy(), TOY))
    expected = TOY[0, 0] * torch.tensor([[0, 1, 1, 1]] * 3 + [[0, 0, 0, 0]])
    np.testing.assert_allclose(found.values, expected, rtol=1e-5)
    assert found.facts["relevance"]["biases"] == pytest.approx(-75, rel=1e-5)


def test_the_cat_of_the_shipped_model(bench: Bench, shipped: Case) -> None:
    """All of it has rules, and more than half of what is positive lies in a third of the map."""
    found = bench.explain(Lrp(), shipped)
    assert found.facts["relevance"]["lost"] == pytest.approx(0, abs=0.01 * found.target.value)
    positive = np.sort(found.values.clip(min=0).ravel())[::-1]
    assert positive[: positive.size // 3].sum() > 0.5 * positive.sum()


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        return (x * x.mean((2, 3), keepdim=True).sigmoid()).mean((2, 3))


def test_biases_that_get_nearly_all_are_told(bench: Bench, shipped: Case) -> None:
    found = bench.explain(Lrp(), shipped)
    assert [note.code for note in found.notes] == ["relevance_elsewhere"]
    subject = case(small(), image(3, 16, 16))
    without = bench.explain(Lrp(biases="ignore", rule="gamma"), subject)
    assert not without.notes
    assert without.facts["relevance"]["biases"] == pytest.approx(0, abs=1e-6)
    assert without.facts["relevance"]["pixels"] == pytest.approx(without.target.value, rel=0.02)


def test_gates_are_refused_with_the_methods_that_work(bench: Bench) -> None:
    with pytest.raises(Unexplainable, match=r"the operation mul, .* Use gradient") as fault:
        bench.explain(Lrp(), case(Gated().eval(), image(3, 16, 16)))
    assert fault.value.status == 422


@pytest.mark.parametrize("bad", [{"epsilon": 0}, {"gamma": -1}, {"rule": "alpha_beta"}])
def test_parameters_without_meaning_are_refused(bad: Any) -> None:
    with pytest.raises(ValidationError):
        Lrp(**bad)

from __future__ import annotations

import numpy as np
import pytest

from brightfield.metrics.counted.operating_point import ThresholdRule
from brightfield.metrics.counted.ranking import Ranking


def candidates(scores, positive):
    """Every threshold with sensitivity, specificity, FP and FN, the most sensitive first."""
    for threshold in [*sorted(set(scores.tolist())), np.inf]:
        called = scores >= threshold
        yield (
            threshold,
            called[positive].mean(),
            (~called[~positive]).mean(),
            int(called[~positive].sum()),
            int((~called[positive]).sum()),
        )


GOOD = {
    "youden": lambda sens, spec, fp, fn: sens + spec,
    "sensitivity>=0.8": lambda sens, spec, fp, fn: spec if sens >= 0.8 else -1,
    "specificity>=0.7": lambda sens, spec, fp, fn: sens if spec >= 0.7 else -1,
    "cost=5": lambda sens, spec, fp, fn: -(fp + 5 * fn),
    "cost=0.1": lambda sens, spec, fp, fn: -(fp + 0.1 * fn),
}


@pytest.mark.parametrize("rule", GOOD)
@pytest.mark.parametrize("seed", range(4))
def test_against_trying_every_threshold(rule, seed):
    rng = np.random.default_rng(seed)
    positive = rng.random(40) < 0.4
    scores = np.round(rng.random(40) + 0.3 * positive, 1)
    # max keeps the first of equals, which is the most sensitive.
    best = max(candidates(scores, positive), key=lambda c: round(GOOD[rule](*c[1:]), 9))
    assert ThresholdRule.parse(rule).threshold(Ranking.of(scores, positive)) == best[0]


def test_the_rule_of_a_report(classify):
    truth, scores = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    chosen = classify(truth, scores, operating_point="youden")
    assert chosen["operating_point"]["threshold"] == chosen["confusion"]["threshold"] == 0.35
    assert chosen["operating_point"]["sensitivity"]["value"] == 1
    assert chosen["warnings"][0]["code"] == "threshold_from_same_data"
    default = classify(truth, scores)
    assert (default["operating_point"]["rule"], default["warnings"]) == ("probability", [])
    assert default["operating_point"]["threshold"] == 0.5
    logits = classify(truth, [-3, 2, 1, 9])
    assert logits["operating_point"]["rule"] == "youden"
    assert logits["metrics"]["brier"]["undefined"] == "not_probabilities"
    frozen = classify(truth, scores, threshold=0.4)
    assert (frozen["operating_point"]["rule"], frozen["warnings"]) == ("frozen", [])
    assert frozen["confusion"]["counts"] == [[1, 1], [1, 1]]


def test_nothing_is_positive_above_every_score(classify):
    report = classify([1, 0, 0, 0], [0.1, 0.2, 0.3, 0.9], operating_point="specificity>=1")
    assert report["operating_point"]["threshold"] is None
    assert report["confusion"]["counts"] == [[3, 0], [1, 0]]


@pytest.mark.parametrize(
    "text", ["best", "sensitivity>=2", "cost=-1", "specificity>=x", "cost=inf"]
)
def test_other_rules_are_refused(text):
    with pytest.raises(ValueError, match="is no rule"):
        ThresholdRule.parse(text)

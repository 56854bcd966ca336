"""Checks that travel with a map: how far it can be trusted, measured on the same image.

Deletion and insertion: Petsiuk, Das and Saenko 2018. Randomised last layer: Adebayo et al. 2018.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.probing.baselines import baseline_images
from brightfield.explain.probing.probe import Probe
from brightfield.progress import Step
from brightfield.results import finite
from brightfield.tensors import Images, Map, chunked

STEPS = 32
SEED = 0

ExplainImages = Callable[[Probe, Images], Iterator[Step]]


def checked(explain: ExplainImages, probe: Probe, images: Images) -> Iterator[Step]:
    """The steps of an explanation, then those of its checks; the last result has both.

    The result's fact `checks`, about the map of the first target:

    - `deletion`: the score while the pixels are replaced by the card's mean, highest value first,
      in 32 equal parts. `scores` has all 33, `area` their mean by the trapezoid rule: low is good.
    - `insertion`: the same while the pixels come back into the blurred image: high is good.
    - `completeness_gap`, where the method defines one.
    - `sanity`: Spearman's rank correlation of the map with that of the same score when the
      weighted layer nearest to it is drawn anew. Near 1, the map does not show what the model
      learned. Null where the score depends on no layer; `rank_correlation` is null where a map is
      constant.
    - `forwards`, and `seconds` of the checks alone.
    """
    result: Explanation | None = None
    for step in explain(probe, images):
        total = 2 * step.total + 2 * (STEPS + 1)
        yield Step(step.done, total, step.partial)
        if step.result is not None:
            assert isinstance(step.result, Explanation)
            result = step.result
    assert result is not None
    yield from _Checks(explain, probe, images, result).steps(step.done, total)


class _Checks:
    """The checks of one result."""

    def __init__(
        self, explain: ExplainImages, probe: Probe, images: Images, result: Explanation
    ) -> None:
        self._explain = explain
        self._probe = probe
        self._images = images
        self._result = result
        self._passes = 0
        self._report: dict[str, Any] = {"steps": STEPS}

    def steps(self, done: int, total: int) -> Iterator[Step]:
        """Go on from `done`; the last step has the result with its checks."""
        started, before = time.perf_counter(), self._probe.passes
        mean, blur = (self._baseline(name) for name in ("mean", "blur"))
        ranks = _ranks(self._result.main)
        for name, substrate, (start, end) in (
            ("deletion", "mean", (self._images, mean)),
            ("insertion", "blur", (blur, self._images)),
        ):
            scores: list[float] = []
            for part in self._curve(ranks, start, end):
                scores += part
                yield Step(done + len(scores), total)
            done += len(scores)
            self._report[name] = _curve_report(scores, substrate)
        if "completeness_gap" in self._result.facts:
            self._report["completeness_gap"] = self._result.facts["completeness_gap"]
        for step in self._randomise():
            if step.result is None:
                yield Step(done + step.done, total)
        self._report["forwards"] = self._passes + self._probe.passes - before
        self._report["seconds"] = round(time.perf_counter() - started, 3)
        yield Step(total, total, result=self._result.stating(checks=self._report))

    def _baseline(self, name: str) -> Images:
        return baseline_images(name, self._images, self._probe.card.input)

    def _curve(self, ranks: torch.Tensor, start: Images, end: Images) -> Iterator[list[float]]:
        """The scores from `start` to `end`, a part of the pixels exchanged at each step."""
        count = ranks.numel()
        parts = (round(step * count / STEPS) for step in range(STEPS + 1))
        mixed = (torch.where(ranks < part, end[0], start[0]) for part in parts)
        for scores in self._probe.scores(chunked(mixed, self._probe.chunk())):
            yield scores[:, 0].tolist()

    def _randomise(self) -> Iterator[Step]:
        """The steps of the same explanation of the model with its last layer drawn anew."""
        self._report["sanity"] = None
        random = self._probe.randomised(self._images, SEED)
        if random is None:
            return
        probe, layer = random
        for step in self._explain(probe, self._images):
            yield step
            if isinstance(step.result, Explanation):
                correlation = _rank_correlation(self._result.main, step.result.main)
                self._report["sanity"] = {
                    "rank_correlation": correlation,
                    "randomised": layer,
                    "seed": SEED,
                }
        self._passes += probe.passes


def _curve_report(scores: list[float], substrate: str) -> dict[str, Any]:
    area = float(np.trapezoid(scores)) / (len(scores) - 1)
    return {
        "area": finite(area),
        "scores": [finite(score) for score in scores],
        "substrate": substrate,
    }


def _ranks(values: Map) -> torch.Tensor:
    """(h, w): each pixel's place when the highest value comes first; ties in reading order."""
    order = np.argsort(-values.ravel(), kind="stable")
    ranks: NDArray[np.int64] = np.empty(order.size, np.int64)
    ranks[order] = np.arange(order.size)
    return torch.from_numpy(ranks.reshape(values.shape))


def _rank_correlation(first: Map, second: Map) -> float | None:
    """Spearman's, with ties at their mean rank; None where it is not defined."""
    from scipy.stats import spearmanr  # large, and slow to import

    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return finite(float(spearmanr(first.ravel(), second.ravel()).statistic))

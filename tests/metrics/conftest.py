"""Evaluations without HTTP, whose reports must be JSON: never NaN."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.evaluation import DataLimits
from brightfield.progress import no_progress

Report = dict[str, Any]
Evaluate = Callable[..., Report]


@pytest.fixture(scope="session")
def evaluate() -> Evaluate:
    """`evaluate(task, data, **options)`: the report as JSON has it."""

    def run(task: str, data: dict[str, Any], **options: Any) -> Report:
        evaluation = catalog()[task](**options)
        report = evaluation.evaluate(data, DataLimits(Limits(10**7), 10**7), no_progress)
        plain: Report = json.loads(json.dumps(report, allow_nan=False))
        return plain

    return run


@pytest.fixture(scope="session")
def classify(evaluate: Evaluate) -> Evaluate:
    """`classify(truth, scores, **options)`, by default without intervals."""

    def run(truth: Any, scores: Any = None, *, more: Any = None, **options: Any) -> Report:
        options.setdefault("ci", {"method": "none"})
        data = {"truth": truth, "scores": scores, **(more or {})}
        return evaluate("classification", data, **options)

    return run

"""How far counts of objects are off: their mean error and limits of agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brightfield.metrics.counted.agreement_limits import AgreementLimits, CaseDifferences
from brightfield.metrics.counted.cases import MeanOfCases, mean_line
from brightfield.metrics.statistics.family import MetricPath, MetricSpec

COUNT_CONVENTION = (
    "found objects less true ones of a case; count_limit_low and count_limit_high are the mean "
    "-+ 1.96 standard deviations, between which 95 % of the cases lie if they are normal (Bland "
    "and Altman 1999)"
)


def count_lines(prefix: MetricPath, errors: Sequence[int]) -> list[MetricSpec[Any]]:
    """`count_error`, `count_limit_low` and `count_limit_high` below `prefix`, from what each case
    has too many (above 0) or too few."""
    sample, family = CaseDifferences(errors), AgreementLimits()
    return [
        mean_line((*prefix, "count_error"), errors, MeanOfCases()),
        *(
            MetricSpec((*prefix, f"count_limit_{name}"), name, family, (sample,))
            for name in family.names
        ),
    ]

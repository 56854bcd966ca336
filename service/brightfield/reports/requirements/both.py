"""A report with what is required of it, and of its differences from a baseline."""

from __future__ import annotations

from collections.abc import Sequence

from brightfield.errors import ConflictingParameter
from brightfield.reports.report import Report
from brightfield.reports.requirements.differences import ComparedRuns, judge_differences
from brightfield.reports.requirements.judging import Judged, judge, unmeasured
from brightfield.reports.requirements.requirement import NO_LOSS, Requirement

OF_DIFFERENCES = "difference."
"""Begins a requirement on a difference from the baseline."""


def judged(report: Report, texts: Sequence[str], baseline: ComparedRuns | None = None) -> Report:
    """The report with `requirements`, and with the comparison as `baseline`.

    Without a requirement on a difference a baseline means that there is no significant loss. Of a
    report without rows nothing is compared, and such requirements are undefined. Raises
    `InvalidParameter` for a name that there is not, `ConflictingParameter` for a difference from
    nothing.
    """
    own = [text.strip() for text in texts if not _of_differences(text.strip())]
    others = [text.strip() for text in texts if _of_differences(text.strip())]
    if baseline is None and others and report["n"]:
        raise ConflictingParameter(
            f"`{others[0]}` is about a difference; name the run to compare with as `baseline`.",
            errors=[{"location": "require"}],
        )
    found = judge(report, own)
    if baseline is None:
        found += [unmeasured(Requirement.parse(text)) for text in others]
        return {**report, "requirements": found} if texts else report
    names = [text.removeprefix(OF_DIFFERENCES) for text in others]
    found += map(_of_baseline, judge_differences(baseline, names or [NO_LOSS]))
    return {**report, "requirements": found, "baseline": baseline}


def _of_differences(text: str) -> bool:
    return text.startswith(OF_DIFFERENCES) or text == NO_LOSS


def _of_baseline(found: Judged) -> Judged:
    bounded = found["requirement"] != NO_LOSS
    text = f"{OF_DIFFERENCES if bounded else ''}{found['requirement']}"
    return {**found, "requirement": text, "metric": f"{OF_DIFFERENCES}{found['metric']}"}

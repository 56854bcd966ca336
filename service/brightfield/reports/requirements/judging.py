"""Whether the numbers of a report are what is required of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from brightfield.errors import InvalidParameter, nearest
from brightfield.reports.report import Report, ReportNumber, numbers
from brightfield.reports.requirements.requirement import NO_LOSS, Requirement, name_within
from brightfield.reports.text import plain
from brightfield.reports.wording import REASONS, unit_of, units_of

Judged = Mapping[str, Any]
"""A requirement with what became of it, as a reply carries it."""

_COUNTED = ("errors", "objects")
_LISTED = 40


def judge(report: Report, texts: Sequence[str]) -> list[Judged]:
    """Each requirement with its value, bound and outcome.

    A name is that of a metric; `pooled.iou` is pooled, `ap/RBC` of a class; counts have the names
    that they have in the report, as `excluded_n`. Raises `InvalidParameter` for a name that the
    report lacks.
    """
    known = _named(report)
    return [_judged(Requirement.parse(text), known, report) for text in texts]


def outcome(wanted: Requirement, entry: ReportNumber, unit: str, sentence: str) -> Judged:
    """Whether a number is what is wanted of it; `sentence` says what it is."""
    value, reason = entry["value"], entry["undefined"]
    if wanted.end != "value" and reason is None:
        low, high = entry["ci"] or (None, None)
        value = low if wanted.end == "lower" else high
        reason = entry["ci_undefined"] if value is None else None
    where = "" if wanted.end == "value" else f" at the {wanted.end} end of its interval"
    detail = f"{sentence}; required is {wanted.relation} {wanted.bound:.6g}{unit}{where}."
    if value is None:
        return {**unmeasured(wanted, reason), "detail": f"{detail} {_lacking(reason)}"}
    judged = "met" if wanted.holds(value) else "not_met"
    return {**unmeasured(wanted, None), "value": value, "outcome": judged, "detail": detail}


def unmeasured(wanted: Requirement, reason: str | None = "no_rows") -> Judged:
    """A requirement of which nobody knows whether it is met."""
    return {
        "requirement": wanted.text,
        "metric": wanted.name,
        "of": wanted.end,
        "value": None,
        "relation": wanted.relation or NO_LOSS,
        "bound": wanted.bound,
        "p_value": None,
        "outcome": "undefined",
        "undefined": reason,
        "detail": _lacking(reason),
    }


def _lacking(reason: str | None) -> str:
    return f"There is no such value: {REASONS.get(str(reason), reason)}."


def known_entry(wanted: Requirement, known: Mapping[str, ReportNumber], what: str) -> ReportNumber:
    """The number that is meant. Raises `InvalidParameter`, which lists near names."""
    if wanted.name in known:
        return known[wanted.name]
    shown = ", ".join(plain(name, 80) for name in list(known)[:_LISTED])
    more = "" if len(known) <= _LISTED else f" and {len(known) - _LISTED} more"
    raise InvalidParameter(
        f"The {what} has no number {plain(wanted.name, 100)!r}."
        f"{nearest(wanted.name, list(known), 5)} It has {shown}{more}.",
        errors=[{"location": "require", "expected": list(known)[:1000], "received": wanted.text}],
    )


def unit_within(wanted: Requirement, distance: str | None) -> str:
    """The unit of the bound with a blank before it; `distance` is that of the distances.

    Raises `InvalidParameter` where the requirement names another one.
    """
    own = unit_of(wanted.metric, distance)
    if wanted.unit is None or wanted.unit in units_of(own):
        return f" {own}" if own else ""
    right = f"in {own}" if own else "a number without a unit"
    share = " (0.9 for 90 %)" if wanted.unit == "%" and not own else ""
    raise InvalidParameter(
        f"{wanted.text!r} has the unit {wanted.unit!r}, and {wanted.metric} is {right}{share}.",
        errors=[{"location": "require", "expected": own, "received": wanted.text}],
    )


def stated(metric: str, entry: ReportNumber, unit: str) -> str:
    """`AUROC is 0.912 (0.874 to 0.945)`."""
    if entry["value"] is None:
        return f"{metric} is undefined"
    ends = "" if entry["ci"] is None else " ({:.6g} to {:.6g})".format(*entry["ci"])
    return f"{metric} is {entry['value']:.6g}{unit}{ends}"


def _judged(wanted: Requirement, known: Mapping[str, ReportNumber], report: Report) -> Judged:
    if wanted.relation is None and wanted.name in known:
        raise InvalidParameter(
            f"{wanted.name!r} has no bound; write {wanted.name}>=NUMBER, or compare with a baseline"
            " to require that it isn't significantly worse.",
            errors=[{"location": "require", "received": wanted.text}],
        )
    unborn = not report["n"] and "/" in wanted.name and wanted.metric in known
    # Without any row nobody knows the classes yet.
    entry = _NO_ROWS if unborn else known_entry(wanted, known, "report")
    if wanted.end != "value" and entry["ci_undefined"] == _COUNT:
        raise InvalidParameter(
            f"{wanted.name} is a count and has no interval; leave @{wanted.end} out.",
            errors=[{"location": "require", "received": wanted.text}],
        )
    unit = unit_within(wanted, report.get("unit"))
    return outcome(wanted, entry, unit, stated(plain(wanted.name, 100), entry, unit))


def _named(report: Report) -> dict[str, ReportNumber]:
    """Every number by the name that a requirement has for it."""
    metrics = {
        name_within(each.scope, each.label, each.name): each.entry for each in numbers(report)
    }
    return {**metrics, **{name: _exact(value) for name, value in _counts(report)}}


def _counts(report: Report) -> Iterator[tuple[str, int]]:
    """The counts of a report, with a dot between the names on the way to one."""
    waiting: list[tuple[str, Mapping[str, Any]]] = [("", report)]
    while waiting:
        prefix, values = waiting.pop()
        for name, value in values.items():
            if isinstance(value, int) and not isinstance(value, bool):
                yield f"{prefix}{name}", value
            elif isinstance(value, Mapping) and (prefix or name in _COUNTED):
                waiting.append((f"{prefix}{name}.", value))


def _exact(value: int) -> ReportNumber:
    return {"value": value, "ci": None, "undefined": None, "ci_undefined": _COUNT}


_COUNT = "count"
_NO_ROWS: ReportNumber = {"value": None, "ci": None, "undefined": "no_rows", "ci_undefined": None}

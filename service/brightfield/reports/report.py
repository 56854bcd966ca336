"""The report as it comes from an evaluation: how its parts are found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Report = Mapping[str, Any]
"""What an evaluation returned, and POST /metrics sends as JSON."""

ReportNumber = Mapping[str, Any]
"""A number of a report: `value`, `ci`, `clipped`, `method`, `n`, `undefined`, `ci_undefined`."""

Scope = Literal["all", "pooled", "class"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its place: of all cases, pooled over them, or of the class `label`."""

    scope: Scope
    label: str
    name: str
    entry: ReportNumber


def numbers(report: Report) -> Iterator[Number]:
    """Every number of the report, in its order."""
    for name, entry in report["metrics"].items():
        yield Number("all", "", name, entry)
    for name, entry in (report.get("pooled") or {}).items():
        yield Number("pooled", "", name, entry)
    for each in classes(report):
        for name, entry in each["metrics"].items():
            yield Number("class", str(each["label"]), name, entry)


def classes(report: Report) -> list[Mapping[str, Any]]:
    """What the report says about single classes."""
    return list(report.get("per_class") or ())


def parts(report: Report) -> list[Mapping[str, Any]]:
    """What the report says about the values of columns; each has numbers as a report has them."""
    return list(report.get("by") or ())


def curve(report: Report, name: str) -> Mapping[str, Any] | None:
    """A curve that has points, else None."""
    found: Mapping[str, Any] | None = (report.get("curves") or {}).get(name)
    return found if found and any(found.values()) else None


def least_iou(report: Report) -> float:
    """The lowest IoU at which detections are counted."""
    return float(report["iou_thresholds"][0])


def at_least_iou(report: Report) -> str:
    """The name of the average precision there: `ap50` at 0.5."""
    return f"ap{100 * least_iou(report):.6g}"


def level(report: Report) -> float:
    """The level of the intervals."""
    return float(report["conventions"]["ci"]["level"])


def value(entry: ReportNumber | None) -> float | None:
    """The value of a number, None where it is undefined or not there."""
    return None if entry is None else entry["value"]


def is_binary(report: Report) -> bool:
    """Whether one of two classes is the positive one."""
    return report["task"] == "classification" and report.get("operating_point") is not None

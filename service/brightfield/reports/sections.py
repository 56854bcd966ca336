"""The parts of the page: texts, tables and plots under headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from brightfield.reports.report import (
    Report,
    ReportNumber,
    at_least_iou,
    classes,
    curve,
    is_binary,
    numbers,
    parts,
)
from brightfield.reports.sliding import slides
from brightfield.reports.tables import in_words, shares
from brightfield.reports.text import label, plain
from brightfield.reports.wording import REASONS, interval, method, name_of, percent, shown

_THRESHOLDS = 24
_ROWS = 200
_MATRIX, _SHARES = 12, 6
_PAIRS = 20


@dataclass(frozen=True, slots=True)
class Cell:
    """A text; `tint` from 0 to 1 is the strength of its background colour."""

    text: str
    tint: float | None = None
    number: bool = False
    share: str = ""
    """Shown below the text, in small type."""


@dataclass(frozen=True, slots=True)
class SectionTable:
    """A table of the page. The first cell of a row is its heading."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    marked: int | None = None
    """The row that is highlighted."""
    note: str = ""
    matrix: bool = False

    def is_number(self, column: int) -> bool:
        """Whether the column holds numbers, so its heading stands above them."""
        return bool(self.rows) and self.rows[0][column].number


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its contents; `plots` are names of plots."""

    anchor: str
    title: str
    texts: Sequence[str] = ()
    plots: Sequence[str] = ()
    grids: Sequence[SectionTable] = ()
    items: Sequence[tuple[str, str]] = field(default=())


def sections(report: Report, plots: Sequence[str]) -> list[Section]:
    """The contents of the report in reading order, without empty sections."""
    found = [
        requirement_section(report),
        _numbers(report),
        _curves(plots),
        _thresholds(report, plots),
        _confusion(report, plots),
        Section("calibration", "Calibration", _CALIBRATION, _have(plots, "calibration")),
        _classes(report, plots),
        _by(report),
        _errors(report, plots),
        _missed(report),
        _worst(report),
        _excluded(report),
        _conventions(report),
    ]
    return [s for s in found if s.plots or s.grids or s.items]


_CALIBRATION = (
    "If the probabilities are right, a share of p of the cases with a probability of about p is "
    "positive: the points lie on the dotted line. The bars below count the cases of each bin.",
)


def requirement_section(found: Mapping[str, Any]) -> Section:
    """What was required of a report or comparison, if anything was."""
    judged = found.get("requirements", ())
    rows = [
        [Cell(plain(each["requirement"], 300)), Cell(_OUTCOMES[each["outcome"]]),
         Cell(each["detail"])]
        for each in judged
    ]  # fmt: skip
    columns = ("Requirement", "Outcome", "What was found")
    grids = [SectionTable("Requirements and outcomes", columns, rows)] if rows else []
    return Section("requirements", "Requirements", (), (), grids)


_OUTCOMES = {"met": "met", "not_met": "not met", "worse": "worse", "undefined": "undefined"}


def _have(plots: Sequence[str], *wanted: str) -> list[str]:
    return [name for name in wanted if name in plots]


def _number_row(name: str, entry: ReportNumber, unit: str | None) -> list[Cell]:
    return [
        Cell(name_of(name, unit)),
        Cell(shown(entry["value"]), number=True),
        Cell(interval(entry), number=True),
        Cell(method(entry)),
        Cell(f"{entry['n']:,}", number=True),
    ]


def _numbers(report: Report) -> Section:
    columns = ("Metric", "Value", "Interval", "Method, or reason", "n")
    grids = []
    captions = {"all": "Over all cases", "pooled": "Pooled: over all pixels or objects"}
    if report["task"] in ("segmentation", "restoration"):
        captions["all"] = "Means over the cases"
    for scope, caption in captions.items():
        own = [number for number in numbers(report) if number.scope == scope]
        rows = [_number_row(each.name, each.entry, report.get("unit")) for each in own]
        if rows:
            grids.append(SectionTable(caption, columns, rows))
    return Section("numbers", "Numbers", (), (), grids)


def _curves(plots: Sequence[str]) -> Section:
    wanted = _have(plots, "roc", "pr", "cases", "agreement")
    return Section("curves", "Curves and spread", (), wanted)


def _thresholds(report: Report, plots: Sequence[str]) -> Section:
    found = curve(report, "thresholds")
    if found is None:
        return Section("thresholds", "Thresholds")
    columns = ("Threshold", "TP", "FP", "TN", "FN", "Sensitivity", "Specificity", "PPV", "NPV")
    marked = _operating_row(report, found["threshold"])
    kept = _spread(len(found["threshold"]), _THRESHOLDS, marked)
    rows = []
    for place in kept:
        counts = [found[name][place] for name in ("tp", "fp", "tn", "fn")]
        texts = [f"{number:,}" for number in counts] + [shown(part) for part in shares(*counts)]
        rows.append(
            [Cell(_exact(found["threshold"][place])), *(Cell(t, number=True) for t in texts)]
        )
    note = "A case is positive if its score reaches the threshold."
    if marked is not None:
        note += " The marked row is the operating point: the lowest score that reaches it."
    if len(kept) < len(found["threshold"]):
        note += " Only some thresholds are shown; the CSV named thresholds has more."
    grid = SectionTable("Results at each threshold", columns, rows,
                None if marked is None else kept.index(marked), note)  # fmt: skip
    pictures = _have(plots, "threshold")
    texts = [*_SLIDING, *slides(report)] if pictures else []
    return Section("thresholds", "Thresholds", texts, pictures, [grid])


_SLIDING = (
    "Above, the scores of each class; below, the share of each class that is wrong at every "
    "threshold. A lower threshold turns false negatives (positives below it) into found positives, "
    "and further negatives into false positives (negatives from it on). The hatched parts are the "
    "errors at the operating point.",
)


def _operating_row(report: Report, thresholds: Sequence[float]) -> int | None:
    """The last of the falling thresholds that is not below the operating point."""
    chosen = report["operating_point"]["threshold"] if is_binary(report) else None
    if chosen is None:
        return None
    reached = [place for place, threshold in enumerate(thresholds) if threshold >= chosen]
    return reached[-1] if reached else None


def _spread(count: int, most: int, kept: int | None) -> list[int]:
    """Places from the first to the last, evenly, `kept` among them."""
    if count <= most:
        return list(range(count))
    found = {round(step * (count - 1) / (most - 1)) for step in range(most)}
    return sorted(found | ({kept} if kept is not None else set()))


def _exact(number: float) -> str:
    return f"{number:.6g}"


def _confusion(report: Report, plots: Sequence[str]) -> Section:
    found = report.get("confusion")
    if not found or not found["counts"] or len(found["labels"]) < 2:
        return Section("confusion", "Confusion matrix")
    labels = [label(name, 40) for name in found["labels"]]
    texts = ["Rows are the truth, columns the prediction; the colour is the share of the actual "
             "class."]  # fmt: skip
    if report["task"] == "detection":
        texts.append(
            "The last row counts detections without an object, the last column objects that no "
            "detection found."
        )
    grids = [_matrix(labels, found)] if len(labels) <= _MATRIX else []
    if len(labels) > 2 and (pairs := _mistaken(labels, found["counts"])):
        note = "" if len(pairs) < _PAIRS else f"The {_PAIRS} most frequent."
        columns = ("Actual", "Predicted", "Count")
        grids.append(SectionTable("Most frequent confusions", columns, pairs, note=note))
    shown_plots = _have(plots, "confusion") if len(labels) > _MATRIX else []
    return Section("confusion", "Confusion matrix", texts, shown_plots, grids)


def _matrix(labels: Sequence[str], found: Mapping[str, Any]) -> SectionTable:
    rows = []
    lines = zip(labels, found["counts"], found["normalized"], strict=True)
    for name, counts, normalized in lines:
        parts = normalized or [None] * len(counts)
        rows.append([Cell(name), *map(_matrix_cell, counts, parts)])
    rows = [row if len(labels) <= _SHARES else [replace(c, share="") for c in row] for row in rows]
    return SectionTable("Counts", ("Actual \\ predicted", *labels), rows, matrix=True)


def _matrix_cell(number: int, part: float | None) -> Cell:
    return Cell(f"{number:,}", part, number=True, share="" if part is None else percent(part))


def _mistaken(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> list[list[Cell]]:
    pairs = [
        (number, row, column)
        for row, line in enumerate(counts)
        for column, number in enumerate(line)
        if number and row != column
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
    return [
        [Cell(labels[row]), Cell(labels[column]), Cell(f"{number:,}", number=True)]
        for number, row, column in pairs[:_PAIRS]
    ]


def _classes(report: Report, plots: Sequence[str]) -> Section:
    found = classes(report)
    if not found:
        return Section("classes", "Classes")
    names = _class_metrics(report)
    rows = []
    for each in found:
        cells = [Cell(_brief(each["metrics"][name]), number=True) for name in names]
        size = [Cell(f"{each['n']:,}", number=True)] if "n" in each else []
        rows.append([Cell(plain(each["label"], 60)), *size, *cells])
    columns = ["Class", *(["n"] if "n" in found[0] else [])]
    columns += [name_of(name, report.get("unit")) for name in names]
    note = (
        "" if len(rows) <= _ROWS else f"The first {_ROWS} of {len(rows)} classes; the CSV has all."
    )
    grid = SectionTable("Each class, with intervals", columns, rows[:_ROWS], note=note)
    return Section("classes", "Classes", (), _have(plots, "classes"), [grid])


_OF_CLASS = ("sensitivity", "specificity", "ppv", "f1", "auroc", "average_precision")


def _class_metrics(report: Report) -> Sequence[str]:
    return {
        **dict.fromkeys(("classification", "multilabel"), _OF_CLASS),
        "segmentation": ("iou", "dice", "hd95", "assd", "nsd"),
        "detection": _of_detections(report),
    }[report["task"]]


def _of_detections(report: Report) -> Sequence[str]:
    if report["task"] != "detection":
        return ()
    wanted = (
        *("ap", at_least_iou(report), "ap75"),
        *(f"ar_{report['max_detections']}", "count_error"),
    )
    return [name for name in dict.fromkeys(wanted) if name in report["metrics"]]


def _by(report: Report) -> Section:
    """For each column a row for each of its values."""
    grids = []
    for column in dict.fromkeys(str(part["column"]) for part in parts(report)):
        own = [part for part in parts(report) if part["column"] == column]
        names = [name for name in _part_metrics(report) if name in own[0]["metrics"]]
        rows = [
            [
                Cell(plain(part["value"], 60)),
                Cell(f"{part['n']:,}", number=True),
                *(Cell(_brief(part["metrics"][name]), number=True) for name in names),
            ]
            for part in own
        ]
        columns = [plain(column, 60), "n", *(name_of(name, report.get("unit")) for name in names)]
        note = "The CSV named by has all numbers."
        grids.append(SectionTable(f"By {plain(column, 60)}", columns, rows, note=note))
    return Section("by", "By column", (), (), grids)


def _part_metrics(report: Report) -> Sequence[str]:
    """The numbers of parts that are shown, of those that a report has."""
    return {
        "classification": (
            *("accuracy", "sensitivity", "specificity", "ppv", "f1_macro", "balanced_accuracy"),
            *("auroc", "auroc_macro", "average_precision", "average_precision_macro"),
        ),
        "multilabel": (
            *("subset_accuracy", "f1_macro", "f1_micro", "sensitivity_macro", "ppv_macro"),
            *("auroc_macro", "average_precision_macro"),
        ),
        "segmentation": ("dice", "iou", "hd95", "nsd", "pq", "f1_at_0.5", "count_error"),
        "detection": _of_detections(report),
        "restoration": ("psnr", "ssim", "rmse"),
    }[report["task"]]


def _brief(entry: ReportNumber) -> str:
    """A value with its interval in a narrow column."""
    if entry["ci"] is None:
        return shown(entry["value"])
    low, high = (shown(bound) for bound in entry["ci"])
    return f"{shown(entry['value'])} ({low}\N{EN DASH}{high})"


def _errors(report: Report, plots: Sequence[str]) -> Section:
    return Section("errors", "Kinds of error", (), _have(plots, "errors"))


def _missed(report: Report) -> Section:
    """The objects that no detection of their class found."""
    entries = [
        {name: value for name, value in each.items() if name != "detection"}
        for each in report.get("partners", ())
        if each["outcome"] != "found"
    ]
    text = "`confused` objects have a detection of another class, `missed` ones have none."
    grids = _of_entries(entries, "Objects that were not found, by image")
    return Section("missed", "Objects not found", (text,) if grids else (), (), grids)


def _worst(report: Report) -> Section:
    grids = _of_entries(report["worst"], "Largest error first")
    return Section("worst", "Cases with the largest error", (), (), grids)


def _excluded(report: Report) -> Section:
    entries = [
        {**entry, "reason": REASONS.get(entry["reason"], entry["reason"])}
        for entry in report["excluded"]
    ]
    text = "No number above includes these. Rows are counted from 0."
    grids = _of_entries(entries, "Excluded cases and reasons")
    return Section("excluded", "Excluded", (text,) if grids else (), (), grids)


def _of_entries(entries: Sequence[Mapping[str, Any]], caption: str) -> list[SectionTable]:
    """A table with a column for each name that occurs."""
    if not entries:
        return []
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    rows = [[_cell(entry.get(name)) for name in names] for entry in entries[:_ROWS]]
    note = "" if len(entries) <= _ROWS else f"The first {_ROWS} of {len(entries):,}."
    return [SectionTable(caption, [name.replace("_", " ") for name in names], rows, note=note)]


def _cell(value: Any) -> Cell:
    if isinstance(value, float):
        return Cell(shown(value), number=True)
    if isinstance(value, int):
        return Cell(f"{value:,}", number=True)
    if isinstance(value, list) and value and all(isinstance(part, float) for part in value):
        more = " \N{HORIZONTAL ELLIPSIS}" if len(value) > 8 else ""
        return Cell("; ".join(shown(part) for part in value[:8]) + more)
    return Cell("" if value is None else plain(in_words(value), 120))


def _conventions(report: Report) -> Section:
    items = [
        (plain(name.replace("_", " ")), plain(in_words(text), 500))
        for name, text in report["conventions"].items()
    ]
    items.append(("digest of the rows (SHA-256)", plain(report["input_sha256"])))
    text = (
        "Every choice that a number depends on. Two reports with the same digest are about the "
        "same rows."
    )
    return Section("conventions", "Conventions", (text,), (), (), items)

"""Every plot of every report can be drawn, and shows what the report says."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from brightfield.errors import InvalidParameter
from brightfield.reports.drawing.canvas import draw, inline
from brightfield.reports.plots import available, catalog, choose
from brightfield.reports.plots.confusion import short
from brightfield.reports.wording import shown

Report = dict[str, Any]


def texts(svg: bytes) -> str:
    """The texts of an SVG in one line; raises for what is no XML."""
    root = ElementTree.fromstring(svg)
    return " | ".join(
        "".join(node.itertext()) for node in root.iter() if node.tag.endswith("}text")
    )


@pytest.mark.slow
def test_every_plot_of_every_report(reports: dict[str, Report]) -> None:
    drawn = set()
    for name, report in reports.items():
        for kind, plot in available(report).items():
            assert texts(draw(plot, report, "svg")), (name, kind)
            assert plot.title(report) and plot.says(report)
            drawn.add(kind)
    assert drawn == set(catalog())


def test_a_png_is_one(reports: dict[str, Report]) -> None:
    picture = Image.open(
        io.BytesIO(draw(choose(reports["binary"], "roc"), reports["binary"], "png"))
    )
    assert min(picture.size) > 600
    corner = np.asarray(picture.convert("RGB"))[0, 0]
    assert corner.tolist() == [255, 255, 255]


def test_a_roc_has_its_area_chance_and_the_operating_point(reports: dict[str, Report]) -> None:
    report = reports["youden"]
    found = texts(draw(choose(report, "roc"), report, "svg"))
    auroc = report["metrics"]["auroc"]
    low, high = auroc["ci"]
    assert f"AUROC {auroc['value']:.3f} ({low:.3f} to {high:.3f})" in found
    assert "chance" in found
    threshold = report["operating_point"]["threshold"]
    assert f"operating point (threshold {threshold:.3f}, by Youden's index)" in found
    assert "True positive rate" in found and "False positive rate" in found


def test_precision_begins_at_chance(reports: dict[str, Report]) -> None:
    report = reports["binary"]
    found = texts(draw(choose(report, "pr"), report, "svg"))
    share = sum(report["confusion"]["counts"][1]) / report["n"]
    assert f"the share of positives, {share:.3f}" in found


def test_classes_have_names_and_many_only_the_lowest(reports: dict[str, Report]) -> None:
    found = texts(draw(choose(reports["several"], "roc"), reports["several"], "svg"))
    assert all(f"class {c}: 0." in found for c in range(4))
    assert "all together (micro): 0." in found
    many = texts(draw(choose(reports["sixty"], "roc"), reports["sixty"], "svg"))
    assert "54 other classes" in many


def test_labels_are_texts_and_no_formulas(reports: dict[str, Report]) -> None:
    report = reports["hostile"]
    for kind, plot in available(report).items():
        found = texts(draw(plot, report, "svg"))
        if kind == "confusion":
            assert "</td><scri" in found and "細胞" in found


@pytest.mark.slow
def test_the_same_report_gives_the_same_bytes(reports: dict[str, Report]) -> None:
    for name in ("youden", "several", "boxes", "images"):
        for plot in available(reports[name]).values():
            assert draw(plot, reports[name], "svg") == draw(plot, reports[name], "svg")


@pytest.mark.slow
def test_several_threads_draw_at_once_and_leave_nothing_behind(reports: dict[str, Report]) -> None:
    report = reports["several"]
    before = dict(mpl.rcParams)
    plots = list(available(report).values()) * 4
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda plot: draw(plot, report, "svg"), plots))
    assert drawn == [draw(plot, report, "svg") for plot in plots]
    assert dict(mpl.rcParams) == before


def test_inside_a_page_it_takes_the_pages_colours(reports: dict[str, Report]) -> None:
    report = reports["binary"]
    element = inline(choose(report, "roc"), report, "roc")
    assert element.startswith("<svg") and "currentColor" in element
    assert "#1b1f24" not in element and "<metadata" not in element
    assert 'id="roc-figure_1"' in element


def test_a_plot_that_is_not_there_names_those_that_are(reports: dict[str, Report]) -> None:
    with pytest.raises(InvalidParameter, match=r"only predicted labels were sent\. It has confu"):
        choose(reports["binary_of_labels"], "roc")
    with pytest.raises(InvalidParameter, match="it is for classification") as caught:
        choose(reports["boxes"], "calibration")
    assert caught.value.errors[0]["expected"] == [
        *("pr", "confusion", "agreement", "classes", "errors")
    ]
    with pytest.raises(InvalidParameter, match="Did you mean roc"):
        choose(reports["binary"], "rocc")
    with pytest.raises(InvalidParameter, match="nothing to plot"):
        choose(reports["no_images"], None)


@pytest.mark.parametrize(
    ("number", "text"),
    [(950, "950"), (9999, "9999"), (12_345, "12k"), (1_250_000, "1.2M"), (3 * 10**10, "30G")],
)
def test_counts_are_short(number: int, text: str) -> None:
    assert short(number) == text


def test_the_threshold_divides_the_scores(reports: dict[str, Report]) -> None:
    report = reports["youden"]
    (_, fp), (fn, _) = report["confusion"]["counts"]
    plot = choose(report, "threshold")
    found = texts(draw(plot, report, "svg"))
    threshold = report["operating_point"]["threshold"]
    assert f"threshold {threshold:.3f}, by Youden's index" in found
    assert f"false negatives (hatched): {fn} of" in found
    assert f"false positives (hatched): {fp} of" in found
    assert "0 (n = " in found and "1, positive (n = " in found
    said = plot.says(report)
    assert f"{fn} of {report['metrics']['sensitivity']['n']} positives missed" in said
    table = report["curves"]["thresholds"]
    at = next(place for place, missed in enumerate(table["fn"]) if 2 * missed <= fn)
    assert f"A threshold of {table['threshold'][at]:.4g} at least halves the missed" in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("several", "a threshold is for two classes"),
        ("binary_of_labels", "only predicted labels were sent"),
        ("nothing", "nothing is left to count"),
        ("masks", "it is for classification"),
    ],
)
def test_a_threshold_needs_scores_of_two_classes(
    name: str, said: str, reports: dict[str, Report]
) -> None:
    assert catalog()["threshold"].refusal(reports[name]) == said


def test_counts_have_their_mean_and_limits_of_agreement(reports: dict[str, Report]) -> None:
    for report in (reports["objects"], reports["boxes"]):
        found = texts(draw(choose(report, "agreement"), report, "svg"))
        for metric, name in (("count_error", "mean"), ("count_limit_low", "lower limit")):
            assert f"{name} {shown(report['metrics'][metric]['value'])}" in found
    with pytest.raises(InvalidParameter, match="mode=instance"):
        choose(reports["masks"], "agreement")

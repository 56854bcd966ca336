"""What can be chosen by name is documented."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import numpy as np
import pytest

import brightfield.commands
import brightfield.embedding.projections
import brightfield.explain
import brightfield.metrics
import brightfield.metrics.families
import brightfield.models
import brightfield.reports.plots
import brightfield.tasks
from brightfield import explain, metrics, tasks
from brightfield.commands.command import Command
from brightfield.embedding import projections
from brightfield.images.limits import Limits
from brightfield.metrics.evaluation import DataLimits
from brightfield.metrics.statistics.family import Family
from brightfield.models.architecture import Architecture
from brightfield.plugins import discover
from brightfield.progress import no_progress
from brightfield.reports import plots
from brightfield.runtime import backends

from .pages import ROOT

LIMITS = DataLimits(Limits(10**6), 10**6)
CATALOGS = {
    "tasks": set(tasks.catalog()),
    "methods": set(explain.catalog()),
    "evaluations": set(metrics.catalog()),
    "families of metrics": set(discover(brightfield.metrics.families, Family)),  # type: ignore[type-abstract]
    "plots": set(plots.catalog()),
    "backends": set(backends.catalog()),
    "projections": set(projections.catalog()),
    "commands": set(discover(brightfield.commands, Command)),  # type: ignore[type-abstract]
    "architectures": set(discover(brightfield.models, Architecture)),
}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def named(text: str) -> set[str]:
    return set(re.findall(r"`([\w.:]+)`", text))


def row(name: str) -> set[str]:
    """The members that the page about extending lists, methods of both endpoints together."""
    rows = re.findall(rf"^\| {name}(?: of /\w+)? \|(.*)\|$", page("extending.md"), re.MULTILINE)
    assert rows, name
    return {member for line in rows for member in named(line)}


@pytest.mark.parametrize("name", CATALOGS)
def test_every_member_of_a_catalog_is_listed(name: str) -> None:
    assert row(name) == CATALOGS[name]


def test_annotation_formats_are_listed() -> None:
    folder = ROOT / "service" / "brightfield" / "images" / "annotations"
    assert row("annotation formats") == {file.stem for file in folder.glob("[a-z]*.py")}


def test_methods_have_a_row_that_says_what_a_value_is_and_one_that_says_how_to_read_it() -> None:
    for text in (page("conventions/maps.md"), page("how-to/read-a-map.md")):
        rows = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
        assert set(explain.catalog()) <= rows


def test_tasks_are_endpoints_on_the_page_of_endpoints() -> None:
    listed = set(re.findall(r"^\| `POST /(\w+)`", page("endpoints.md"), re.MULTILINE))
    assert set(tasks.catalog()) <= listed


def test_projections_and_plots_are_described() -> None:
    assert set(projections.catalog()) <= named(page("conventions/collections.md"))
    assert set(plots.catalog()) <= named(page("how-to/evaluate-predictions.md"))


def reports() -> Iterator[set[str]]:
    """The names of the numbers in a report of each task."""
    scores = [0.1, 0.4, 0.35, 0.8]
    asked = {"beta": 2, "max_fpr": 0.1, "min_sensitivity": 0.9}
    asked |= {"at_specificity": 0.9, "at_sensitivity": 0.9}
    ordered = {"top_k": 2, "kappa_weights": "linear"}
    three = {"truth": [0, 1, 2], "scores": np.eye(3)}
    masks = {"mode": "instance", "hausdorff": 100, "boundary_width": 1}
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 1
    ramp = np.arange(144, dtype=np.uint8).reshape(12, 12)
    boxes = {
        "images": [{"id": 1}],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4]}],
    }
    found = [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "score": 0.5}]
    data: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("classification", asked, {"truth": [0, 0, 1, 1], "scores": scores}),
        ("classification", ordered, three),
        ("multilabel", asked, {"truth": [[0, 1], [1, 0]], "scores": [[0.1, 0.9], [0.8, 0.3]]}),
        ("segmentation", masks, {"pairs": [_pair("truth", "prediction", mask)]}),
        ("detection", {}, {"ground_truth": boxes, "detections": found}),
        ("restoration", {}, {"pairs": [_pair("reference", "image", ramp)]}),
    ]
    assert {task for task, _, _ in data} == set(metrics.catalog())
    for task, options, rows in data:
        evaluation = metrics.catalog()[task](ci={"method": "none"}, **options)
        report = evaluation.evaluate(rows, LIMITS, no_progress)
        yield {re.sub("_(macro|micro)$", "", name) for name in report["metrics"]}


def _pair(first: str, second: str, values: np.ndarray) -> dict[str, object]:
    return {name: {"array": values.tolist()} for name in (first, second)}


def test_every_number_of_every_report_has_a_row() -> None:
    table = page("conventions/statistics.md").split("\n## Metrics\n")[1].split("\n## ")[0]
    rows = {
        name for line in re.findall(r"^\|([^|]*)\|", table, re.MULTILINE) for name in named(line)
    }
    kinds = list(reports())
    steps = {name for names in kinds for name in names if name.startswith("f1_at_")}
    assert {f"f1_at_{0.5 + 0.05 * step:g}" for step in range(10)} == steps
    known = {name for names in kinds for name in names}
    assert known - steps == rows - steps


@pytest.mark.parametrize("name", ["settings", "counters"])
def test_the_page_is_the_one_that_the_code_writes(name: str) -> None:
    spec = spec_from_file_location(f"{name}_page", ROOT / "docs" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert page(f"{name}.md") == module.text(), f"run python docs/{name}.py"


def test_the_change_log_names_every_endpoint() -> None:
    described = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in {path.split("/")[1] for path in described}:
        assert re.search(rf"[ `]/{name}\b", log), name

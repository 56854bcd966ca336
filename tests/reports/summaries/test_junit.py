"""JUnit XML as junitparser reads it."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from brightfield.reports.render import render
from brightfield.reports.requirements.both import judged

Report = dict[str, Any]


def cases(report: Report, *required: str) -> tuple[ElementTree.Element, dict[str, str]]:
    made = render(judged(report, required), "junit", title="A <b>\x00")
    assert (made.name, made.media_type) == ("report.xml", "application/xml")
    suite = ElementTree.fromstring(made.content)[0]
    found = {}
    for case in suite.iter("testcase"):
        kinds = [each.tag for each in case]
        found[case.attrib["name"]] = kinds[0] if kinds else "passed"
    return suite, found


def test_each_requirement_is_a_test(reports: dict[str, Report]) -> None:
    suite, found = cases(reports["binary"], "auroc>=0.99", "auroc@lower>=0.1")
    assert found == {
        "anything is counted": "passed", "auroc>=0.99": "failure", "auroc@lower>=0.1": "passed"
    }  # fmt: skip
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"]) == (
        "3", "1", "0"
    )  # fmt: skip
    assert suite.attrib["name"] == "A <b>"
    names = {each.attrib["name"] for each in suite.iter("property")}
    assert {"Evaluated", "Excluded", "Digest"} <= names
    assert "AUROC: 0." in (suite.findtext("system-out") or "")


def test_what_has_no_value_is_an_error(reports: dict[str, Report]) -> None:
    _, found = cases(reports["nothing"], "auroc>=0.9")
    assert found == {"anything is counted": "error", "auroc>=0.9": "error"}


def test_hostile_names_are_texts(reports: dict[str, Report]) -> None:
    cases(reports["hostile"])
    label = reports["hostile_boxes"]["per_class"][0]["label"]
    cases(reports["hostile_boxes"], f"ap/{label}>=0.1")

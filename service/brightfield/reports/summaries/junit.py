"""A summary as JUnit XML, which systems of continuous integration show as tests."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from brightfield.reports.requirements.judging import Judged
from brightfield.reports.summaries.summary import Summary
from brightfield.reports.text import plain

_KINDS = {"not_met": "failure", "worse": "failure", "undefined": "error"}


def junit(summary: Summary) -> bytes:
    """A test case for each requirement, and one that anything was counted at all.

    A requirement that is not met is a failure, one whose number has no value an error. What the
    report rests on are properties, its main sentences and numbers the output, its warnings the
    error output.
    """
    suite = Element("testsuite", name=plain(summary.title, 200))
    properties = SubElement(suite, "properties")
    for name, value in summary.facts:
        SubElement(properties, "property", name=plain(name), value=plain(value))
    _counted(suite, summary.n)
    for each in summary.requirements:
        _case(suite, each)
    SubElement(suite, "system-out").text = "\n".join(_said(summary))
    SubElement(suite, "system-err").text = "\n".join(summary.warnings)
    root = Element("testsuites")
    root.append(suite)
    for part in (root, suite):
        part.set("tests", str(1 + len(summary.requirements)))
        for kind, name in (("failure", "failures"), ("error", "errors")):
            part.set(name, str(len(suite.findall(f"testcase/{kind}"))))
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _counted(suite: Element, n: int) -> None:
    case = SubElement(suite, "testcase", classname="brightfield", name="anything is counted")
    if not n:
        SubElement(case, "error", message="Nothing was counted.", type="no_rows")


def _case(suite: Element, each: Judged) -> None:
    name = plain(each["requirement"], 300)
    if each["relation"] == "no_loss":
        name = f"{name}: {plain(each['metric'], 100)}"
    case = SubElement(suite, "testcase", classname="brightfield.requirements", name=name)
    if each["outcome"] in _KINDS:
        kind = each["undefined"] or each["outcome"]
        fault = SubElement(case, _KINDS[each["outcome"]], message=each["detail"], type=kind)
        fault.text = each["detail"]


def _said(summary: Summary) -> Iterator[str]:
    yield from summary.headlines
    for name, value, *rest in summary.rows:
        yield f"{name}: {value} ({'; '.join(part for part in rest if part)})"

"""The headlines say what the numbers say."""

from __future__ import annotations

from typing import Any

from brightfield.reports.sentences import sentences

Report = dict[str, Any]


def test_two_classes(reports: dict[str, Report]) -> None:
    report = reports["youden"]
    text = " ".join(sentences(report))
    auroc = report["metrics"]["auroc"]
    low, high = auroc["ci"]
    assert f"is {auroc['value']:.3f} (95 % interval {low:.3f} to {high:.3f}, DeLong)" in text
    assert f"threshold {report['operating_point']['threshold']:.3f}, by Youden's index" in text
    found = report["metrics"]["sensitivity"]
    expected = f"of the {found['n']} cases of 1 that it finds: {100 * found['value']:.0f} %"
    assert expected in text


def test_what_is_undefined_is_said_with_its_reason(reports: dict[str, Report]) -> None:
    assert "undefined, because nothing is left to count" in " ".join(sentences(reports["nothing"]))
    assert "the truth has no negatives" in " ".join(sentences(reports["one_class"]))


def test_every_report_has_sentences(reports: dict[str, Report]) -> None:
    for name, report in reports.items():
        found = sentences(report)
        assert len(found) >= 3, name
        assert not [each for each in found if "None" in each or "nan" in each.lower().split()], name


def test_what_of_the_images_is_compared_is_said(reports: dict[str, Report]) -> None:
    assert "The comparison covers" not in " ".join(sentences(reports["images"]))
    other = {**reports["images"], "luminance": True, "border": 2}
    expected = "The comparison covers their luminance, without 2 pixels along each side."
    assert expected in sentences(other)

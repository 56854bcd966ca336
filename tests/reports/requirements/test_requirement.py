"""How requirements are written."""

from __future__ import annotations

import pytest

from brightfield.reports.requirements.requirement import Requirement


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auroc>=0.9", ("auroc", "value", ">=", 0.9, None)),
        (" hd95 <= 5 um ", ("hd95", "value", "<=", 5, "um")),
        ("auroc@lower>-.5e-1", ("auroc", "lower", ">", -0.05, None)),
        ("auroc<1@upper", ("auroc", "upper", "<", 1, None)),
        ("f1_at_0.5>=0.75", ("f1_at_0.5", "value", ">=", 0.75, None)),
        ("ap/x>=1 @lower>=0.5", ("ap/x>=1", "lower", ">=", 0.5, None)),
        ("ap/a@b>=0.5", ("ap/a@b", "value", ">=", 0.5, None)),
        ("auroc", ("auroc", "value", None, None, None)),
    ],
)
def test_a_name_a_relation_and_a_bound(text: str, expected: tuple[object, ...]) -> None:
    found = Requirement.parse(text)
    assert (found.name, found.end, found.relation, found.bound, found.unit) == expected


@pytest.mark.parametrize("text", ["", "auroc>=", "auroc>=x", "auroc=0.9", ">=1", "auroc>=nan",
                                  "auroc@lower>=0.9@upper", "a" * 301])  # fmt: skip
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"requirement|NAME>=NUMBER|both ends"):
        Requirement.parse(text)


def test_bounds_themselves() -> None:
    held = {relation: Requirement.parse(f"n{relation}2") for relation in (">=", "<=", ">", "<")}
    assert [held[name].holds(2.0) for name in held] == [True, True, False, False]
    assert [held[name].holds(2.5) for name in held] == [True, False, True, False]

"""The threshold that is dragged: the page's numbers are those of the report at that threshold."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from itertools import chain
from typing import Any

import httpx2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from .conftest import Keep, OpenPage

RATES = ("sensitivity", "specificity", "ppv", "npv")


def csv_of(groups: bool = False) -> str:
    """Two classes that overlap, with scores that tie."""
    rng = np.random.default_rng(3)
    truth = rng.random(240) < 0.3
    scores = np.clip(np.round(rng.normal(0.38 + 0.26 * truth, 0.19), 3), 0, 1)
    rows = [
        f"{'infected' if one else 'healthy'},{score},smear-{n}" + (f",p{n // 6}" if groups else "")
        for n, (one, score) in enumerate(zip(truth, scores, strict=True))
    ]
    return "\n".join(["truth,score,id" + (",group" if groups else ""), *rows])


def evaluated(page: Page, csv: str) -> None:
    page.fill("#csv", csv)
    page.click("#evaluate")
    page.click("[data-positive=infected]")
    expect(page.locator(".live")).to_be_visible()


def _report(origin: str, csv: str, **query: Any) -> Any:
    reply = httpx2.post(
        f"{origin}/metrics", params={"positive": "infected", **query}, content=csv.encode(),
        headers={"Content-Type": "text/csv"}, trust_env=False, timeout=60,
    )  # fmt: skip
    assert reply.status_code == 200, reply.text
    return reply.json()


def _written(value: float) -> str:
    """As the page writes it; ties between two digits go up, as in ECMAScript."""
    return str(Decimal(value).quantize(Decimal("0.0001"), ROUND_HALF_UP))


def _told(estimate: dict[str, Any]) -> tuple[str, str]:
    if estimate["value"] is None:
        return "of none", ""
    low, high = estimate["ci"]
    return _written(estimate["value"]), f"{_written(low)} to {_written(high)}"


_SEEN = """(threshold) => {
  const box = document.querySelector('#threshold');
  box.value = threshold;
  box.dispatchEvent(new Event('change'));
  const text = (id) => document.getElementById(id).textContent;
  return {
    counts: [...document.querySelectorAll('.confusion td.number')].map((each) => Number(each.textContent)),
    rates: ['sensitivity', 'specificity', 'ppv', 'npv'].map((key) => [text(`value-${key}`), text(`interval-${key}`)]),
  };
}"""  # noqa: E501


@pytest.mark.slow
def test_every_number_is_the_reports_at_fifty_thresholds(
    open_page: OpenPage, origin: str, shown: Keep
) -> None:
    csv = csv_of()
    page = open_page("/#place=evaluation")
    evaluated(page, csv)
    shown(page)
    inside = np.random.default_rng(5).uniform(0, 1, 44).tolist()
    scores = [float(line.split(",")[1]) for line in csv.splitlines()[1:]]
    for threshold in [-0.5, 0.0, 0.5, scores[0], max(scores), 1.5, *inside]:
        seen = page.evaluate(_SEEN, threshold)
        report = _report(origin, csv, threshold=threshold)
        assert seen["counts"] == [*chain(*report["confusion"]["counts"])], threshold
        wanted = [list(_told(report["metrics"][key])) for key in RATES]
        assert seen["rates"] == wanted, threshold


@pytest.mark.slow
def test_the_threshold_is_dragged_by_mouse_and_keys_and_a_link_keeps_it(
    open_page: OpenPage, origin: str
) -> None:
    run = httpx2.post(
        f"{origin}/metrics/runs", json={"labels": ["healthy", "infected"]}, trust_env=False
    ).json()["id"]
    httpx2.put(
        f"{origin}/metrics/runs/{run}/chunks/all", content=csv_of().encode(), trust_env=False,
        headers={"Content-Type": "text/csv"},
    ).raise_for_status()  # fmt: skip
    page = open_page(f"/#place=evaluation&run={run}&compare={run}")
    expect(page.locator(".live")).to_be_visible()
    plot = page.locator(".scores svg").bounding_box()
    assert plot is not None
    page.mouse.move(plot["x"] + 0.4 * plot["width"], plot["y"] + 60)
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.6 * plot["width"], plot["y"] + 60, steps=3)
    page.mouse.up()
    dragged = float(page.input_value("#threshold"))
    assert 0.5 < dragged < 0.65
    page.focus(".live input[type=range]")
    page.keyboard.press("ArrowLeft")
    threshold = float(page.input_value("#threshold"))
    assert threshold < dragged
    again = open_page(page.url.removeprefix(origin))
    expect(again.locator("#threshold")).to_have_value(str(threshold))
    expect(again.locator("[data-truth]").first).to_have_text(
        page.locator("[data-truth]").first.inner_text()
    )


def test_intervals_over_groups_come_from_the_service(open_page: OpenPage, origin: str) -> None:
    csv = csv_of(groups=True)
    page = open_page("/#place=evaluation")
    evaluated(page, csv)
    page.evaluate(_SEEN, 0.41)
    report = _report(origin, csv, threshold=0.41)
    value, span = _told(report["metrics"]["sensitivity"])
    expect(page.locator("#value-sensitivity")).to_have_text(value)
    expect(page.locator("#interval-sensitivity")).to_have_text(span)


def test_more_than_two_classes_have_a_table(open_page: OpenPage) -> None:
    page = open_page("/#place=evaluation", width=400)
    page.fill("#csv", "truth,prediction\na,a\nb,a\nc,c\na,b\n")
    page.click("#evaluate")
    expect(page.locator(".confusion tbody tr")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400

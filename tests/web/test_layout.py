"""Nothing that is clicked moves under the pointer while answers, errors and progress arrive."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import Keep, OpenPage, drop, shifts
from .test_shell import COFFEE, refused

WIDTHS = pytest.mark.parametrize("width", [1280, pytest.param(400, marks=pytest.mark.slow)])


def press(page: Page, selector: str) -> None:
    """A click without a hand: what it moves counts from its first moment on."""
    page.locator(selector).first.evaluate("each => each.click()")


def go(page: Page, **changes: str) -> None:
    """Change the address as a link does."""
    page.evaluate(
        """changes => {
          const words = new URLSearchParams(location.hash.slice(1));
          for (const [key, value] of Object.entries(changes)) words.set(key, value);
          location.hash = words;
        }""",
        changes,
    )


def still(page: Page) -> None:
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
    assert shifts(page) == []


def test_a_button_that_moves_is_seen(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.locator(".samples li")).to_have_count(6)
    page.evaluate("document.querySelector('#panel-image').prepend('something that comes late')")
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    assert shifts(page) != []
    page.evaluate("window.shifts = []")


@WIDTHS
def test_answers_and_reasons_arrive(open_page: OpenPage, width: int, shown: Keep) -> None:
    page = open_page(width=width)
    drop(page, COFFEE)
    expect(page.locator(".bars li")).to_have_count(5)
    still(page)
    go(page, window="224")
    expect(page.locator("#panel-answer .legend")).to_be_visible()
    still(page)
    press(page, "#tab-why")
    expect(page.locator("#panel-why .figure")).to_be_visible()
    go(page, beside="gradient")
    expect(page.locator("#panel-why button.figure")).to_have_count(2)
    press(page, "text=Outline by GrabCut")
    expect(page.locator("#panel-why")).to_contain_text("The outline holds")
    shown(page)
    still(page)
    press(page, "#tab-model")
    expect(page.locator(".description")).to_be_visible()
    still(page)


@WIDTHS
def test_errors_arrive(open_page: OpenPage, width: int, tmp_path: Path, shown: Keep) -> None:
    page = open_page(width=width)
    (tmp_path / "broken.png").write_bytes(b"no image")
    drop(page, tmp_path / "broken.png")
    expect(page.get_by_role("alert")).to_be_visible()
    problem = {"title": "No", "detail": "Not now. " * 30, "status": 422, "code": "x"}
    page.route("**/classify**", lambda route: route.fulfill(json=problem, status=422))
    drop(page, COFFEE)
    expect(page.locator("#panel-answer").get_by_role("alert")).to_be_visible()
    shown(page)
    page.context.set_offline(True)
    press(page, ".samples button")
    expect(page.locator("#outage")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator("#outage")).to_be_hidden()
    still(page)
    refused(open_page)


@WIDTHS
def test_layers_and_units_arrive(open_page: OpenPage, width: int) -> None:
    page = open_page("/#panel=inside", width=width)
    drop(page, COFFEE)
    expect(page.locator(".layers button").first).to_be_visible()
    still(page)
    go(page, layer="blocks.1.expand.conv")
    expect(page.locator(".units li").first).to_be_visible()
    press(page, ".units button")
    expect(page.locator(".lit canvas")).to_have_count(2)
    still(page)


@WIDTHS
def test_a_report_arrives(open_page: OpenPage, width: int) -> None:
    page = open_page("/#place=evaluation", width=width)
    paste = "text => { document.querySelector('#csv').value = text; }"
    page.evaluate(paste, "truth,score\n0,.2\n1,.4\n0,.5\n1,.8")
    press(page, "#evaluate")
    expect(page.locator(".live")).to_be_visible()
    page.evaluate(paste, "truth,score\na,zero")
    press(page, "#evaluate")
    expect(page.locator("#report").get_by_role("alert")).to_be_visible()
    still(page)
    refused(open_page)

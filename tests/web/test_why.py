"""Explanations: a grid that fills, words under the cursor, a what-if, cancelling and reloading."""

from __future__ import annotations

import re

import httpx2
from playwright.sync_api import Page, expect

from .conftest import Keep, Measured, OpenPage, drop
from .test_objects import place_of
from .test_shell import COFFEE


def explain(page: Page, method: str) -> None:
    drop(page, COFFEE)
    expect(page.locator(".bars li")).to_have_count(5)
    page.get_by_role("tab", name="Why").click()
    page.select_option("#method", method)


def asked(origin: str, query: str) -> dict:
    url = f"{origin}/occlusion?output=probability&{query}"
    reply = httpx2.post(url, content=COFFEE.read_bytes(), trust_env=False, timeout=100)
    found: dict = reply.json()["result"]
    return found


def short(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".")


def test_occlusion_fills_and_says_what_hiding_does(
    open_page: OpenPage, shown: Keep, measured: Measured
) -> None:
    page = open_page()
    with page.expect_response("**/result") as answered:
        explain(page, "occlusion")
    expect(page.locator("#panel-why .figure")).to_be_visible()
    shares = page.evaluate("performance.getEntriesByName('partial').map(each => each.detail)")
    assert len(shares) > 1
    measured("first_cells_of_the_map", round(shares[0], 3))
    result = answered.value.json()["result"]
    grid, scores = result["grid"], result["scores"][0]
    row, column = grid["rows"] // 2, grid["cols"] // 2
    (left, right), (top, bottom) = grid["x"][column], grid["y"][row]
    page.mouse.move(*place_of(page, (left + right) / 2, (top + bottom) / 2, 600, 400))
    words = f"Hide this: P(espresso) {short(result['base'][0])} → {short(scores[row][column])}"
    expect(page.locator(".hover-line").last).to_have_text(words)
    shown(page)
    page.select_option("#beside", "grad_cam")
    expect(page.locator(".maps.two button.figure")).to_have_count(2)
    shown(page)
    page.get_by_label("One scale for both").check()
    ends = page.locator(".maps.two .ends").all_inner_texts()
    assert ends[0] == ends[1]


def test_a_rectangle_is_hidden(open_page: OpenPage, origin: str, shown: Keep) -> None:
    page = open_page()
    explain(page, "grad_cam")
    page.get_by_role("button", name="Hide a rectangle").click()
    page.mouse.move(*place_of(page, 200.5, 100.5, 600, 400))
    page.mouse.down()
    page.mouse.move(*place_of(page, 399.5, 299.5, 600, 400), steps=3)
    page.mouse.up()
    after = asked(origin, "hide=200,100,200,200")["what_if"]["after"][0]
    expect(page.locator(".what-if")).to_have_text(re.compile(re.escape(f"→ {short(after)}")))
    shown(page)


def test_a_job_is_followed_after_a_reload_and_can_be_cancelled(
    open_page: OpenPage, origin: str
) -> None:
    page = open_page()
    explain(page, "rise")
    expect(page).to_have_url(re.compile("job=job_"))
    job = re.search(r"job=(job_\w+)", page.url)
    assert job is not None
    page.reload()
    expect(page.locator("#panel-why .progress")).to_contain_text("RISE")
    page.locator("#panel-why").get_by_role("button", name="Cancel").click()
    expect(page.locator("#panel-why")).to_contain_text("Cancelled")
    states = {"cancelled", "succeeded"}
    page.wait_for_timeout(300)
    assert httpx2.get(f"{origin}/jobs/{job[1]}", trust_env=False).json()["state"] in states

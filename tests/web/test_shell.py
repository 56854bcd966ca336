"""The page from its opening to its first answer, and what holds wherever in it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from .conftest import REQUIRED, ROOT, Keep, Measured, OpenPage, drop

AXE = next(
    (
        path
        for folder in (".npm/node_modules", "node_modules")
        if (path := ROOT / folder / "axe-core" / "axe.min.js").is_file()
    ),
    None,
)
MARKUP = "<img src=x onerror=document.title='ran'>"
COFFEE = Path(str(files("skimage") / "data" / "coffee.png"))


def rows(page: Page) -> list[str]:
    return page.locator(".bars .wrap").all_inner_texts()


def test_a_dropped_image_is_answered_and_a_link_opens_it_again(
    open_page: OpenPage, origin: str, shown: Keep, measured: Measured
) -> None:
    answer = httpx2.post(f"{origin}/classify", content=COFFEE.read_bytes(), trust_env=False)
    page = open_page()
    page.evaluate(_WATCH_DROP)
    drop(page, COFFEE)
    expect(page.locator(".bars li")).to_have_count(5)
    for name, value in page.evaluate("window.dropped").items():
        measured(f"dropped_to_top5_{name}_ms", round(value))
    assert rows(page) == [each["label"] for each in answer.json()["result"]["predictions"]]
    page.locator(".bars button").nth(1).click()
    shown(page)
    again = open_page(page.url.removeprefix(origin))
    expect(again.locator(".bars li")).to_have_count(5)
    expect(again.locator(".bars button[aria-pressed=true] .wrap")).to_have_text(rows(page)[1])


# From the file's arrival to the picture of the screen that has the classes, and how much of it went
# by until the service had answered the two requests that stand between them.
_WATCH_DROP = """() => {
  const waited = (begun, path) => performance.getEntriesByType('resource')
    .filter((each) => each.startTime >= begun && new URL(each.name).pathname === path)
    .reduce((sum, each) => sum + each.responseEnd - each.requestStart, 0);
  window.dropped = new Promise((done) => addEventListener('change', () => {
    const begun = performance.now();
    const look = new MutationObserver(() => {
      if (document.querySelectorAll('.bars li').length < 5) return;
      look.disconnect();
      requestAnimationFrame(() => setTimeout(() => {
        const [all, service] = [performance.now() - begun, waited(begun, '/images') + waited(begun, '/classify')];
        done({ all, service, page: all - service });
      }));
    });
    look.observe(document.querySelector('#panel-answer'), { childList: true, subtree: true });
  }, { capture: true, once: true }));
}"""  # noqa: E501


def test_markup_is_text(open_page: OpenPage, tmp_path: Path) -> None:
    """Of a file, a model, a label, a warning and a refusal."""
    page = open_page()
    model = {"id": MARKUP, "version": "1", "task": "classify", "description": MARKUP}
    card = {**model, "licence": MARKUP, "state": "available", "quarantine": MARKUP, "quality": []}
    card |= {"labels": [{"class_id": 0, "name": MARKUP, "color": [0, 0, 0]}], "methods": []}
    card |= {"input": {"channels": 3, "objects": None}, "citation": MARKUP, "examination": None}
    prediction = {"label": MARKUP, "class_id": 0, "score": 0.5}
    answer = {"result": {"predictions": [prediction]}, "image": {"width": 9, "height": 9}}
    answer["warnings"] = [{"code": "x", "detail": MARKUP}]  # type: ignore[assignment]
    page.route("**/models", lambda route: route.fulfill(json={"models": [card]}))
    page.route("**/models/*", lambda route: route.fulfill(json=card))
    page.route("**/classify**", lambda route: route.fulfill(json=answer))
    page.reload()
    file = tmp_path / f"{MARKUP.replace('/', '')}.png"
    file.write_bytes(COFFEE.read_bytes())
    drop(page, file)
    expect(page.locator(".bars .wrap").first).to_have_text(MARKUP)
    expect(page.locator(".answer-body .note")).to_have_text(MARKUP)
    expect(page.locator(".strip:not(.samples)")).to_contain_text(MARKUP)
    page.get_by_role("tab", name="Model").click()
    expect(page.locator(".description")).to_have_text(MARKUP)
    problem = {"title": MARKUP, "detail": MARKUP, "status": 422, "code": "x"}
    page.route("**/images", lambda route: route.fulfill(json=problem, status=422))
    drop(page, file)
    expect(page.get_by_role("alert")).to_contain_text(MARKUP)
    assert page.title() == "Brightfield"
    assert page.locator("img[src=x]").count() == 0
    refused(open_page)


def refused(open_page: OpenPage) -> None:
    """The browser itself reports a reply of 422 or a broken connection; that's no fault here."""
    faults = open_page.faults  # type: ignore[attr-defined]
    faults[:] = [each for each in faults if not each.startswith("Failed to load resource")]


def test_a_refusal_stands_beside_its_cause(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    (tmp_path / "broken.png").write_bytes(b"no image")
    drop(page, tmp_path / "broken.png")
    alert = page.locator("#images").get_by_role("alert")
    expect(alert).to_contain_text("JPEG")
    expect(page.locator("#images")).to_contain_text("broken.png")
    refused(open_page)


def test_the_page_goes_on_when_the_service_is_back(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.locator("#images .samples li")).to_have_count(6)
    page.context.set_offline(True)
    drop(page, COFFEE)
    expect(page.locator("#outage")).to_contain_text("does not answer")
    page.context.set_offline(False)
    expect(page.locator(".bars li")).to_have_count(5)
    expect(page.locator("#outage")).to_be_hidden()
    refused(open_page)


@pytest.mark.skipif(
    AXE is None and not REQUIRED, reason="axe-core isn't there: npm install --prefix .npm axe-core"
)
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 1280),
        pytest.param("dark", 1280, marks=pytest.mark.slow),
        pytest.param("light", 400, marks=pytest.mark.slow),
    ],
)
def test_it_is_accessible(open_page: OpenPage, scheme: str, width: int, shown: Keep) -> None:
    """axe-core without findings that are serious; and nothing is wider than the window."""
    page = open_page(width=width, scheme=scheme)
    drop(page, COFFEE)
    expect(page.locator(".bars li")).to_have_count(5)
    assert AXE is not None
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for name, ready in READY.items():
        page.locator(f"#tab-{name}, #place-{name}").click()
        expect(page.locator(f"#panel-{name} {ready}").first).to_be_visible()
        shown(page)
        found = page.evaluate("axe.run().then(each => each.violations)")
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []
        assert page.evaluate(_WIDER) == []


_WIDER = """[document.documentElement, ...document.querySelectorAll('main, .panel-body')]
  .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.id || each.tagName)"""

READY = {
    "model": ".description", "why": ".figure", "inside": ".layers button", "answer": ".bars",
    "evaluation": "#csv", "space": ".cloud", "load": "tbody tr",
}  # fmt: skip

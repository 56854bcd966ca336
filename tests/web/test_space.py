"""A collection made of files, its map, its lists; what the units of a model see in it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import numpy as np
import pytest
import skimage.data
from PIL import Image
from playwright.sync_api import Page, expect

from .conftest import Keep, Measured, OpenPage


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Parts of two photographs, one of them twice."""
    folder, rng = tmp_path_factory.mktemp("crops"), np.random.default_rng(0)
    for name, photo in (("cat", skimage.data.chelsea()), ("coffee", skimage.data.coffee())):
        for number in range(6):
            top, left = rng.integers(0, 100, 2)
            part = photo[top : top + 150, left : left + 150]
            Image.fromarray(part).save(folder / f"{name}-{number}.png")
    Image.fromarray(part).save(folder / "twin <b>.png")
    return [str(path) for path in sorted(folder.iterdir())]


def _lasso(page: Page) -> None:
    """Around the left half of the map."""
    box = page.locator(".cloud").bounding_box()
    assert box is not None
    page.click("#lasso")
    corners = [(4, 4), (box["width"] / 2, 4), (box["width"] / 2, box["height"] - 4)]
    page.mouse.move(box["x"] + 4, box["y"] + box["height"] - 4)
    page.mouse.down()
    for x, y in corners:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=2)
    page.mouse.up()
    page.click("#lasso")


@pytest.mark.slow
def test_files_become_a_collection_that_is_looked_at_and_cut(
    open_page: OpenPage, origin: str, crops: list[str], shown: Keep
) -> None:
    page = open_page("/#place=space")
    page.locator("#make").evaluate("each => { each.open = true; }")
    page.fill("#collection-name", "crops")
    page.set_input_files("#collection-files", crops)
    expect(page.locator(".side-list")).to_contain_text("13 items, PCA")
    page.click("#duplicates")
    expect(page.locator(".group")).to_have_count(1)
    expect(page.locator(".group")).to_contain_text("twin <b>.png")
    page.locator(".group button").first.click()
    expect(page.locator(".items li")).to_have_count(12)
    shown(page)
    _lasso(page)
    with page.expect_download() as saved:
        page.click("#download-items")
    ids = Path(saved.value.path()).read_text().splitlines()[1:]
    assert 0 < len(ids) < 13
    page.click("#delete-items")
    page.locator("dialog button", has_text="Delete").click()
    expect(page.locator("#space-list")).to_contain_text("deleted")
    left = httpx2.get(f"{origin}/collections/crops", trust_env=False).json()["items"]
    assert left == 13 - len(ids)


@pytest.mark.slow
def test_units_show_what_they_see(
    open_page: OpenPage, origin: str, crops: list[str], shown: Keep
) -> None:
    with httpx2.Client(base_url=origin, trust_env=False, timeout=60) as client:
        client.put("/collections/seen", params={"keep_images": True}).raise_for_status()
        for path in crops[:3]:
            client.post(
                "/collections/seen/items", params={"ids": Path(path).name},
                content=Path(path).read_bytes(),
            ).raise_for_status()  # fmt: skip
    page = open_page("/#panel=inside&layer=blocks.1.expand.conv")
    page.set_input_files("#choose", crops[0])
    expect(page.locator("#filters img")).to_have_attribute("src", re.compile("^blob:"))
    expect(page.locator(".units li")).to_have_count(48)
    page.locator(".units button").first.click()
    expect(page.locator(".lit canvas")).to_have_count(2)
    shown(page)
    page.select_option("#patches-of", "seen")
    page.click("#find-patches")
    expect(page.locator("#patches img").nth(1)).to_be_visible()


@pytest.mark.slow
def test_a_map_is_followed_after_a_reload(open_page: OpenPage, origin: str) -> None:
    """Its job is in the address, and the page asks for no second one."""
    rows = np.random.default_rng(0).normal(size=(400, 16)).round(3).tolist()
    with httpx2.Client(base_url=origin, trust_env=False, timeout=60) as client:
        client.put("/collections/points", json={"dim": 16}).raise_for_status()
        client.post("/collections/points/items", json={"vectors": rows}).raise_for_status()
    page = open_page("/#place=space&collection=points")
    expect(page.locator(".side-list")).to_contain_text("400 items, PCA")
    page.click("#make-map")
    expect(page).to_have_url(re.compile("mapping=job_"))
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if each.method == "POST" else None)
    page.reload()
    expect(page.locator(".side-list")).to_contain_text("400 items, t-SNE", timeout=100_000)
    assert asked == []


CLOUD = """async () => {
  const { Cloud } = await import('./web/space/cloud.js');
  const canvas = document.createElement('canvas');
  canvas.style.cssText = 'width: 900px; height: 600px';
  document.body.replaceChildren(canvas);
  const n = 100_000;
  const clicked = [];
  const cloud = new Cloud(canvas, { hovered() {}, clicked: (i) => clicked.push(i), lassoed() {}, thumbnail: () => null });
  cloud.show({ x: Float32Array.from({ length: n }, (_, i) => i % 400), y: Float32Array.from({ length: n }, (_, i) => Math.floor(i / 400)), colors: new Uint32Array(n).fill(0xff0000ff) });
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  await frame();
  const took = [];
  for (let i = 0; i < 30; i += 1) {
    canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: -20, clientX: 450, clientY: 300 }));
    await frame();
    took.push(cloud.took);
  }
  const pixels = canvas.getContext('2d').getImageData(0, 0, 900, 600).data;
  return { took: took.sort((a, b) => a - b)[15], red: pixels.filter((each, at) => at % 4 === 0 && each === 255).length, elements: document.body.querySelectorAll('*').length };
}"""  # noqa: E501


def test_a_hundred_thousand_points_are_one_picture(open_page: OpenPage, measured: Measured) -> None:
    """The time of a drawing is reported and judged by no clock."""
    page = open_page()
    found = page.evaluate(CLOUD)
    measured("a_hundred_thousand_points_ms_a_frame", found["took"])
    assert found["red"] > 50_000
    assert found["elements"] == 1


def test_the_load_is_live(open_page: OpenPage, origin: str, crops: list[str], shown: Keep) -> None:
    page = open_page("/#place=load")
    facts = page.locator("#load-facts")
    expect(facts).to_contain_text("requests answered")
    image = Path(crops[0]).read_bytes()
    httpx2.post(f"{origin}/classify", content=image, trust_env=False, timeout=60)
    row = page.locator("tr", has_text="imagenet-lite0")
    expect(row).to_contain_text("resident")
    shown(page)

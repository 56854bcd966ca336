"""The page as docs/how-to/use-the-page.md walks through it: ten pictures, each made here.

BRIGHTFIELD_PICTURES=rewrite writes them to docs/pictures/page; look at them before they are kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest
import skimage.data
from PIL import Image
from playwright.sync_api import Page, expect

from .conftest import ROOT, OpenPage, drop
from .test_evaluation import csv_of, evaluated
from .test_objects import choose_task, place_of
from .test_shell import COFFEE

FOLDER = ROOT / "docs" / "pictures" / "page"
CAT = COFFEE.with_name("chelsea.png")
WIDTH, HEIGHT = 1180, 720
MOST_BYTES = 120_000

Picture = Callable[[Page, str], None]


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Takes a picture under a name."""
    folder = FOLDER if os.environ.get("BRIGHTFIELD_PICTURES") == "rewrite" else tmp_path

    def take(page: Page, name: str) -> None:
        page.wait_for_timeout(300)
        path = folder / f"{name}.jpg"
        page.screenshot(path=path, type="jpeg", quality=80)
        assert path.stat().st_size <= MOST_BYTES

    return take


def test_the_guide_has_ten_pictures_and_none_is_large() -> None:
    guide = (ROOT / "docs" / "how-to" / "use-the-page.md").read_text(encoding="utf-8")
    named = re.findall(r"!\[[^\]]+\]\(\.\./pictures/page/([\w-]+\.jpg)\)", guide)
    there = sorted(FOLDER.glob("*.jpg"))
    assert sorted(named) == [each.name for each in there] and len(there) == 10
    assert all(each.stat().st_size <= MOST_BYTES for each in there)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_photograph(open_page: OpenPage, picture: Picture) -> None:
    page = open_page(width=WIDTH, height=HEIGHT)
    drop(page, COFFEE)
    expect(page.locator(".bars li")).to_have_count(5)
    picture(page, "01-answer")
    page.select_option("#window", "96")
    expect(page.locator("#panel-answer .legend")).to_be_visible()
    picture(page, "02-where")
    drop(page, CAT)
    expect(page.locator(".bars .wrap").first).to_have_text("tiger cat")
    page.get_by_role("tab", name="Why").click()
    page.select_option("#beside", "guided_backprop")
    expect(page.locator("#panel-why button.figure")).to_have_count(2)
    picture(page, "03-two-methods")
    page.select_option("#beside", "")
    page.select_option("#method", "occlusion")
    expect(page.locator("#panel-why button.figure")).to_have_count(1)
    page.mouse.move(*place_of(page, 280, 220, 451, 300))
    picture(page, "04-occlusion")
    page.select_option("#method", "grad_cam")
    expect(page.locator("#panel-why .figure")).to_contain_text("Grad-CAM")
    page.get_by_role("button", name="Hide a rectangle").click()
    page.mouse.move(*place_of(page, 90, 60, 451, 300))
    page.mouse.down()
    page.mouse.move(*place_of(page, 330, 150, 451, 300), steps=3)
    page.mouse.up()
    expect(page.locator(".what-if")).to_be_visible()
    picture(page, "05-hidden")
    page.get_by_role("button", name="Show it again").click()
    page.get_by_role("button", name="Check this map").click()
    expect(page.locator(".verdict")).to_be_visible()
    picture(page, "06-checked")
    page.get_by_role("tab", name="Inside").click()
    page.locator(".layers button", has_text="blocks.1.expand.conv").click()
    page.locator(".units button").first.click()
    expect(page.locator(".lit canvas")).to_have_count(2)
    picture(page, "07-inside")


@pytest.mark.slow
def test_a_field_of_nuclei(open_page: OpenPage, field: Path, picture: Picture) -> None:
    page = open_page(width=WIDTH, height=HEIGHT)
    drop(page, field)
    with page.expect_response("**/result") as answered:
        choose_task(page, "segment")
    one = max(answered.value.json()["result"]["objects"], key=lambda each: each["area_px"])
    expect(page.locator(".total")).to_contain_text("objects")
    page.mouse.click(*place_of(page, one["centroid"]["x"], one["centroid"]["y"], 320, 320))
    expect(page.locator(".detail")).to_contain_text(f"Object {one['id']}")
    picture(page, "08-objects")


@pytest.mark.slow
def test_a_threshold(open_page: OpenPage, picture: Picture) -> None:
    page = open_page("/#place=evaluation", width=WIDTH, height=HEIGHT + 120)
    evaluated(page, csv_of())
    page.fill("#threshold", "0.45")
    page.keyboard.press("Enter")
    picture(page, "09-threshold")


@pytest.mark.slow
def test_a_collection(open_page: OpenPage, origin: str, tmp_path: Path, picture: Picture) -> None:
    rng = np.random.default_rng(0)
    photos = {"cat": skimage.data.chelsea(), "coffee": skimage.data.coffee(), "tissue": skimage.data.immunohistochemistry()}  # fmt: skip # noqa: E501
    with httpx2.Client(base_url=origin, trust_env=False, timeout=60) as client:
        client.put("/collections/photographs", params={"keep_images": True}).raise_for_status()
        for name, photo in photos.items():
            for number in range(8):
                top, left = rng.integers(0, 150, 2)
                path = tmp_path / f"{name}-{number}.png"
                Image.fromarray(photo[top : top + 150, left : left + 150]).save(path)
                client.post(
                    "/collections/photographs/items", content=path.read_bytes(),
                    params={"ids": path.name, "metadata": f'{{"label": "{name}"}}'},
                ).raise_for_status()  # fmt: skip
    page = open_page("/#place=space&collection=photographs", width=WIDTH, height=HEIGHT)
    expect(page.locator(".side-list")).to_contain_text("24 items, PCA")
    page.locator(".cloud").focus()
    with page.expect_response("**/neighbors**"):
        box = page.locator(".cloud").bounding_box()
        assert box is not None
        page.click("#lasso")
        page.mouse.move(box["x"] + 4, box["y"] + 4)
        page.mouse.down()
        for x, y in ((0.55, 0.01), (0.55, 0.99), (0.01, 0.99)):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=2)
        page.mouse.up()
        page.click("#lasso")
        page.locator(".items button").first.click()
    page.wait_for_timeout(500)
    picture(page, "10-space")

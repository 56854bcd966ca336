"""Objects on a 16-bit field: values, counts, measurements and files, against the service itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx2
import numpy as np
import pytest
import tifffile
from playwright.sync_api import Page, expect

from .conftest import Keep, OpenPage, drop, nuclei


def choose_task(page: Page, task: str) -> None:
    page.get_by_role("tab", name="Model").click()
    page.select_option("#task", task)
    page.get_by_role("tab", name="Answer").click()


def place_of(page: Page, x: float, y: float, width: int, height: int) -> tuple[float, float]:
    """Where a pixel of the image, which fits into the viewer, lies on the screen."""
    box = page.locator("canvas.view").bounding_box()
    assert box is not None
    border = min(24, box["width"] / 20)
    scale = min((box["width"] - 2 * border) / width, (box["height"] - 2 * border) / height)
    left = box["x"] + (box["width"] - width * scale) / 2
    top = box["y"] + (box["height"] - height * scale) / 2
    return left + x * scale, top + y * scale


def test_a_nucleus_is_clicked_measured_and_downloaded(
    open_page: OpenPage, origin: str, field: Path, shown: Keep
) -> None:
    page = open_page()
    drop(page, field)
    choose_task(page, "segment")
    expect(page.locator(".total")).to_contain_text("objects")
    reply = httpx2.post(f"{origin}/segment", content=field.read_bytes(), trust_env=False)
    objects = reply.json()["result"]["objects"]
    expect(page.locator(".total")).to_have_text(f"{len(objects)} objects")

    one = objects[len(objects) // 2]
    page.mouse.move(*place_of(page, one["centroid"]["x"], one["centroid"]["y"], 320, 320))
    row, column = int(one["centroid"]["y"]), int(one["centroid"]["x"])
    value = tifffile.imread(field)[row, column]
    expect(page.locator(".reading")).to_contain_text(f"x {column}  y {row}  value {value}")
    page.mouse.click(*place_of(page, one["centroid"]["x"], one["centroid"]["y"], 320, 320))
    expect(page.locator(".detail")).to_contain_text(f"Object {one['id']}")
    expect(page.locator(".detail")).to_contain_text(f"{one['area_px']} px")
    shown(page)

    least = 0.9
    page.locator("#score").fill(str(least))
    kept = sum(each["score"] >= least for each in objects)
    expect(page.locator(".total")).to_contain_text(f"{kept} object")

    page.get_by_role("button", name="Download").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="GeoJSON").click()
    assert waiting.value.suggested_filename == "field-segment.geojson"
    features = json.loads(Path(waiting.value.path()).read_text())["features"]
    assert {each["id"] for each in features} == {each["uuid"] for each in objects}


def test_a_stack_is_segmented_plane_by_plane(
    open_page: OpenPage, tmp_path: Path, origin: str, shown: Keep
) -> None:
    path = tmp_path / "stack.tif"
    planes = np.stack([nuclei(128, 6, seed=1)] * 3)
    tifffile.imwrite(path, planes, imagej=True, metadata={"axes": "ZYX"})
    page = open_page()
    drop(page, path)
    choose_task(page, "segment")
    page.get_by_role("button", name="Segment the whole stack").click()
    reply = httpx2.post(f"{origin}/segment?volume=true", content=path.read_bytes(), trust_env=False)
    objects = reply.json()["result"]["objects"]
    expect(page.locator("#panel-answer tbody tr")).to_have_count(len(objects))
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    page.get_by_label("Plane", exact=True).fill("2")
    expect(page).to_have_url(re.compile("z=2"))
    expect(page.locator(".total")).to_have_text(f"{len(objects)} objects")
    shown(page)
    assert not [url for url in asked if "/segment" in url and "geojson" not in url]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_large_field_is_panned_segmented_explained_and_downloaded(
    open_page: OpenPage, tmp_path: Path, origin: str, shown: Keep
) -> None:
    """A 4096 x 4096 field of 16 bits."""
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, nuclei(4096, 1500))
    page = open_page()
    page.set_default_timeout(110_000)
    drop(page, path)
    expect(page.locator(".reading")).to_be_attached()
    choose_task(page, "segment")
    expect(page.locator(".total")).to_contain_text("objects", timeout=110_000)
    canvas = page.locator("canvas.view")
    canvas.focus()
    for key in "+" * 14:
        canvas.press(key)
    for _ in range(4):
        canvas.press("ArrowRight")
    page.wait_for_timeout(1000)
    shown(page)
    canvas.press("0")
    reply = page.request.post(f"{origin}/segment", data=path.read_bytes(), timeout=110_000)
    objects = reply.json()["result"]["objects"]
    one = max(objects, key=lambda each: each["area_px"])
    page.mouse.click(*place_of(page, one["centroid"]["x"], one["centroid"]["y"], 4096, 4096))
    expect(page.locator(".detail")).to_contain_text(f"Object {one['id']}")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="GeoJSON").click()
    features = json.loads(Path(waiting.value.path()).read_text())["features"]
    assert len(features) == len(objects)
    page.get_by_role("button", name="Why this object?").click()
    page.select_option("#method", "gradient")
    expect(page.locator("#panel-why .figure")).to_be_visible(timeout=110_000)
    shown(page)

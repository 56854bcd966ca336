"""The service as a process, and the page in Debian's Chromium, watched for what it must not do."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("BRIGHTFIELD_CHROMIUM") or shutil.which("chromium") or ""
REQUIRED = os.environ.get("BRIGHTFIELD_BROWSER_TESTS") == "required"
_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
# A busy machine takes its time; nothing here measures it.
expect.set_options(timeout=20_000)
_MISSING = (
    "Chromium isn't on this machine, so no test of the page was run: apt-get install chromium, or "
    "name it with BRIGHTFIELD_CHROMIUM."
)

OpenPage = Callable[..., Page]
Keep = Callable[[Page], None]
Measured = Callable[[str, object], None]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser and a service beside the tests take seconds and 1.5 GB: they are slow."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; without one the tests are skipped, but not where they must run."""
    if not CHROMIUM and REQUIRED:
        pytest.fail(_MISSING)
    if not CHROMIUM:
        pytest.skip(_MISSING)
    return CHROMIUM


@pytest.fixture(scope="session")
def origin(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service as it comes, at its own address."""
    settings = {
        "BRIGHTFIELD_DATA": str(tmp_path_factory.mktemp("data")),
        "BRIGHTFIELD_MODELS": "",
        "BRIGHTFIELD_DEVICE": "cpu",
        "BRIGHTFIELD_PRELOAD": "false",
    }
    command = [sys.executable, "-m", "brightfield", "serve", "--port", "0"]
    log = (tmp_path_factory.mktemp("log") / "service.log").open("w+")
    service = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **settings}
    )
    assert service.stdout is not None
    greeting = iter(service.stdout.readline, "")
    found = next((each for line in greeting if (each := re.search(r"http://\S+", line))), None)
    assert found is not None, Path(log.name).read_text()
    yield found[0].rstrip("/")
    service.send_signal(signal.SIGTERM)
    service.wait(60)
    service.stdout.close()
    log.close()


@pytest.fixture(scope="module")
def context(chromium: str) -> Iterator[BrowserContext]:
    """Ends with its file, since its event loop runs in this thread, where the tests of the next
    file, which may be about anything, start theirs."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield browser.new_context()
        browser.close()


@pytest.fixture
def open_page(context: BrowserContext, origin: str) -> Iterator[OpenPage]:
    """Opens the page. At the end of a test nothing was written to the console, no script had
    failed, no other origin had been asked, and nothing that is clicked had moved by itself."""
    pages: list[Page] = []
    faults: list[str] = []

    def opened(path: str = "/", width: int = 1280, height: int = 800, scheme: str = "") -> Page:
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme or "light")  # type: ignore[arg-type]
        page.set_default_timeout(60_000)
        page.add_init_script(_WATCH_LAYOUT)
        page.on("console", lambda each: faults.append(each.text) if each.type != "log" else None)
        page.on("pageerror", lambda each: faults.append(str(each)))
        page.on("request", lambda each: faults.append(each.url) if _foreign(each.url) else None)
        page.goto(f"{origin}{path}")
        return page

    def _foreign(url: str) -> bool:
        return not url.startswith((f"{origin}/", f"blob:{origin}/", "data:"))

    opened.faults = faults  # type: ignore[attr-defined]
    yield opened
    moved = [each for page in pages for each in shifts(page)]
    for page in pages:
        page.close()
    assert faults == []
    assert moved == []


# Chromium reports what moved from one picture of the screen to the next, but for half a second
# after a click or a key, when it is meant to.
_WATCH_LAYOUT = """
window.shifts = [];
new PerformanceObserver((list) => {
  const clicked = 'a[href], button, input, select, textarea, summary, label';
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    for (const { node, previousRect: from, currentRect: to } of entry.sources) {
      const element = node instanceof Element ? node : node?.parentElement;
      const moved = [element?.closest(clicked), ...(element?.querySelectorAll(clicked) || [])]
        .find((each) => each?.checkVisibility());
      const by = Math.max(Math.abs(to.left - from.left), Math.abs(to.top - from.top));
      if (!moved || by <= 1 || !from.width || !to.width) continue;
      const name = moved.id || moved.textContent?.trim() || moved.className;
      window.shifts.push(`${name} of ${element.id || element.className}: ${Math.round(by)} pixels`);
    }
  }
}).observe({ type: 'layout-shift', buffered: true });
"""


def shifts(page: Page) -> list[str]:
    """What is clicked, and moved without a click or a key just before."""
    found: list[str] = page.evaluate("window.shifts")
    return found


@pytest.fixture
def shown(request: pytest.FixtureRequest) -> Callable[[Page], None]:
    """Keeps a picture of a page in the folder that BRIGHTFIELD_SCREENSHOTS names, if any.

    docs/pictures/page.png is the first of the test of occlusion.
    """
    folder = os.environ.get("BRIGHTFIELD_SCREENSHOTS")
    count = iter(range(1, 100))

    def keep(page: Page) -> None:
        if folder:
            name = f"{request.node.name}-{next(count)}.png".replace("/", "_")
            page.screenshot(path=Path(folder) / name)

    return keep


@pytest.fixture
def measured(
    record_property: Measured, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, object], None]:
    """Reports a figure, which no test judges: in the test report, on the terminal, and in
    measured.json of the folder that BRIGHTFIELD_SCREENSHOTS names, if any."""
    folder = os.environ.get("BRIGHTFIELD_SCREENSHOTS")

    def report(name: str, value: object) -> None:
        record_property(name, value)
        with capsys.disabled():
            print(f"\n{name}: {value}")
        if folder:
            file = Path(folder) / "measured.json"
            known = json.loads(file.read_text()) if file.exists() else {}
            file.write_text(json.dumps({**known, name: value}, indent=2) + "\n")

    return report


def drop(page: Page, file: Path) -> None:
    """Drop a file on the page, as a hand with a mouse does."""
    page.set_input_files("#choose", file)


def nuclei(side: int, number: int, seed: int = 0) -> NDArray[np.uint16]:
    """A field of bright discs on dark ground, in counts of a 16-bit camera."""
    rng = np.random.default_rng(seed)
    field = np.full((side, side), 300.0)
    rows, columns = np.mgrid[:40, :40]
    for _ in range(number):
        top, left = rng.integers(0, side - 40, 2)
        distance = np.hypot(rows - 20, (columns - 20) * rng.uniform(0.8, 1.2))
        disc = 300 + rng.uniform(2000, 6000) / (1 + np.exp((distance - rng.uniform(7, 13)) / 1.2))
        part = field[top : top + 40, left : left + 40]
        np.maximum(part, disc, out=part)
    return rng.poisson(field).astype(np.uint16)


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 16-bit TIFF with pixels of half a micrometre."""
    path = tmp_path_factory.mktemp("images") / "field.tif"
    tifffile.imwrite(path, nuclei(320, 24), resolution=(2e4, 2e4), resolutionunit="CENTIMETER")
    return path

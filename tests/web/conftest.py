"""The service as a process, and the page in Debian's Chromium, watched for what it must not do."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect, sync_playwright

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
def browser(chromium: str) -> Iterator[Browser]:
    """Ends with its file: its event loop runs in this thread, where other tests start theirs."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield made
        made.close()


@pytest.fixture
def open_page(browser: Browser, origin: str) -> Iterator[OpenPage]:
    """Opens the page in a context of its own. At the end of a test nothing was written to the
    console, no script had failed, and no other origin had been asked."""
    contexts, faults = [], []

    def opened(path: str = "/", width: int = 1280, height: int = 800, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda each: faults.append(each.text) if each.type != "log" else None)
        page.on("pageerror", lambda each: faults.append(str(each)))
        page.on("request", lambda each: faults.append(each.url) if _foreign(each.url) else None)
        page.goto(f"{origin}{path}")
        return page

    def _foreign(url: str) -> bool:
        return not url.startswith((f"{origin}/", f"blob:{origin}/", "data:"))

    opened.faults = faults  # type: ignore[attr-defined]
    yield opened
    for context in contexts:
        context.close()
    assert faults == []


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

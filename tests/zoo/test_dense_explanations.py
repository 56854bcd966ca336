"""The shipped detector and segmenter, explained by every method, on drawings of cells."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from brightfield.engine import Engine, View
from brightfield.explain import catalog
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings

METHODS = catalog()
# No shipped model has attention.
FITTING = [name for name in METHODS if not name.startswith("attention")]
SHORT_OF = {"kernel_shap": {"rows": 4, "columns": 5, "samples": 90}}
SHORT = {"steps": 8, "samples": 4, "masks": 100, "window": 48, "stride": 24}
# Times a pixel's own value, or its distance to the baseline, which is large on a bright ground.
WEIGHED = ("input_x_gradient", "integrated_gradients")
SIZE = (160, 192)
CENTRE, RADIUS = (84.0, 70.0), {"blood-cells": 44.0, "nuclei": 16.0}  # x, y


def disc(radius: float) -> NDArray[np.float64]:
    """(H, W) 1 within the radius, smooth at the rim."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    return 1 / (1 + np.exp(np.hypot(x - CENTRE[0], y - CENTRE[1]) - radius))


def drawing(model: str) -> bytes:
    """A red cell with its pale middle on a smear, or a bright nucleus on black."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(*SIZE, 3)), (1, 1, 0))
    shape = disc(RADIUS[model])[..., None]
    if model == "nuclei":
        pixels = 20 + 160 * shape + 8 * noise
    else:
        cell = shape - 0.5 * disc(0.4 * RADIUS[model])[..., None]
        pixels = np.array([225, 220, 235]) - cell * np.array([20, 90, 60]) + 6 * noise
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(Settings(data=tmp_path_factory.mktemp("data"), models="", device="cpu"))
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", FITTING)
@pytest.mark.parametrize("model", ["blood-cells", "nuclei"])
def test_the_map_lies_on_the_cell(engine: Engine, model: str, name: str) -> None:
    kind = METHODS[name]
    short = {key: value for key, value in SHORT.items() if key in kind.model_fields}
    short |= SHORT_OF.get(name, {})
    method = kind(**short, point=CENTRE, checks=True)
    answer: Any = asyncio.run(
        engine.answer(method, drawing(model), View(model=model), Selection(), Ticket())
    )
    heat = answer.result.heat().map
    assert heat.shape == SIZE
    assert np.isfinite(heat).all()
    strength = np.abs(heat)
    near = disc(1.5 * RADIUS[model]) > 0.5
    times = 1.0 if name in WEIGHED else 1.5
    assert strength[near].mean() > times * strength[~near].mean()
    report = answer.result.facts["checks"]
    assert report["sanity"]["randomised"]
    assert report["deletion"]["scores"][0] > report["deletion"]["scores"][-1]

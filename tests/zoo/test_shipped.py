"""The shipped weights: they are the ones on the cards, are small, and answer what is known."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import sklearn.datasets
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from torchvision.ops import box_iou

from brightfield.card_folders import find_cards
from brightfield.cards import ModelCard
from brightfield.engine import Answer, Engine, View
from brightfield.images.picture import Picture
from brightfield.images.selection import Selection
from brightfield.models.loading.build import build
from brightfield.preprocess import preprocess
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield.tasks.objects.partition import by_object
from brightfield.tasks.objects.suppression import suppress
from brightfield.tasks.segment import Segment
from brightfield.tasks.superresolve import Superresolve
from brightfield.tasks.task import Task
from brightfield.zoo import folder

from .drawings import PLATELETS, RED, WHITE, Circle, nuclei, smear

Ask = Callable[[Task, NDArray[np.uint8]], Answer]

SKIMAGE = Path(skimage.data.__file__).parent
SKLEARN = Path(sklearn.datasets.__file__).parent / "images"
CARDS = find_cards([folder()]).cards
TRAINED = {name: card for name, card in CARDS.items() if card.weights and card.weights.file}


def test_what_is_shipped_is_trained_here() -> None:
    assert set(TRAINED) == {
        "blood-cell-types",
        "blood-cells",
        "microscopy-x2",
        "nuclei",
        "photo-x2",
        "photo-x4",
    }


@pytest.mark.parametrize("card", TRAINED.values(), ids=TRAINED)
def test_the_card_names_the_weights_and_how_good_they_are(card: ModelCard) -> None:
    assert card.weights is not None
    file = weights(card)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == card.weights.sha256
    assert file.stat().st_mode & 0o444 == 0o444  # an installation is read by others than its owner
    assert card.quality
    assert all(np.isfinite(row.value) and row.n for row in card.quality)


def test_the_weights_are_small_together() -> None:
    assert sum(weights(card).stat().st_size for card in TRAINED.values()) < 25e6
    assert not {file.name for file in folder().rglob("*.safetensors")} - {
        weights(card).name for card in TRAINED.values()
    }


def test_blood_cells_finds_the_cells_of_a_drawing() -> None:
    card = TRAINED["blood-cells"]
    found = suppress(
        output(card, smear()),
        card.output.activation,
        threshold=card.output.threshold or 0.5,
        iou=card.output.iou,
        max_detections=300,
    )
    known = [
        (circle, kind) for kind, cells in enumerate((RED, WHITE, PLATELETS)) for circle in cells
    ]
    assert len(found) == len(known)
    overlaps = box_iou(torch.tensor([box(c) for c, _ in known]), torch.from_numpy(found.boxes))
    best, which = overlaps.max(dim=1)
    assert best.min() > 0.5
    assert found.class_ids[which.numpy()].tolist() == [kind for _, kind in known]


@pytest.mark.parametrize(
    ("place", "expected"),
    [(RED[0], "RBC"), (WHITE[0], "WBC"), ((160, 290, 0), "background")],
)
def test_blood_cell_types_knows_what_lies_in_the_middle(place: Circle, expected: str) -> None:
    card = TRAINED["blood-cell-types"]
    x, y, _ = place
    half = 48
    window = smear()[max(0, y - half) : y + half, max(0, x - half) : x + half]
    scores = output(card, np.ascontiguousarray(window))[0]
    assert card.label_names[int(scores.argmax())] == expected


def test_nuclei_tells_drawn_nuclei_apart() -> None:
    card = TRAINED["nuclei"]
    pixels, truth = nuclei()
    maps = output(card, pixels)[0].numpy()
    maps[0] = 1 / (1 + np.exp(-maps[0]))
    labels = by_object(maps, card.output, card.output.threshold or 0.5, classes=1).labels
    assert labels.max() == truth.max()
    for number in range(1, truth.max() + 1):
        own = np.bincount(labels[truth == number]).argmax()
        both, either = (truth == number) & (labels == own), (truth == number) | (labels == own)
        assert both.sum() / either.sum() > 0.85


@pytest.mark.parametrize(
    ("name", "file", "least"),
    [
        ("photo-x2", SKLEARN / "flower.jpg", 3.0),
        ("photo-x4", SKLEARN / "flower.jpg", 2.5),
        ("microscopy-x2", SKIMAGE / "ihc.png", 1.5),
    ],
)
def test_an_enlarger_is_better_than_bicubic(name: str, file: Path, least: float) -> None:
    card = TRAINED[name]
    image = Image.open(file).convert("RGB").crop((0, 0, 256, 256))
    side = 256 // (card.output.scale or 1)
    small = image.resize((side, side), Image.Resampling.BICUBIC)
    bicubic = small.resize((256, 256), Image.Resampling.BICUBIC)
    unit = output(card, np.asarray(small))[0].permute(1, 2, 0).numpy()
    low, high = np.asarray(small).min(), np.asarray(small).max()  # as its card scales intensities
    ours = np.rint(unit * (float(high) - low) + low).clip(0, 255).astype(np.uint8)
    truth, other = np.asarray(image), np.asarray(bicubic)
    gain = peak_signal_noise_ratio(truth, ours) - peak_signal_noise_ratio(truth, other)
    assert gain > least


def weights(card: ModelCard) -> Path:
    assert card.weights is not None
    assert card.weights.file is not None
    return card.folder / card.weights.file


def output(card: ModelCard, pixels: NDArray[np.uint8]) -> Any:
    prepared = preprocess(Picture(pixels, "0" * 64, "png", "YXC"), card.input)
    with torch.no_grad():
        return build(card)(prepared.tensor)


def box(circle: Circle) -> list[float]:
    x, y, radius = circle
    return [float(x - radius), float(y - radius), float(x + radius), float(y + radius)]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Answers of an engine with the shipped models."""
    engine = Engine(Settings(data=tmp_path_factory.mktemp("data"), models="", device="cpu"))

    def answer(task: Task, pixels: NDArray[np.uint8]) -> Answer:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return asyncio.run(engine.answer(task, buffer.getvalue(), View(), Selection(), Ticket()))

    yield answer
    engine.close()


@pytest.mark.slow
def test_nuclei_are_the_same_in_tiles(ask: Ask) -> None:
    field = np.tile(nuclei()[0][..., 0], (2, 3))[:500, :650]
    whole, tiled = ask(Segment(), field), ask(Segment(tile=384), field)
    assert (whole.tiles, tiled.tiles > 3) == (1, True)
    assert whole.result.raster("image").array.max() > 40
    assert np.array_equal(whole.result.raster("image").array, tiled.result.raster("image").array)


@pytest.mark.slow
def test_an_enlarged_image_is_the_same_in_tiles(ask: Ask) -> None:
    field = skimage.data.coffee()[:160, :200]
    whole, tiled = ask(Superresolve(), field), ask(Superresolve(tile=96), field)
    assert (whole.tiles, tiled.tiles > 3) == (1, True)
    pixels = [answer.result.raster("image").array.astype(int) for answer in (whole, tiled)]
    assert np.abs(pixels[0] - pixels[1]).max() <= 1

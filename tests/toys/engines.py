"""Engines without HTTP, with a folder of small models of the lab's own."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from brightfield.engine import Answer, Engine, View
from brightfield.explain.method import Method
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield.tasks.task import Task

from . import dense_cards

FOUR = "labels = [{name='a'}, {name='b'}, {name='c'}, {name='d'}]"
TWO = "labels = [{name='bright'}, {name='dark'}]"
SQUARE = "[input]\nsize = [24, 24]\nmean = [0.5]\nstd = [0.25]"

# A card's first lines, its architecture and the rest, by the model's id.
CARDS: dict[str, tuple[str, str, str]] = {
    "bare": (FOUR, "bare", SQUARE),
    "attentive": (FOUR, "attentive", SQUARE),
    "softmax": (FOUR, "ended\nend = softmax", SQUARE + "\n[output]\nactivation = 'none'"),
    "sigmoid": (FOUR, "ended\nend = sigmoid", SQUARE + "\n[output]\nactivation = 'none'"),
    "activated": (FOUR, "ended\nend = softmax", SQUARE),
    "functional": (FOUR, "functional\nactivation = softmax", SQUARE),
    "functional-sigmoid": (FOUR, "functional\nactivation = sigmoid", SQUARE),
    "single": (FOUR + "\nmax_batch = 1", "bare", SQUARE),
    "brightness": (
        TWO,
        "brightness",
        "[input]\nresize = {short = 50}\ncrop = 40\n[output]\nactivation = 'none'",
    ),
    "raw": (TWO, "selecting", "[input]\nchannels = 2\npixels = 'raw'\nsize = [4, 5]"),
    "fragile": ("", "fragile", "[input]\nsize = [8, 8]"),
}

# Default models of the dense tasks that cost nothing to preload; tests name the ones they want.
NOT_DENSE = "detect=bare,segment=bare,superresolve=bare"


def card_text(name: str, head: str, architecture: str, rest: str) -> str:
    task = "" if "task =" in head else "task = 'classify'\n"
    callable_, *arguments = architecture.split("\n")
    lines = [
        f"id = '{name}'\nversion = '1'\nlicence = 'Apache-2.0'\n{task}{head}",
        f"[architecture]\nname = 'python:nets.py:{callable_}'",
        *(f"{key} = '{value}'" for key, value in (line.split(" = ") for line in arguments)),
        rest,
    ]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name, card in CARDS.items():
        (folder / name).mkdir()
        (folder / name / "card.toml").write_text(card_text(name, *card), encoding="utf-8")
        shutil.copy(Path(__file__).with_name("nets.py"), folder / name)
    dense_cards.write(folder)
    return folder


EngineOf = Callable[..., Engine]


@contextmanager
def _engines(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineOf]:
    made: list[Engine] = []

    def make(**settings: Any) -> Engine:
        values = {
            "data": tmp_path_factory.mktemp("data"), "models": str(models), "device": "cpu",
            "threads": 1, "trust_model_code": True,
            "default_models": f"classify=bare,{NOT_DENSE}", **settings,
        }  # fmt: skip
        made.append(Engine(Settings(**values)))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture(scope="module")
def engine_of(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineOf]:
    """Engines with the lab's models and further settings; closed at the end of the file."""
    with _engines(models, tmp_path_factory) as make:
        yield make


class Bench:
    """An engine, asked from outside any event loop."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def answer(
        self, work: Task | Method, data: bytes, model: str | None = None, **more: Any
    ) -> Answer:
        view = View(model=model, **{k: v for k, v in more.items() if k in View.model_fields})
        selection = Selection(**{k: v for k, v in more.items() if k in Selection.model_fields})
        ticket = more.get("ticket") or Ticket()
        progress = more.get("progress")
        attachments = more.get("attachments")
        return asyncio.run(
            self.engine.answer(work, data, view, selection, ticket, progress, attachments)
        )


@pytest.fixture(scope="session")
def bench(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with _engines(models, tmp_path_factory) as make:
        yield Bench(make())


def png(pixels: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """(height, width, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)

"""Whatever its kind, a task or a method is one file: every door to the service knows it then.

The files are those of `toys/works`; the doors are the entries of `DOORS`.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.testclient import TestClient

import brightfield.explain
import brightfield.tasks
from brightfield.api.app import create_app
from brightfield.engine import Engine
from brightfield.settings import Settings
from brightfield_client import Client
from brightfield_client.cli import connect, main

from .toys.engines import NOT_DENSE, models, png  # noqa: F401

_WORKS = Path(__file__).parent / "toys" / "works"


def flat(value: int, height: int = 60, width: int = 60) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, np.uint8)


def with_square(left: int, height: int = 60, width: int = 150) -> NDArray[np.uint8]:
    """Black, with a white square of 20 pixels."""
    pixels = flat(0, height, width)
    pixels[20:40, left : left + 20] = 255
    return pixels


@dataclass(frozen=True)
class Toy:
    """A file of a kind: what to ask of it, and the number that must come of it."""

    kind: str
    name: str
    images: tuple[NDArray[np.uint8], ...]
    number: float
    parameter: str
    """One of its own, which the documents must know."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    tiles: int = 1

    @property
    def endpoint(self) -> str:
        return self.group or self.name

    @property
    def together(self) -> bool:
        return len(self.images) > 1


# The model `brightness` sees 40 x 40 pixels: `bright` is the sum of their squares, `dark` minus it.
SUM = 1600 * 0.6**2
TOYS = [
    Toy("whole image", "contrast", (flat(153),), 4 * SUM, "times",
        {"model": "brightness", "times": "2"}),
    Toy("borrowed model", "spread", (flat(153),), 2 * SUM, "layer"),
    Toy("layer reading", "strongest", (flat(153),), 0.6, "least",
        {"model": "brightness", "layer": "grey"}),
    Toy("tiled", "area", (with_square(70),), 400, "above",
        {"model": "bright", "tile": "40", "overlap": "8"}, tiles=10),
    Toy("sliding", "brightest", (with_square(70),), 60, "window",
        {"model": "brightness", "window": "40", "stride": "20"}, tiles=14),
    Toy("several images", "average", (flat(153), flat(0)), SUM / 2, "of_class",
        {"model": "brightness"}),
    Toy("search over units", "record", (with_square(70), with_square(90) // 2), 0, "k",
        {"layer": "grey"}),
    Toy("method", "steepest", (flat(153),), 3 * (2 * 0.6 / 3) ** 2, "factor",
        {"model": "brightness", "target": "bright"}, group="saliency"),
]  # fmt: skip


@pytest.fixture(scope="module")
def catalogs() -> Iterator[None]:
    """The catalogs with the toys' files, as if they lay in their folders."""
    with pytest.MonkeyPatch.context() as patch:
        for package, folder in ((brightfield.tasks, "tasks"), (brightfield.explain, "methods")):
            patch.setattr(package, "__path__", [*package.__path__, str(_WORKS / folder)])
        importlib.invalidate_caches()
        yield
    for toy in TOYS:
        for package in (brightfield.tasks, brightfield.explain):
            sys.modules.pop(f"{package.__name__}.{toy.name}", None)
            vars(package).pop(toy.name, None)


@pytest.fixture(scope="module")
def app(
    catalogs: None,
    models: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FastAPI]:
    """The service with the lab's models, and the toys in its catalogs."""
    settings = Settings(
        data=tmp_path_factory.mktemp("data"), models=str(models), device="cpu", threads=1,
        trust_model_code=True, allowed_hosts="testserver", preload=False,
        default_models=f"classify=brightness,{NOT_DENSE}",
    )  # fmt: skip
    app = create_app(settings)
    with TestClient(app):
        yield app


def by_engine(app: FastAPI, toy: Toy) -> dict[str, Any]:
    engine: Engine = app.state.engine
    model = toy.parameters.get("model")
    parameters = {name: value for name, value in toy.parameters.items() if name != "model"}
    work = (engine.methods if toy.group else engine.tasks)[toy.name](**parameters)  # type: ignore[arg-type]
    if toy.together:
        together = engine.ask_together(work, toy.images, model=model)
        return {"result": together.result.payload("image"), "model": together.card.id}
    answer = engine.ask(work, toy.images[0], model=model)
    return {
        "result": answer.result.payload("image"), "model": answer.card.id, "tiles": answer.tiles,
    }  # fmt: skip


def by_http(app: FastAPI, toy: Toy) -> dict[str, Any]:
    query = {**toy.parameters, **({"method": toy.name} if toy.group else {})}
    files = [("file", (f"{n}.png", png(image))) for n, image in enumerate(toy.images)]
    reply = TestClient(app).post(f"/{toy.endpoint}", params=query, files=files)
    assert reply.status_code == 200, reply.text
    return found_in(reply.json())


def through(app: FastAPI) -> httpx2.MockTransport:
    """A transport to the running app, which stays up when a client is closed."""

    def send(request: httpx2.Request) -> httpx2.Response:
        request.read()
        return TestClient(app).send(request)

    return httpx2.MockTransport(send)


def by_sdk(app: FastAPI, toy: Toy) -> dict[str, Any]:
    chosen = {"method": toy.name} if toy.group else {}
    images = list(toy.images) if toy.together else toy.images[0]
    with Client("http://testserver", transport=through(app)) as client:
        return found_in(client.ask(toy.endpoint, images, **toy.parameters, **chosen).raw)


def by_command(app: FastAPI, toy: Toy) -> dict[str, Any]:
    chosen = {"method": toy.name} if toy.group else {}
    settings = [f"--set={name}={value}" for name, value in {**toy.parameters, **chosen}.items()]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(connect, "Client", partial(Client, transport=through(app)))
        files = [Path(folder, f"{n}.png") for n in range(len(toy.images))]
        for file, image in zip(files, toy.images, strict=True):
            file.write_bytes(png(image))
        together = ["--together"] if toy.together else []
        printed = io.StringIO()
        with redirect_stdout(printed):
            where = "--url=http://testserver"
            code = main(["ask", toy.endpoint, *map(str, files), where, *settings, *together])
    assert code == 0, printed.getvalue()
    return found_in(json.loads(printed.getvalue()))


def found_in(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """What the doors give, of a reply of the service."""
    found = {"result": envelope["result"], "model": envelope["model"]["id"]}
    return {**found, "tiles": envelope["image"]["tiles"]} if "image" in envelope else found


DOORS: dict[str, Callable[[FastAPI, Toy], dict[str, Any]]] = {
    "engine": by_engine, "http": by_http, "sdk": by_sdk, "command": by_command,
}  # fmt: skip
"""The ways of asking: each gives `result`, the id of the `model`, and of one image its `tiles`."""


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.kind)
def test_it_answers_through_every_door(app: FastAPI, toy: Toy, door: str) -> None:
    found = DOORS[door](app, toy)
    result = found["result"]
    number = result["number"] if "number" in result else result["map"]["max"]
    assert number == pytest.approx(toy.number, rel=1e-5)
    assert found["model"] == toy.parameters.get("model", "brightness")
    assert found.get("tiles", 1) == toy.tiles


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.kind)
def test_it_is_in_the_openapi_document(app: FastAPI, toy: Toy) -> None:
    operation = app.openapi()["paths"][f"/{toy.endpoint}"]["post"]
    parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert parameters[toy.parameter]["description"]
    if toy.group:
        assert toy.name in parameters["method"]["schema"]["enum"]


def test_every_kind_has_its_toy() -> None:
    """A new kind comes with a toy, so that it has been asked through every door."""
    kinds = Path(brightfield.tasks.__file__).parent / "kinds"
    files = {path.stem for path in kinds.glob("*.py")} - {"__init__"}
    used = "".join(path.read_text(encoding="utf-8") for path in (_WORKS / "tasks").glob("*.py"))
    assert {kind for kind in files if f"tasks.kinds.{kind} import" in used} == files

"""The worked examples: a new file is an endpoint, or a method, and passes its own test."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import httpx2
import pytest

import brightfield.explain
import brightfield.tasks

from .curl import Conversation, by_httpx
from .pages import ROOT, blocks, commands, files

Place = Callable[[str, str, ModuleType], None]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Puts a page's file into a catalog, as if it lay in the catalog's folder."""
    placed: list[str] = []

    def put(page: str, path: str, catalog: ModuleType) -> None:
        file = tmp_path / "catalog" / Path(path).name
        file.parent.mkdir(exist_ok=True)
        file.write_text(files(page)[path], encoding="utf-8")
        monkeypatch.setattr(catalog, "__path__", [*catalog.__path__, str(file.parent)])
        importlib.invalidate_caches()
        placed.append(f"{catalog.__name__}.{file.stem}")

    yield put
    for name in placed:
        sys.modules.pop(name, None)


def run_tests_of(page: str, path: str) -> int:
    """Run the functions of a test that a page shows; how many there are."""
    space: dict[str, object] = {"__name__": "shown"}
    exec(compile(files(page)[path], path, "exec"), space)
    tests = [value for name, value in space.items() if name.startswith("test_") and callable(value)]
    for test in tests:
        test()
    return len(tests)


def ask(page: str, address: str) -> list[str]:
    talk = Conversation(by_httpx, address)
    return [talk(words) for block in blocks(page, "bash") for words in commands(block.text)]


@pytest.mark.slow
def test_a_new_task_is_an_endpoint(place: Place, serving: Callable[..., str], desk: Path) -> None:
    page = "docs/how-to/add-a-task.md"
    place(page, "service/brightfield/tasks/certainty.py", brightfield.tasks)
    assert run_tests_of(page, "tests/tasks/test_certainty.py") == 2
    for kind in ("sparsity", "hotspots", "coverage", "doubt", "agreement"):
        place(page, f"service/brightfield/tasks/{kind}.py", brightfield.tasks)
    address = serving()
    one, batch, table, *kinds = ask(page, address)
    cup = json.loads(one)["result"]
    assert (cup["label"], cup["doubtful"]) == ("espresso", False)
    assert 0 < cup["entropy"] < 2
    items = json.loads(batch)["items"]
    assert items[1]["result"]["margin"] < items[0]["result"]["margin"]
    assert table.startswith("label,entropy,margin,doubtful")
    sparsity, hotspots, coverage, doubt, agreement = (json.loads(each)["result"] for each in kinds)
    assert 0 < sparsity["share"] < 1
    assert [len(point) for point in hotspots["points"]] == [2, 2]
    assert 0.1 < coverage["share"] < 0.5  # six discs of radius 14 on 128 x 160 pixels: 0.18
    assert (len(doubt["windows"]), len(doubt["windows"][0])) == (3, 5)
    assert agreement == {"label": "espresso", "share": pytest.approx(2 / 3)}
    unnamed = httpx2.post(f"http://{address}/certainty", content=b"x", trust_env=False).json()
    assert unnamed["code"] == "unknown_model"
    document = httpx2.get(f"http://{address}/openapi.json", trust_env=False, timeout=60).json()
    parameters = {p["name"]: p for p in document["paths"]["/certainty"]["post"]["parameters"]}
    assert parameters["least_margin"]["schema"]["maximum"] == 1


@pytest.mark.slow
def test_the_setting_gives_a_new_task_its_model(
    place: Place, serving: Callable[..., str], desk: Path
) -> None:
    page = "docs/how-to/add-a-task.md"
    place(page, "service/brightfield/tasks/certainty.py", brightfield.tasks)
    shown = (ROOT / page).read_text(encoding="utf-8")
    (value,) = re.findall(r"`BRIGHTFIELD_DEFAULT_MODELS=(\S+)`", shown)
    address = serving(default_models=value)
    image = (desk / "cup.png").read_bytes()
    reply = httpx2.post(f"http://{address}/certainty", content=image, trust_env=False).json()
    assert reply["model"]["id"] == "imagenet-lite0"


@pytest.mark.slow
def test_a_new_method_is_a_choice(place: Place, serving: Callable[..., str], desk: Path) -> None:
    page = "docs/how-to/add-a-method.md"
    place(page, "service/brightfield/explain/vargrad.py", brightfield.explain)
    assert run_tests_of(page, "tests/explain/test_vargrad.py") == 2
    address = serving()
    printed = ask(page, address)
    assert json.loads(printed[1])["result"]["mask"] is not None
    assert json.loads(printed[2])["result"]["target"]["neuron"] == [8, 20, 20]
    result = json.loads(printed[-1])["result"]
    assert (result["method"], result["seed"], result["map"]["shape"]) == ("vargrad", 1, [224, 224])
    assert result["map"]["min"] >= 0 < result["map"]["max"]
    document = httpx2.get(f"http://{address}/openapi.json", trust_env=False, timeout=60).json()
    methods = document["paths"]["/saliency"]["post"]["parameters"][0]["schema"]["enum"]
    assert "vargrad" in methods

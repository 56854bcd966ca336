"""/models over HTTP: what it says of the model that answers, and what becomes of its card."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ..toys.engines import NOT_DENSE, card_text
from .conftest import CHELSEA, png

IMAGE = png(CHELSEA[:60, :60])
NETS = Path(__file__).parents[1] / "toys" / "nets.py"
LABELS = "labels = [{name='a'}, {name='b'}, {name='c'}, {name='d'}]"


class Lab:
    """A folder of models."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, version: str = "1", place: str | None = None, **more: str) -> Path:
        home = self.folder / (place or name)
        home.mkdir(parents=True, exist_ok=True)
        text = card_text(name, more.get("labels", LABELS), "bare", "[input]\nsize = [24, 24]")
        text = text.replace("version = '1'", f"version = '{version}'")
        code = NETS.read_text(encoding="utf-8") + more.get("code", "")
        for file, content in (("nets.py", code), ("card.toml", text)):
            (home / "new").write_text(content, encoding="utf-8")
            (home / "new").replace(home / file)  # whole, whoever reads it meanwhile
        return home


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path / "models")
    for name in ("cells", "worms", "grains"):
        lab.write(name, labels=LABELS.replace("name='", f"name='{name} "))
    return lab


Serve = Callable[..., TestClient]


@pytest.fixture
def serve(started: Callable[..., TestClient], lab: Lab) -> Serve:
    def start(**settings: Any) -> TestClient:
        default = NOT_DENSE.replace("bare", "cells") + ",classify=cells"
        values = {"models": str(lab.folder), "trust_model_code": True, "threads": 1}
        return started(**{**values, "default_models": default, "preload": False, **settings})

    return start


def classified(client: TestClient, model: str) -> dict[str, Any]:
    reply = client.post("/classify", params={"model": model}, content=IMAGE)
    assert reply.status_code == 200, reply.text
    document: dict[str, Any] = reply.json()
    return document


def test_a_model_is_described_as_it_answers(serve: Serve, lab: Lab) -> None:
    client = serve()
    assert classified(client, "worms")["model"]["version"] == "1"
    lab.write("worms", "2", labels="labels = ['e', 'f', 'g', 'h']")
    client.post("/models/cells/load", params={"anew": True})  # reads the cards
    for about in (client.get("/models/worms").json(), listed(client, "worms")):
        assert (about["version"], about["version_on_disk"]) == ("1", "2")
        assert (about["state"], about["card_on_disk"]) == ("resident", "changed")
    labels = [label["name"] for label in client.get("/models/worms").json()["labels"]]
    assert labels == [f"worms {letter}" for letter in "abcd"]
    loaded = client.post("/models/worms/load", params={"anew": True}).json()
    assert (loaded["version"], loaded["card_on_disk"]) == ("2", "same")


def listed(client: TestClient, model: str) -> dict[str, Any]:
    (found,) = (each for each in client.get("/models").json()["models"] if each["id"] == model)
    assert isinstance(found, dict)
    return found


def test_a_removed_model_is_listed_until_it_is_unloaded(serve: Serve, lab: Lab) -> None:
    client = serve()
    classified(client, "worms")
    shutil.rmtree(lab.folder / "worms")
    client.post("/models/cells/load", params={"anew": True})
    about = listed(client, "worms")
    assert (about["state"], about["card_on_disk"]) == ("resident", "removed")
    assert about["version_on_disk"] is None
    assert classified(client, "worms")["model"]["version"] == "1"
    assert client.post("/models/worms/load").json()["state"] == "resident"
    assert client.post("/models/worms/load", params={"anew": True}).status_code == 404
    gone = client.post("/models/worms/unload").json()
    assert (gone["state"], gone["memory_bytes"]) == ("removed", None)
    assert client.get("/models/worms").status_code == 404
    assert client.post("/models/worms/unload").json()["code"] == "unknown_model"


def test_two_folders_of_one_id_are_refused_by_both_names(serve: Serve, lab: Lab) -> None:
    lab.write("cells", "2", place="cells-v2")
    client = serve()
    faults = client.get("/models").json()["faults"]
    assert faults.keys() == {"cells", "cells-v2"}
    for refused in (
        client.post("/classify", params={"model": "cells"}, content=IMAGE),
        client.get("/models/cells"),
        client.post("/models/cells/load"),
    ):
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (422, "invalid_card")
        assert "2 folders have the id 'cells': cells, cells-v2." in problem["detail"]


def test_a_faulty_card_is_refused_with_its_reason(
    serve: Serve, lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    card = lab.write("mites") / "card.toml"
    card.write_text(card.read_text().replace("licence", "license"))
    client = serve()
    assert "mites" in caplog.text and "Did you mean licence?" in caplog.text
    refused = client.post("/classify", params={"model": "mites"}, content=IMAGE)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_card")
    assert "license: There is no such key. Did you mean licence?" in refused.json()["detail"]
    lab.write("mites")
    assert client.post("/models/mites/load", params={"anew": True}).json()["version"] == "1"


@pytest.mark.parametrize("pause", [0.0, 0.02, 0.1])
def test_who_loads_anew_gets_the_card_of_that_moment(serve: Serve, lab: Lab, pause: float) -> None:
    client, said = serve(), {}

    def load(version: str) -> None:
        reply = client.post("/models/worms/load", params={"anew": True})
        said[version] = reply.json().get("version", reply.text)

    threads = []
    for version in ("10", "11", "12"):
        lab.write("worms", version, code="\nimport time\ntime.sleep(0.05)\n")
        threads.append(threading.Thread(target=load, args=(version,)))
        threads[-1].start()
        time.sleep(pause)
    for thread in threads:
        thread.join()
    assert said["12"] == "12" and all(int(said[asked]) >= int(asked) for asked in said)
    assert client.get("/models/worms").json()["version"] == "12"
    assert classified(client, "worms")["model"]["version"] == "12"


def test_models_that_do_not_fit_together_are_all_answered(serve: Serve) -> None:
    """Three models, room for one, and 32 callers: turns instead of 503."""
    client = serve()
    alone = {name: classified(client, name) for name in ("cells", "worms", "grains")}
    size = listed(client, "cells")["memory_bytes"]
    tight = serve(memory_budget=int(1.5 * size))
    orders = [list(alone), list(alone)[::-1], ["worms", "cells", "grains"]]

    def ask(number: int) -> list[tuple[str, Any]]:
        names = orders[number % 3]
        return [(name, classified(tight, name)) for name in names for _ in range(2)]

    with ThreadPoolExecutor(32) as pool:
        replies = [reply for replies in pool.map(ask, range(32)) for reply in replies]
    assert Counter(name for name, _ in replies) == dict.fromkeys(alone, 64)
    for name, reply in replies:
        assert reply["model"] == alone[name]["model"]
        assert reply["result"] == alone[name]["result"]
    assert sum(each["state"] == "resident" for each in tight.get("/models").json()["models"]) == 1

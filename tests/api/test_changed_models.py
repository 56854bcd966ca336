"""A collection and a model of a lab whose card, code or weights change below it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from .conftest import png

CARD = """
id = "lab"
version = "1"
task = "classify"
licence = "MIT"
description = "as it was"
labels = [{name = "a"}, {name = "b"}]
[architecture]
name = "python:net.py:Net"
[input]
size = [16, 16]
mean = [0.5]
std = [0.25]
"""
CODE = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool, self.head = nn.AdaptiveAvgPool2d(2), nn.Linear(12, 2)

    def forward(self, images):
        return self.head(self.pool(images).flatten(1) * 1)
"""
IMAGES = [png(np.full((16, 16, 3), value, np.uint8)) for value in (10, 99, 200)]
ONLY = "classify=lab,embed=lab,detect=lab,segment=lab,superresolve=lab"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "card.toml").write_text(CARD)
    (folder / "net.py").write_text(CODE)
    return folder


@pytest.fixture
def service(lab: Path, started: Callable[..., TestClient]) -> TestClient:
    client = started(models=str(lab.parent), trust_model_code=True, default_models=ONLY)
    assert client.put("/collections/cells", json={"model": "lab"}).status_code == 201
    assert add(client, 0).status_code == 200
    return client


def add(client: TestClient, index: int, name: str = "cells", **more: Any) -> Any:
    query = {"ids": f"i{index}", **more}
    return client.post(f"/collections/{name}/items", params=query, content=IMAGES[index])


def edit(client: TestClient, file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    assert client.post("/models/lab/load?anew=true").status_code == 200


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("card.toml", "[0.25]", "[0.125]"), ("net.py", "* 1", "* 3")],
)
def test_vectors_of_a_model_that_was_edited_are_not_mixed(
    service: TestClient, lab: Path, file: str, old: str, new: str
) -> None:
    digest = service.get("/collections/cells").json()["model_digest"]
    assert service.post("/embed", content=IMAGES[0]).json()["model"]["digest"] == digest
    edit(service, lab / file, old, new)
    now = service.post("/embed", content=IMAGES[0]).json()["model"]
    assert now["version"] == "1" and now["digest"] != digest
    for reply in (
        add(service, 1),
        service.post("/collections/cells/neighbors", content=IMAGES[1]),
        service.put("/collections/cells", json={"model": "lab"}),
    ):
        assert (reply.status_code, reply.json()["code"]) == (409, "model_changed")
        assert "brightfield reembed cells" in reply.json()["detail"]
    assert service.get("/collections/cells").json()["items"] == 1
    edit(service, lab / file, new, old)
    assert add(service, 1).json()["items"] == [{"id": "i1", "outcome": "added"}]


def test_what_only_describes_the_model_may_change(service: TestClient, lab: Path) -> None:
    edit(service, lab / "card.toml", "as it was", "as it is")
    assert add(service, 1).json()["warnings"] == []


def test_a_collection_of_an_earlier_version_takes_the_digest_with_a_note(
    service: TestClient, lab: Path
) -> None:
    app: Any = service.app
    with closing(sqlite3.connect(app.state.services.settings.data / "brightfield.db")) as store:
        store.execute("UPDATE collections SET model_digest = NULL")
        store.commit()
    assert service.get("/collections/cells").json()["model_digest"] is None
    assert [each["code"] for each in add(service, 1).json()["warnings"]] == ["model_digest_unknown"]
    assert add(service, 2).json()["warnings"] == []
    edit(service, lab / "net.py", "* 1", "* 3")
    assert add(service, 0, replace=True, metadata='{"x": 1}').json()["code"] == "model_changed"


def test_a_collection_that_was_embedded_anew_takes_the_place_of_the_former(
    service: TestClient, lab: Path
) -> None:
    add(service, 1)
    edit(service, lab / "net.py", "* 1", "* 3")
    former = service.get("/collections/cells").json()
    assert service.put("/collections/anew", json={"model": "lab"}).status_code == 201
    add(service, 0, "anew")
    body = {"by": "anew", "changes": former["changes"]}
    early = service.post("/collections/cells/replacement", json=body)
    assert (early.status_code, early.json()["code"]) == (409, "collection_differs")
    assert "'i1'" in early.json()["detail"]
    add(service, 1, "anew")
    now = service.post("/collections/cells/replacement", json=body).json()
    assert (now["name"], now["items"]) == ("cells", 2)
    assert now["model_digest"] != former["model_digest"]
    assert [each["name"] for each in service.get("/collections").json()["collections"]] == ["cells"]
    assert service.post("/collections/cells/neighbors", content=IMAGES[1]).status_code == 200

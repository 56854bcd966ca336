"""A model is converted while it serves; replies name what answered, and the next start knows it."""

from __future__ import annotations

import time
from collections.abc import Callable
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
labels = [{name = "a"}, {name = "b"}]
[architecture]
name = "python:net.py:Net"
[input]
size = [16, 16]
mean = [0.5]
std = [0.25]
"""
CODE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 2)
        for parameter in self.parameters():
            parameter.data = torch.linspace(-1, 1, parameter.numel()).view_as(parameter).sin()

    def forward(self, images):
        return self.head(self.conv(images).relu().mean((2, 3)))
"""
IMAGE = png(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8))
ONLY = "classify=lab,embed=lab,detect=lab,segment=lab,superresolve=lab"


@pytest.fixture
def start(tmp_path: Path, started: Callable[..., TestClient]) -> Callable[..., TestClient]:
    folder = tmp_path / "models" / "lab"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD)
    (folder / "net.py").write_text(CODE)
    same = {"models": str(folder.parent), "default_models": ONLY, "data": tmp_path / "data"}
    return lambda **more: started(trust_model_code=True, precision="fp32", **same, **more)


def settled(client: TestClient) -> dict[str, Any]:
    """What runs the model, once nothing more is tried."""
    while True:
        found: dict[str, Any] = client.get("/models/lab").json()["acceleration"]
        if found["progress"] not in ("waiting", "preparing"):
            return found
        time.sleep(0.1)


def classified(client: TestClient, **parameters: str) -> dict[str, Any]:
    reply = client.post("/classify", content=IMAGE, params=parameters)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def score(reply: dict[str, Any]) -> float:
    return float(reply["result"]["predictions"][0]["score"])


@pytest.mark.slow
def test_a_model_changes_over_and_is_known_after_a_restart(
    start: Callable[..., TestClient], tmp_path: Path
) -> None:
    client = start(backend="openvino")
    found = settled(client)
    assert (found["backend"], found["precision"]) == ("openvino", "fp32"), found
    assert found["faster"] > 0 and all(gap["holds"] for gap in found["attempts"][0]["gaps"])
    reply, plain = classified(client), classified(client, backend="eager")
    assert (reply["model"]["backend"], plain["model"]["backend"]) == ("openvino", "eager")
    assert score(reply) == pytest.approx(score(plain), abs=1e-5)
    explained = client.post("/saliency", content=IMAGE)
    assert explained.json()["model"]["backend"] == "eager"
    (graph,) = tmp_path.glob("data/backends/lab/*/openvino/network.xml")
    converted = graph.stat().st_mtime_ns
    again = start(backend="openvino")
    assert settled(again)["faster"] == found["faster"]
    assert score(classified(again)) == score(reply)
    assert graph.stat().st_mtime_ns == converted


def test_without_another_backend_only_the_model_itself_can_be_asked_for(
    start: Callable[..., TestClient],
) -> None:
    client = start()
    assert settled(client)["reason"] == "The settings or the card say backend = eager."
    assert classified(client, precision="fp32")["model"]["precision"] == "fp32"
    for parameters in ({"backend": "openvino"}, {"precision": "bf16"}, {"backend": "fast"}):
        refused = client.post("/classify", content=IMAGE, params=parameters)
        assert refused.status_code == 422, refused.text
        assert next(iter(parameters)) in refused.text

"""What an examination finds, over HTTP: in GET /models/{id}, in warnings, as refusals; and answers
that don't depend on who shares the batch."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from starlette.testclient import TestClient
from torch import nn

from brightfield.api.app import create_app
from brightfield.settings import Settings

from ..toys import habits
from ..toys.engines import card_text
from .conftest import npy

LABELS = "labels = ['a', 'b', 'c', 'd']"
RAW = "[input]\npixels = 'raw'\nsize = [24, 24]\n"
CARDS: dict[str, tuple[str, str]] = {
    "shared": ("shared", "[output]\nactivation = 'sigmoid'"),
    "reused": ("reused", ""),
    "batch-norm": ("batch_bound\nhow = norm", ""),
    "batch-range": ("batch_bound\nhow = range", ""),
    "two": ("two", ""),
    "first": ("two", "[output]\ntake = 0"),
    "chance": ("chance", ""),
    "single": ("two", "[output]\ntake = 0\n[explain]\nlayer = 'convolution'"),
}


@pytest.fixture(scope="module")
def client(
    settings_of: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("habits")
    for name, (architecture, rest) in CARDS.items():
        (folder / name).mkdir()
        text = card_text(name, LABELS, architecture, RAW + rest).replace("nets.py", "habits.py")
        (folder / name / "card.toml").write_text(text)
        shutil.copy(Path(habits.__file__), folder / name)
    default = "detect=first,segment=first,superresolve=first,classify=first"
    settings = settings_of(
        models=str(folder), trust_model_code=True, preload=False, threads=1, device="cpu",
        default_models=default, max_in_flight=64,
    )  # fmt: skip
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def image(seed: int) -> NDArray[np.float32]:
    """(3, 24, 24), as different in strength as its seed."""
    rng = np.random.default_rng(seed)
    return np.float32(rng.normal(size=(3, 24, 24)) * (1 + seed % 4) + seed % 3)


def scores(client: TestClient, model: str, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    reply = client.post("/classify", params={"model": model}, content=npy(pixels))
    assert reply.status_code == 200, reply.text
    found = {p["class_id"]: p["score"] for p in reply.json()["result"]["predictions"]}
    return np.array([found[index] for index in range(4)])


def codes(reply: Any) -> set[str]:
    return {warning["code"] for warning in reply.json()["warnings"]}


@pytest.mark.parametrize(("model", "make"), [("shared", habits.shared), ("reused", habits.reused)])
def test_a_shared_activation_gives_what_the_network_gives(
    client: TestClient, model: str, make: Callable[[], nn.Module]
) -> None:
    network = make().eval()
    for seed in range(3):
        with torch.no_grad():
            expected = network(torch.from_numpy(image(seed))[None])[0].numpy()
        assert np.abs(scores(client, model, image(seed)) - expected).max() < 1e-5


def test_what_was_found_is_shown(client: TestClient) -> None:
    assert client.get("/models/chance").json()["examination"] is None
    reply = client.post("/classify", params={"model": "chance"}, content=npy(image(0)))
    assert codes(reply) == {"random_answer", "random_weights"}
    found = client.get("/models/chance").json()["examination"]
    assert {warning["code"] for warning in found["warnings"]} == codes(reply)
    assert found["input_shape"] == [3, 24, 24] and found["output"] == "(1, 4) float32"
    assert not found["repeatable"]["holds"] and "random numbers" in found["repeatable"]["reason"]
    assert found["independent"]["holds"] and found["differentiable"]["holds"]
    assert "draws random numbers" in found["traceable"]["reason"]


def test_explanations_have_the_warnings_too(client: TestClient) -> None:
    for path in ("/saliency?method=gradient", "/occlusion?window=8", "/embed", "/activations"):
        reply = client.post(path, params={"model": "batch-norm"}, content=npy(image(0)))
        assert reply.status_code == 200, reply.text
        assert {"rows_depend", "random_weights"} <= codes(reply)


@pytest.mark.parametrize(
    ("model", "match"),
    [
        ("two", "a tuple of 2: (1, 4) float32, (1, 8, 22, 22) float32; say on the card"),
        ("single", "explain.layer of single: The model has no layer 'convolution'"),
    ],
)
def test_what_cannot_be_read_is_refused(client: TestClient, model: str, match: str) -> None:
    for reply in (
        client.post("/classify", params={"model": model}, content=npy(image(0))),
        client.post(f"/models/{model}/load"),
    ):
        assert (reply.status_code, reply.json()["code"]) == (422, "invalid_card")
        assert match in reply.json()["detail"]
    assert client.get(f"/models/{model}").status_code == 200


@pytest.mark.parametrize("model", ["batch-norm", "batch-range"])
def test_answers_do_not_depend_on_who_shares_the_batch(client: TestClient, model: str) -> None:
    """64 clients at once: each answer is that of its image alone."""
    network = habits.batch_bound("norm" if model == "batch-norm" else "range").eval()
    with torch.no_grad():
        rows = [torch.from_numpy(image(seed))[None] for seed in range(64)]
        expected = [network(row).softmax(1)[0].numpy() for row in rows]
        assert np.abs(network(torch.cat(rows)).softmax(1)[0].numpy() - expected[0]).max() > 0.01
    with ThreadPoolExecutor(64) as pool:
        found = list(pool.map(lambda seed: scores(client, model, image(seed)), range(64)))
    assert np.abs(np.array(found) - np.array(expected)).max() < 1e-5


def test_explanations_are_made_image_by_image(client: TestClient) -> None:
    """Occlusion and integrated gradients of a network that mixes what runs together."""
    network, x = habits.batch_bound("norm").eval(), torch.from_numpy(image(1))[None]
    asked: dict[str, Any] = {"model": "batch-norm", "target": 2, "baseline": "zero"}

    occlusion = client.post(
        "/occlusion", params={**asked, "window": 12, "stride": 12}, content=npy(image(1))
    ).json()["result"]
    windows = [(0, 0), (0, 12), (12, 0), (12, 12)]
    hidden = torch.cat([x.clone() for _ in windows])
    for row, (top, left) in zip(hidden, windows, strict=True):
        row[:, top : top + 12, left : left + 12] = 0
    with torch.no_grad():
        expected = [float(network(row[None])[0, 2]) for row in hidden]
    assert np.ravel(occlusion["scores"]) == pytest.approx(expected, abs=1e-4)

    gradients = client.post(
        "/saliency",
        params={**asked, "method": "integrated_gradients", "steps": 8, "space": "input"},
        content=npy(image(1)),
        headers={"Accept": "application/x-npy"},
    )
    found = np.load(io.BytesIO(gradients.content))
    wanted = IntegratedGradients(network).attribute(x, target=2, n_steps=8, internal_batch_size=1)
    assert np.abs(found - wanted.sum(1)[0].numpy()).max() < 1e-3 * float(wanted.abs().max())

"""Each model of docs/how-to/add-a-model.md is made, checked and asked."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest
import torch

import brightfield.models
from brightfield.cards import read_card
from brightfield_client.cli import main

from .pages import files

FILES = files("docs/how-to/add-a-model.md")


def make(model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Write the model's files as a reader would, run its script, and fill in the SHA-256."""
    mine = {path: text for path, text in FILES.items() if path.startswith(f"models/{model}/")}
    digest = ""
    for path, text in mine.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
        if Path(path).name in ("save.py", "export.py"):
            with torch.random.fork_rng(devices=[]):
                exec(compile(text, path, "exec"), {"__name__": "__main__"})
            digest = capsys.readouterr().out.strip()
    card = Path("models", model, "card.toml")
    card.write_text(card.read_text().replace('sha256 = "..."', f'sha256 = "{digest}"'))
    return card


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["cells", "dots", "contrast", "tiny"])
def test_the_model_is_checked_and_served(
    model: str,
    serving: Callable[..., str],
    desk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    architecture = tmp_path / "catalog" / "tiny.py"
    architecture.parent.mkdir()
    architecture.write_text(FILES["service/brightfield/models/tiny.py"], encoding="utf-8")
    path = [*brightfield.models.__path__, str(architecture.parent)]
    monkeypatch.setattr(brightfield.models, "__path__", path)
    card = make(model, monkeypatch, capsys)
    trusted = "true" if model == "contrast" else "false"
    monkeypatch.setenv("BRIGHTFIELD_TRUST_MODEL_CODE", trusted)
    assert main(["models", "check", "models"]) == 0
    address = serving(models=os.fspath(card.parent.parent), preload=False)
    deep = npy(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64))
    for endpoint in ("classify", "saliency?method=input_x_gradient", "embed?layer=logits"):
        url = f"http://{address}/{endpoint}{'&' if '?' in endpoint else '?'}model={model}"
        reply = httpx2.post(url, content=deep, trust_env=False)
        assert reply.status_code == 200, reply.text
    labels = read_card(card).label_names
    if labels:
        described = httpx2.get(f"http://{address}/models/{model}", trust_env=False).json()
        assert [label["name"] for label in described["labels"]] == list(labels)


def test_code_is_not_run_without_trust(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make("contrast", monkeypatch, capsys)
    monkeypatch.setenv("BRIGHTFIELD_TRUST_MODEL_CODE", "false")
    assert main(["models", "check", "models"]) != 0
    said = capsys.readouterr()
    assert "trust_model_code" in said.out + said.err


def test_the_card_of_torchvision_weights(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = read_card(make("efficientnet_b3", monkeypatch, capsys))
    assert len(card.label_names) == 1000
    from torchvision.models import EfficientNet_B3_Weights

    assert card.weights is not None
    weights = EfficientNet_B3_Weights[str(card.weights.torchvision).partition(".")[2]]
    transforms = weights.transforms()
    assert card.input.resize is not None
    assert (card.input.resize.short, card.input.crop) == (
        transforms.resize_size[0],
        transforms.crop_size[0],
    )
    assert (list(card.input.mean), list(card.input.std)) == (transforms.mean, transforms.std)
    assert card.input.resize.interpolation == transforms.interpolation.value


@pytest.mark.slow
def test_objects_by_own_code_and_boxes_of_an_own_detector(
    serving: Callable[..., str],
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for model in ("stars", "spots"):
        make(model, monkeypatch, capsys)
    monkeypatch.setenv("BRIGHTFIELD_TRUST_MODEL_CODE", "true")
    address = serving(models="models", preload=False)
    y, x = np.mgrid[:64, :80]
    peaks = [
        np.exp(-((y - row) ** 2 + (x - column) ** 2) / 32) for row, column in ((21, 21), (41, 61))
    ]
    image = npy((255 * np.maximum(*peaks)).astype(np.uint8))
    for endpoint in ("segment?model=stars", "saliency?model=stars&object=1", "detect?model=spots"):
        url = f"http://{address}/{endpoint}"
        reply = httpx2.post(url, content=image, trust_env=False, timeout=60)
        assert reply.status_code == 200, reply.text
        if endpoint.startswith("segment"):
            boxes = [item["box"] for item in reply.json()["result"]["objects"]]
            middles = [(box["ymin"] + box["ymax"], box["xmin"] + box["xmax"]) for box in boxes]
            assert np.abs(np.array(middles) - [(43, 43), (83, 123)]).max() <= 1

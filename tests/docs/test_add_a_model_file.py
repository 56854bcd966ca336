"""A fresh user's files are served with the three commands of docs/how-to/add-a-model.md."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import get_model

from brightfield_client.cli import main

from .pages import blocks

COMMANDS = [
    [shlex.split(line) for line in block.text.splitlines()]
    for block in blocks("docs/how-to/add-a-model.md", "shell")
]


class Dots(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.body(images).mean((2, 3)))
        return scores.softmax(1)


def lightning(file: str) -> None:
    """What a Trainer's checkpoint has, of a module whose network is `self.model`."""
    network = get_model("mobilenet_v3_small", num_classes=2)
    state = {f"model.{name}": value for name, value in network.state_dict().items()}
    rest = {"epoch": 3, "global_step": 90, "pytorch-lightning_version": "2.5.0", "callbacks": {}}
    optimiser = [{"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-3}]}]
    hyper = {"lr": 1e-3, "folder": Path("/data/cells")}
    content = {"state_dict": state, "optimizer_states": optimiser, "hyper_parameters": hyper}
    torch.save({**content, **rest}, file)


def of_timm(file: str) -> None:
    timm = pytest.importorskip("timm")  # here, since it brings a compiler of 110 MB along
    torch.save(timm.create_model(Path(file).stem, num_classes=2).state_dict(), file)


def onnx(file: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            Dots().eval(), (torch.zeros(1, 3, 64, 64),), file, external_data=False, verbose=False
        )


def exported(file: str) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))
    program = torch.export.export(network.eval(), (torch.zeros(1, 3, 96, 96),))
    torch.export.save(program, file)


MAKERS: dict[str, Callable[[str], None]] = {
    "cells.ckpt": lightning,
    "mobilenetv3_small_050.pth": of_timm,
    "dots.onnx": onnx,
    "nuclei2.pt2": exported,
}


def test_the_page_has_a_file_of_each_kind() -> None:
    assert [commands[0][3] for commands in COMMANDS] == list(MAKERS)
    assert all(len(commands) == 3 for commands in COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("commands", COMMANDS, ids=[commands[0][3] for commands in COMMANDS])
def test_three_commands_serve_a_file(
    commands: list[list[str]],
    desk: Path,
    serving: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BRIGHTFIELD_DATA", str(desk / "data"))
    monkeypatch.delenv("BRIGHTFIELD_MODELS", raising=False)
    monkeypatch.delenv("BRIGHTFIELD_TRUST_MODEL_CODE", raising=False)
    torch.manual_seed(0)
    Path("labels.txt").write_text("healthy\ninfected\n")
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    Image.fromarray(noise).save("cell.png")
    add, serve, ask = commands
    MAKERS[add[3]](add[3])
    assert main(add[1:]) == 0
    said = capsys.readouterr().out
    assert " ".join(serve) in said and " ".join(ask[:2]) in said
    address = serving(models=serve[serve.index("--models") + 1])
    monkeypatch.setenv("BRIGHTFIELD_URL", f"http://{address}")
    assert main(ask[1:]) == 0, capsys.readouterr().err
    answered = capsys.readouterr().out
    assert answered.strip()

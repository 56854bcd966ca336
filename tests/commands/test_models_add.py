"""`brightfield models add`: from a file to a model that is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn
from torchvision.models import get_model

from brightfield.cards import read_card
from brightfield.models.loading.build import build
from brightfield_client.cli import main
from tests.models.loading.programs import onnx_file


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BRIGHTFIELD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BRIGHTFIELD_DEVICE", "cpu")
    monkeypatch.delenv("BRIGHTFIELD_MODELS", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Small(nn.Module):
    def __init__(self, channels: int = 3, maps: int = 2) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.head = nn.Conv2d(8, maps, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.body(images))
        return found


NET = """
from torch import nn
def build(width=8):
    body = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU())
    return nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 2))
"""


@pytest.mark.slow
def test_a_checkpoint_of_lightning_is_recognised_and_its_card_is_complete(
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.manual_seed(0)
    network = get_model("mobilenet_v3_small", num_classes=3).eval()
    state = {f"net.{name}": value for name, value in network.state_dict().items()}
    content = {"state_dict": {**state, "criterion.weight": torch.ones(3)}, "epoch": 4}
    torch.save({**content, "hyper_parameters": {"folder": Path("/a")}}, "cells.ckpt")
    Path("labels.txt").write_text("healthy\ninfected\ndebris\n")
    words = ["models", "add", "cells.ckpt", "--task", "classify", "--labels", "labels.txt"]
    assert main([*words, "--licence", "MIT"]) == 0
    said = capsys.readouterr().out
    for line in (
        "recognised: torchvision:mobilenet_v3_small",
        "left out: criterion.weight (1 tensors)",
        "assumed: as for torchvision's own weights",
        "assumed: the classes exclude each other (softmax)",
        "next: brightfield serve --models models",
        "then: brightfield classify IMAGE --model cells",
    ):
        assert line in said
    card = read_card(Path("models/cells"))
    assert card.label_names == ("healthy", "infected", "debris")
    assert (card.input.crop, card.input.mean) == (224, (0.485, 0.456, 0.406))
    assert "# assumed: as for torchvision" in Path("models/cells/card.toml").read_text()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(build(card)(images), network(images))


def test_a_program_gives_its_own_size_and_maps_choose_the_activation() -> None:
    program = torch.export.export(Small(1, 1).eval(), (torch.zeros(1, 1, 48, 32),))
    torch.export.save(program, "cells.pt2")
    words = ["models", "add", "cells.pt2", "--task", "segment"]
    assert main([*words, "--labels", "cell", "--mean", "0.5", "--std", "0.25"]) == 0
    card = read_card(Path("models/cells"))
    assert (card.input.size, card.input.channels) == ((48, 32), 1)
    assert (card.input.mean, card.output.activation) == ((0.5,), "sigmoid")


def test_values_beside_an_onnx_file_come_into_it() -> None:
    path = onnx_file(Path("net.onnx"), Small(), torch.zeros(1, 3, 32, 32))
    onnx.save(
        onnx.load(path), path, save_as_external_data=True, location="net.bin", size_threshold=0
    )
    words = ["models", "add", "net.onnx", "--task", "segment", "--labels", "a,b", "--id", "two"]
    assert main(words) == 0
    assert sorted(file.name for file in Path("models/two").iterdir()) == ["card.toml", "net.onnx"]


def test_code_of_ones_own_comes_along_and_needs_trust(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("code").mkdir()
    Path("code/net.py").write_text(NET)
    space: dict[str, Any] = {}
    exec(NET, space)
    torch.save(space["build"](4).state_dict(), "w.pt")
    words = ["models", "add", "w.pt", "--task", "classify", "--labels", "a,b", "--id", "own"]
    words += ["--architecture", "python:code/net.py:build", "--argument", "width=4"]
    assert main(words) == 1
    assert "trust_model_code" in capsys.readouterr().err and not Path("models/own").exists()
    monkeypatch.setenv("BRIGHTFIELD_TRUST_MODEL_CODE", "true")
    assert main(words) == 0
    assert read_card(Path("models/own")).architecture.name == "python:net.py:build"
    assert main(words) == 2
    assert "there already" in capsys.readouterr().err


def unknown() -> None:
    torch.save(Small().state_dict(), "w.pt")


def headed() -> None:
    network = get_model("resnet18", weights=None)
    network.fc = nn.Sequential(nn.Dropout(), nn.Linear(512, 2))
    torch.save(network.state_dict(), "w.pt")


def known() -> None:
    torch.save(get_model("squeezenet1_1", weights=None, num_classes=2).state_dict(), "w.pt")


def keras() -> None:
    Path("w.pt").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))


def script() -> None:
    with pytest.warns(FutureWarning):
        traced = torch.jit.trace(Small().eval(), torch.zeros(1, 3, 8, 8))
    with pytest.warns(FutureWarning):
        torch.jit.save(traced, "w.pt")


@pytest.mark.parametrize(
    ("make", "labels", "says"),
    [
        (unknown, "a,b", "--architecture python:net.py:build"),
        (headed, "a,b", "it has fc.1.bias, fc.1.weight instead of fc.bias, fc.weight"),
        (known, "a,b,c", "2 outputs and there are 3 labels"),
        (keras, "a,b", "tf2onnx"),
        (script, "a,b", "torch.export.save"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_left(
    capsys: pytest.CaptureFixture[str], make: Any, labels: str, says: str
) -> None:
    make()
    assert main(["models", "add", "w.pt", "--task", "classify", "--labels", labels]) == 1
    assert says in capsys.readouterr().err
    assert not Path("models").exists() or not list(Path("models").iterdir())


def test_many_labels_lie_in_a_file() -> None:
    known()
    network = get_model("squeezenet1_1", weights=None, num_classes=30)
    torch.save(network.state_dict(), "w.pt")
    Path("classes.json").write_text(str({f"c{i}": i for i in range(30)}).replace("'", '"'))
    words = ["models", "add", "w.pt", "--task", "classify", "--labels", "classes.json"]
    assert main(words) == 0
    assert read_card(Path("models/w")).label_names == tuple(f"c{i}" for i in range(30))
    assert len(Path("models/w/labels.txt").read_text().splitlines()) == 30

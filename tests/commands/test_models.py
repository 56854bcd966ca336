from __future__ import annotations

import re

import pytest

pytest.importorskip("brightfield.models.loading.build")

from brightfield.card_folders import find_cards
from brightfield_client.cli import main

CARD = """
id = "lab"
version = "1"
task = "classify"
licence = "MIT"
[architecture]
name = "torchvision:squeezenet1_0"
num_classes = 2
[input]
channels = 3
[[labels]]
name = "a"
[[labels]]
name = "b"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BRIGHTFIELD_DATA", str(tmp_path / "data"))
    model = tmp_path / "models" / "lab"
    model.mkdir(parents=True)
    (model / "card.toml").write_text(CARD)
    return model.parent


def test_a_good_model_alone_and_among_others(folder, capsys):
    for place in (folder, folder / "lab"):
        assert main(["models", "check", str(place)]) == 0
        first, second = capsys.readouterr().out.splitlines()
        assert first == "ok   lab 1 (classify, MIT)"
        assert second.startswith("     warning random_weights: The network's weights are random")


def test_broken_cards_and_missing_weights(folder, capsys):
    for name, text in (
        ("typo", CARD.replace("licence", "license")),
        ("absent", CARD + '[weights]\ntorchvision = "SqueezeNet1_0_Weights.IMAGENET1K_V1"\n'),
        ("lost", CARD + f'[weights]\nfile = "w.safetensors"\nsha256 = "{"0" * 64}"\n'),
    ):
        (folder / name).mkdir()
        (folder / name / "card.toml").write_text(text.replace('"lab"', f'"{name}"'))
    assert main(["models", "check", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[:2] for line in lines if line[0] != " ") == [
        ["FAIL", "lost:"],
        ["FAIL", "typo:"],
        ["ok", "lab"],
        ["pull", "absent:"],
    ]


NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.conv, self.fc, self.options = nn.Conv2d(3, 4, 3), nn.Linear(4, 2), options

    def forward(self, x):
        z = self.fc(self.conv(x).relu().mean((2, 3)))
        return eval(self.options.get("end", "z"))
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classify": "classification"}, "FAIL net: The card of net says task = 'classification'"),
        ({"classify": "detect"}, "FAIL net: The model net detects, so its network should"),
        ({'[[labels]]\nname = "b"': ""}, "FAIL net: The card of net names 1 labels, and its"),
        ({"channels = 3": "channels = 1"}, "FAIL net: The network of net fails on an image of"),
        ({"num_classes = 2": "end = '(z, z)'"}, "FAIL net: The network of net puts out a tuple"),
        (
            {"num_classes = 2": "end = 'z[:, 0]'"},
            "FAIL net: The network of net has one output, which a softmax",
        ),
        ({"num_classes = 2": "end = '1 / 0'"}, "FAIL net: .*ZeroDivisionError"),
        ({"channels = 3": "channels = 3\n[explain]\nlayer = 'conf'"}, ".*Did you mean conv"),
        ({"num_classes = 2": "end = 'z / z * 0 / 0'"}, "     not finite: There is NaN"),
        ({"num_classes = 2": "end = 'z - z.mean()'"}, "     warning rows_depend: "),
        ({"num_classes = 2": "end = 'z.softmax(1)'"}, "ok   net 1 "),
    ],
)
def test_what_the_network_does_is_looked_at(folder, monkeypatch, capsys, change, said):
    monkeypatch.setenv("BRIGHTFIELD_TRUST_MODEL_CODE", "true")
    card = CARD.replace('"lab"', '"net"').replace("torchvision:squeezenet1_0", "python:net.py:Net")
    for old, new in change.items():
        assert old in card
        card = card.replace(old, new)
    (folder / "lab" / "card.toml").write_text(card)
    (folder / "lab" / "net.py").write_text(NET)
    code = main(["models", "check", str(folder)])
    lines = capsys.readouterr().out.splitlines()
    assert any(re.match(said, line) for line in lines), lines
    assert code == int(lines[0].startswith("FAIL"))


def test_two_folders_of_one_id_fail_the_check(folder, capsys):
    (folder / "lab-2").mkdir()
    (folder / "lab-2" / "card.toml").write_text(CARD)
    assert main(["models", "check", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["FAIL lab", "FAIL lab-2"]
    assert all("2 folders have the id 'lab': lab, lab-2." in line for line in lines)


def test_nothing_to_check(tmp_path, capsys):
    assert main(["models", "check", str(tmp_path)]) == 2
    assert "card.toml" in capsys.readouterr().err


def test_pull(folder, monkeypatch, capsys):
    from brightfield.models.loading import weights

    monkeypatch.setenv("BRIGHTFIELD_MODELS", str(folder))
    assert main(["models", "pull", "lap"]) == 2
    said = capsys.readouterr().err
    assert "Did you mean lab?" in said and "BRIGHTFIELD_MODELS is" in said
    assert main(["models", "pull", "lab"]) == 1
    assert "nothing to download" in capsys.readouterr().err

    def pull(card, data, progress, source):
        progress(5, 10)
        assert source is None
        return data / "weights" / f"{card.id}.pth"

    monkeypatch.setattr(weights, "pull", pull)
    assert main(["models", "pull", "lab"]) == 0
    assert capsys.readouterr().out.endswith("lab.pth\n")
    monkeypatch.delenv("BRIGHTFIELD_MODELS")
    assert main(["models", "pull", "lab"]) == 2
    assert "isn't set in this shell" in capsys.readouterr().err
    assert main(["models", "pull", str(folder / "lab")]) == 0


def test_weights_come_from_a_file_where_there_is_no_network(tmp_path, monkeypatch, capsys):
    from brightfield import zoo
    from brightfield.models.loading import weights

    monkeypatch.setenv("BRIGHTFIELD_DATA", str(tmp_path / "data"))
    brought = tmp_path / "brought.pth"
    brought.write_bytes(b"other weights")
    assert main(["models", "pull", "vgg16", "--from", str(brought)]) == 1
    assert "the file is damaged or another one" in capsys.readouterr().err
    assert main(["models", "pull", "vgg16", "--from", str(tmp_path / "absent")]) == 2
    monkeypatch.setattr(
        weights, "verify", lambda path, sha256: ""
    )  # as if they were the right ones
    assert main(["models", "pull", "vgg16", "--from", str(brought)]) == 0
    (kept,) = (tmp_path / "data" / "weights").iterdir()
    assert kept.read_bytes() == brought.read_bytes() and kept.name.startswith("vgg16-")
    card = find_cards((zoo.folder(),)).cards["vgg16"]
    assert weights.at_hand(card, tmp_path / "data") and not weights.at_hand(card, tmp_path)


@pytest.mark.parametrize("code", ["sys.exit(2)", "raise BaseException('boom')", "quit()"])
def test_code_that_exits_fails_its_own_check_alone(folder, monkeypatch, capsys, code):
    monkeypatch.setenv("BRIGHTFIELD_TRUST_MODEL_CODE", "true")
    script = folder / "earlier"  # checked before `lab`
    script.mkdir()
    (script / "net.py").write_text(f"import sys\n{code}\n")
    card = CARD.replace('"lab"', '"earlier"').replace(
        "torchvision:squeezenet1_0", "python:net.py:x"
    )
    (script / "card.toml").write_text(card)
    assert main(["models", "check", str(folder)]) == 1
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith("FAIL earlier: python:net.py:x of earlier failed: ")
    assert second.startswith("ok   lab")

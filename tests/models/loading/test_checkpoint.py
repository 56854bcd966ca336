"""Checkpoints: read in every form that labs have them in, without running what is in them."""

from __future__ import annotations

import pickle
from argparse import Namespace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from brightfield.models.loading.checkpoint import read_checkpoint
from brightfield.outages import DamagedWeights

STATE = {"fc.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.tensor([1.0, -1.0])}


def places(path: Path) -> set[str]:
    """Where a file has the state dict of these tests."""
    found = read_checkpoint(path).states
    return {
        place
        for place, state in found.items()
        if state.keys() == STATE.keys()
        and all(torch.equal(state[name], STATE[name]) for name in STATE)
    }


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])  # its content says what a file is
def test_safetensors_are_read(tmp_path: Path, suffix: str) -> None:
    save_file(STATE, tmp_path / f"w.{suffix}")
    assert places(tmp_path / f"w.{suffix}") == {""}


def test_files_older_than_the_zip_format_are_read(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert places(tmp_path / "w.pth") == {""}


def test_every_entry_is_found_beside_optimisers_and_objects(tmp_path: Path) -> None:
    optimiser = {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-3}]}
    content = {"net": STATE, "averages": {"ema": STATE}, "optimizer": optimiser, "epoch": 3}
    hyper = {"arch": "resnet18", "folder": PurePosixPath("/a"), "more": Namespace(name="unet")}
    torch.save({**content, "hyper_parameters": hyper}, tmp_path / "w.ckpt")
    assert places(tmp_path / "w.ckpt") == {"net", "averages.ema"}
    found = read_checkpoint(tmp_path / "w.ckpt")
    assert found.texts["hyper_parameters.arch"] == "resnet18"
    assert found.texts["hyper_parameters.more.name"] == "unet"
    assert found.classes == ("argparse.Namespace", "pathlib.PurePosixPath")


class Network(nn.Module):
    """A lab's own class, with all that a pickle can have of a module."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.register_buffer("table", torch.ones(2), persistent=False)
        self.again = self.body  # one module at two places has two names


def test_a_whole_pickled_network_is_its_state_dict_and_its_class_is_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network()
    torch.save({"model": network}, tmp_path / "w.pt")
    monkeypatch.delattr(f"{__name__}.Network", raising=False)
    (state,) = read_checkpoint(tmp_path / "w.pt").states.values()
    expected = network.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)


class Bomb:
    """Unpickling it would leave a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def test_pickled_objects_are_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, "bomb": Bomb(tmp_path / "mark")}, tmp_path / "w.pth")
    torch.save(Bomb(tmp_path / "mark"), tmp_path / "u.pth")
    (tmp_path / "v.pth").write_bytes(pickle.dumps(Bomb(tmp_path / "mark"), protocol=2))
    for name in ("w.pth", "u.pth", "v.pth"):
        with pytest.raises(DamagedWeights, match="state_dict"):
            read_checkpoint(tmp_path / name)
    assert not (tmp_path / "mark").exists()


def hdf5(path: Path) -> None:
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))


def script(path: Path) -> None:
    with pytest.warns(FutureWarning):
        traced = torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2))
    with pytest.warns(FutureWarning):
        torch.jit.save(traced, path)


def pointer(path: Path) -> None:
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b"no weights at all"), "no file of a model"),
        (hdf5, "tf2onnx"),
        (script, 'name = "torchscript"'),
        (pointer, "git lfs pull"),
        (lambda path: torch.save({"epoch": 3, "weights": [1, 2]}, path), "it has epoch, weights"),
    ],
)
def test_other_files_say_what_they_are_and_what_to_do(tmp_path: Path, make: Any, says: str) -> None:
    make(tmp_path / "w.pt")
    with pytest.raises(DamagedWeights, match=says) as fault:
        read_checkpoint(tmp_path / "w.pt")
    assert str(tmp_path) not in fault.value.detail

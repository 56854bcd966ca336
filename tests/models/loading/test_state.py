"""Which tensors of a checkpoint fill a network, and what is said where none do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from brightfield.cards import ModelCard
from brightfield.models.loading.checkpoint import read_checkpoint
from brightfield.models.loading.state import fitting
from brightfield.outages import DamagedWeights

NETWORK = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
STATE = NETWORK.state_dict()
OTHER = {name: tensor + 1 for name, tensor in STATE.items()}


def filled(path: Path, content: Any, **weights: str) -> dict[str, torch.Tensor]:
    torch.save(content, path / "w.ckpt")
    card = ModelCard.model_validate(
        {
            "id": "m",
            "version": "1",
            "task": "classify",
            "licence": "MIT",
            "architecture": {"name": "tiny"},
            "weights": {"file": "w.ckpt", "sha256": "0" * 64, **weights},
        }
    )
    return fitting(read_checkpoint(path / "w.ckpt"), STATE, card, lambda state: state)


def under(prefix: str, state: dict[str, torch.Tensor] = STATE) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": under("model.")},  # Lightning
        {"state_dict": under("net.module.")},
        {"net": under("module."), "epoch": 3},  # DataParallel
        under("_orig_mod."),  # torch.compile
        AveragedModel(NETWORK).state_dict(),
        {"model": STATE, "model_ema": OTHER},
        {"state_dict": under("model."), "ema": under("model.", OTHER)},
        {"model": NETWORK},
    ],
    ids=lambda content: ",".join(list(content)[:2]),
)
def test_what_fits_is_found_wherever_it_lies(tmp_path: Path, content: Any) -> None:
    found = filled(tmp_path, content)
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_any_kind_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    whole = {name: torch.ones_like(tensor) for name, tensor in STATE.items()}
    found = filled(
        tmp_path,
        {k: v.to(dtype) if v.is_floating_point() else v for k, v in whole.items()},
    )
    assert all(found[k].dtype == whole[k].dtype and torch.equal(found[k], whole[k]) for k in whole)


def test_the_values_survive_their_file(tmp_path: Path) -> None:
    found = filled(tmp_path, STATE)
    with (tmp_path / "w.ckpt").open("r+b") as file:
        file.write(bytes((tmp_path / "w.ckpt").stat().st_size))
    assert torch.equal(found["0.weight"], STATE["0.weight"])


def test_several_networks_need_a_word_of_the_card(tmp_path: Path) -> None:
    content = {"g": STATE, "d": OTHER}
    with pytest.raises(DamagedWeights, match=r'entry = "g", prefix = "" or entry = "d"'):
        filled(tmp_path, content)
    assert torch.equal(filled(tmp_path, content, entry="d")["3.bias"], OTHER["3.bias"])
    both = {"state_dict": under("student.") | under("teacher.", OTHER)}
    with pytest.raises(DamagedWeights, match=r'prefix = "student\."'):
        filled(tmp_path, both)
    assert torch.equal(filled(tmp_path, both, prefix="teacher.")["3.bias"], OTHER["3.bias"])
    with pytest.raises(DamagedWeights, match=r'has no tensors .* at prefix = "pupil\."'):
        filled(tmp_path, both, prefix="pupil.")


def test_tensors_beside_the_network_are_left_out_only_if_the_card_says_so(tmp_path: Path) -> None:
    content = {"state_dict": under("model.") | {"criterion.weight": torch.ones(2)}}
    with pytest.raises(DamagedWeights, match=r"left out: criterion\.weight"):
        filled(tmp_path, content)
    assert filled(tmp_path, content, prefix="model.").keys() == STATE.keys()


def test_a_misfit_names_the_keys_of_both_sides(tmp_path: Path) -> None:
    changed = under("model.") | {"model.3.weight": torch.ones(5, 4)}
    with pytest.raises(DamagedWeights) as fault:
        filled(tmp_path, {"state_dict": changed})
    said = fault.value.detail
    assert "without the prefix 'model.'" in said and "3.weight is (5, 4) instead of (2, 4)" in said
    with pytest.raises(DamagedWeights) as fault:
        filled(tmp_path, {"encoder.stem.weight": torch.ones(3)})
    said = fault.value.detail
    assert "no values for: 0.weight, 0.bias, 1.weight" in said
    assert "The file has encoder.stem.weight; the architecture has 0.weight" in said

"""Filters as they are read off layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from brightfield.errors import InvalidParameter, UnknownLayer
from brightfield.models.inspection.filters import filter_bank


def network() -> nn.Module:
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)),
        nn.Conv2d(4, 6, (1, 3), groups=2),
        nn.Flatten(),
        nn.Linear(6, 2),
    )


def test_the_first_convolution_is_the_default() -> None:
    module = network()
    bank = filter_bank(module, None)
    assert (bank.layer, bank.type) == ("0.0", "Conv2d")
    assert torch.equal(bank.weight, module.get_submodule("0.0").weight)  # type: ignore[arg-type]
    assert not bank.weight.requires_grad


def test_a_filter_of_a_group_has_the_slices_of_its_group() -> None:
    bank = filter_bank(network(), "1")
    assert (tuple(bank.weight.shape), bank.groups) == ((6, 2, 1, 3), 2)


def test_of_a_transposed_convolution_a_filter_makes_one_output_channel() -> None:
    """A single input pixel is answered with the filter itself."""
    module = nn.ConvTranspose2d(4, 6, 3, groups=2, bias=False)
    weight = filter_bank(nn.Sequential(module), "0").weight
    assert weight.shape == (6, 2, 3, 3)
    for channel in range(4):
        images = functional.one_hot(torch.tensor([channel]), 4).float().view(1, 4, 1, 1)
        answer = module(images)[0]
        group = channel // 2
        mine = slice(3 * group, 3 * group + 3)
        assert torch.equal(answer[mine], weight[mine, channel % 2])


def test_what_is_no_convolution_is_told_which_are() -> None:
    with pytest.raises(InvalidParameter, match=r"'0' is a Sequential .* take 0\.0\."):
        filter_bank(network(), "0")
    with pytest.raises(InvalidParameter, match=r"'3' is a Linear .* take 0\.0, 1\."):
        filter_bank(network(), "3")
    with pytest.raises(InvalidParameter, match=r"take 0\.0, 1"):
        filter_bank(network(), "logits")
    with pytest.raises(UnknownLayer, match=r"no layer '0\.2'.*0\.0"):
        filter_bank(network(), "0.2")
    with pytest.raises(UnknownLayer, match="no two-dimensional convolution"):
        filter_bank(nn.Sequential(nn.Linear(2, 2)), None)

"""Training in rounds: a least-squares fit whose answer is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from brightfield.cards import Quality
from training.loop import rate, train
from training.recipe import Recipe, Schedule

TRUE = torch.tensor([[2.0, -1.0, 0.5]])


class Line(Recipe):
    """y = TRUE x, then y = TRUE x + 1."""

    id = "line"
    source = ""
    schedule = Schedule(steps=300, rate=5e-2, warmup=10, decay=0.0, average=0.9)

    def network(self) -> nn.Module:
        return nn.Conv2d(3, 1, 1)

    def batches(self, random: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            pixels = torch.from_numpy(random.normal(size=(4, 3, 8, 8)).astype(np.float32))
            yield pixels, torch.einsum("bchw,oc->bohw", pixels, TRUE)

    def losses(self, network: nn.Module, batch: Any) -> dict[str, Tensor]:
        pixels, wanted = batch
        with torch.autocast("cpu", enabled=False):
            return {"squares": (network(pixels) - wanted).square().mean()}

    def evaluate(self, network: nn.Module) -> Sequence[Quality]:
        return ()


class TwoRounds(Line):
    last_round = Schedule(steps=200, rate=5e-2, warmup=10, decay=0.0, average=0.9)

    def last_batches(self, random: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        for pixels, wanted in self.batches(random):
            yield pixels, wanted + 1


def test_it_finds_what_least_squares_would(tmp_path: Path) -> None:
    network = train(Line(tmp_path), seed=0, folder=tmp_path)
    torch.testing.assert_close(network.weight[:, :, 0, 0], TRUE, atol=0.01, rtol=0)
    assert not network.training
    assert (tmp_path / "losses.csv").read_text().startswith("step,seconds,squares\n20,")


def test_a_last_round_goes_on_from_the_first(tmp_path: Path) -> None:
    network = train(TwoRounds(tmp_path), seed=0, folder=tmp_path)
    torch.testing.assert_close(network.bias, torch.ones(1), atol=0.02, rtol=0)
    torch.testing.assert_close(network.weight[:, :, 0, 0], TRUE, atol=0.02, rtol=0)
    few = train(TwoRounds(tmp_path), seed=0, folder=tmp_path / "few", steps=1)
    untrained = train(Line(tmp_path), seed=0, folder=tmp_path / "one", steps=1)
    assert (few.weight - untrained.weight).abs().max() < 0.02


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    train(Line(tmp_path), seed=0, folder=tmp_path, steps=200)
    train(Line(tmp_path), seed=0, folder=tmp_path, steps=240)
    rows = (tmp_path / "losses.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [str(step) for step in range(20, 241, 20)]


def test_the_shipped_weights_need_a_last_round(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one round"):
        train(Line(tmp_path), seed=0, folder=tmp_path, shipped=True)


def test_the_rate_rises_and_falls() -> None:
    schedule = Schedule(steps=100, rate=1.0, warmup=10)
    rates = [rate(step, 100, schedule) for step in range(100)]
    assert int(np.argmax(rates)) in (9, 10)
    assert rates[0] == pytest.approx(0.1)
    assert rates[55] == pytest.approx(0.5)
    assert rates[-1] < 0.001

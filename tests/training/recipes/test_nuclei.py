"""The nuclei recipe's loss and measures against closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from brightfield.images.picture import Picture
from training.matching import THRESHOLDS
from training.recipes.nuclei import Batch, Nuclei, compare, dice, losses, segmented


def batch(weight: float = 1.0) -> Batch:
    generator = torch.Generator().manual_seed(0)
    foreground = (torch.rand(2, 32, 32, generator=generator) < 0.4).float()
    distance = foreground * torch.rand(2, 32, 32, generator=generator)
    return Batch(torch.zeros(2, 3, 32, 32), foreground, distance, weight * torch.ones(2, 32, 32))


def perfect(wanted: Batch) -> torch.Tensor:
    return torch.stack([80 * wanted.foreground - 40, wanted.distance], 1)


def test_a_perfect_answer_costs_nothing() -> None:
    wanted = batch()
    assert all(float(part) < 1e-3 for part in losses(perfect(wanted), wanted).values())


def test_every_part_of_the_loss_sees_its_own_map() -> None:
    wanted = batch()
    for position, names in enumerate([{"foreground", "dice"}, {"distance"}]):
        maps = perfect(wanted)
        maps[:, position] = -maps[:, position] + 0.5
        costly = {name for name, part in losses(maps, wanted).items() if float(part) > 1e-2}
        assert costly == names


def test_what_lies_beyond_the_field_does_not_count() -> None:
    wanted = batch()
    wanted.weight[:, :, 16:] = 0
    maps = perfect(wanted)
    maps[:, :, :, 16:] *= -1
    assert all(float(part) < 1e-3 for part in losses(maps, wanted).values())
    nothing = batch(weight=0.0)
    assert all(torch.isfinite(part) for part in losses(-perfect(nothing), nothing).values())


def test_dice_of_halves() -> None:
    wanted = torch.zeros(1, 10, 10)
    wanted[:, :5] = 1
    scores = torch.full((1, 10, 10), 0.5)
    # 2 * 25 / (50 + 50), with 1 added above and below the line
    assert float(dice(scores, wanted, torch.ones(1, 10, 10))) == pytest.approx(1 - 51 / 101)


def test_compares_objects_and_pixels() -> None:
    truth = np.zeros((10, 20), np.int32)
    truth[:, :10] = 1
    answer = np.zeros((10, 20), np.int32)
    answer[:, 2:10] = 7  # IoU 0.8
    score = compare(truth, answer)
    assert (score.both, score.either) == (80, 100)
    hits = [counts.true_positive for counts in score.counts]
    assert hits == [int(threshold < 0.8) for threshold in THRESHOLDS]


def test_answers_in_the_size_of_the_picture() -> None:
    recipe = Nuclei(Path())
    random = np.random.default_rng(0)
    pixels = random.integers(0, 255, (37, 50, 1), np.uint8)
    labels = segmented(recipe.network().eval(), Picture(pixels, "", "png", "YX"), recipe.card)
    assert labels.shape == (37, 50)

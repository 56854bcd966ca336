from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models

from brightfield.errors import InvalidParameter
from brightfield.images.windows import window_grid
from brightfield.models.incremental import IncrementalPlan, Schedule, trace
from brightfield.models.incremental.bucketing import widest_crop

from .networks import noise


def scheduled(module: nn.Module, side: int, window: int, stride: int, **more: int) -> Schedule:
    plan = trace(module.eval(), torch.zeros(1, 3, side, side))
    assert isinstance(plan, IncrementalPlan)
    grid = window_grid((side, side), (window, window), (stride, stride), "shift")
    return plan.schedule(grid.rows, grid.cols, **more)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "side", "window", "least", "most"),
    [
        ("resnet18", 224, 32, 2.1, 2.6),
        ("vgg16", 224, 32, 5.3, 6.8),
        ("resnet18", 1024, 64, 18.0, 21.0),
    ],
)
def test_counted_operations_fall(
    name: str, side: int, window: int, least: float, most: float
) -> None:
    """The ratios that the literature's intervals allow, stated in the conventions."""
    schedule = scheduled(models.get_model(name), side, window, window // 2)
    ratio = schedule.plain_work.multiply_adds / schedule.work.multiply_adds
    assert least <= ratio <= most


def test_counts_the_multiplications_of_resnet18() -> None:
    """1.814 billion for one image of 224 pixels, as its authors and torchvision count."""
    schedule = scheduled(models.resnet18(), 224, 224, 224)
    assert schedule.plain_work.multiply_adds == 2 * 1_814_073_344
    assert schedule.work.multiply_adds == schedule.plain_work.multiply_adds
    assert schedule.base_bytes == 0


def test_the_memory_of_a_chunk_is_bounded() -> None:
    module = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    small = scheduled(module, 64, 8, 4, most_bytes=2**15)
    large = scheduled(module, 64, 8, 4, most_bytes=2**22)
    for chunk in small.chunks:  # two layers at a time, and what becomes of them
        crop = widest_crop(small.graph, chunk.down.sizes, chunk.across.sizes)
        assert len(chunk) * crop * small.item <= 2**15
    assert len(small.chunks) > len(large.chunks)
    image = noise(1, 3, 64, 64, dtype=torch.float32)
    for schedule in (small, large):
        assert sum(len(chunk) for chunk in schedule.chunks) == 15 * 15
        assert schedule.base(image).size_bytes == schedule.base_bytes


@pytest.mark.parametrize("span", [(-1, 3), (5, 5), (60, 65)])
def test_windows_outside_are_refused(span: tuple[int, int]) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    plan = trace(module.eval(), torch.zeros(1, 3, 64, 64))
    assert isinstance(plan, IncrementalPlan)
    with pytest.raises(InvalidParameter, match="64 x 64"):
        plan.schedule([(0, 8)], [span])

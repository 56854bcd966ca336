from __future__ import annotations

import pytest
import torch
from torch import nn

from brightfield.images.windows import window_grid
from brightfield.models.incremental import IncrementalPlan, counted, estimate, probe_chunks, trace


def convolutions() -> nn.Module:
    layers = [nn.Conv2d(3, 16, 3, padding=1)]
    layers += [nn.Conv2d(16, 16, 3, padding=1) for _ in range(3)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def plan(side: int) -> IncrementalPlan:
    found = trace(convolutions(), torch.zeros(1, 3, side, side))
    assert isinstance(found, IncrementalPlan)
    return found


def test_other_chunks_are_taken_to_cost_what_they_count() -> None:
    grid = window_grid((96, 96), (16, 16), (8, 8), "shift")
    schedule = plan(96).schedule(grid.rows, grid.cols)
    chunk = schedule.chunks[probe_chunks(schedule)[0]]
    found = estimate(schedule, 0.01, chunk, 2 * chunk.work.seconds())
    counted = sum(other.work.seconds() for other in schedule.chunks)
    assert found.plain_s == pytest.approx(0.01 * (11 * 11 + 1))
    assert 2 * counted + 0.01 <= found.incremental_s <= 2 * counted + 0.05


def test_a_window_as_large_as_the_image_is_computed_plainly() -> None:
    schedule = plan(48).schedule([(0, 48)], [(0, 48)])
    chunk = schedule.chunks[probe_chunks(schedule)[0]]
    assert not estimate(schedule, 0.01, chunk, 0.01).incremental


def test_small_windows_are_computed_incrementally() -> None:
    """Eight pixels of 256: more than a hundred times less to compute, whatever the rates."""
    grid = window_grid((256, 256), (8, 8), (64, 64), "drop")
    schedule = plan(256).schedule(grid.rows, grid.cols)
    assert counted(schedule).incremental
    assert not counted(plan(48).schedule([(0, 48)], [(0, 48)])).incremental

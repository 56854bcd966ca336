"""What a constructor draws is the same whenever and beside whom it is called."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from brightfield.models.loading.skeleton import initialised


def made() -> nn.Module:
    first = nn.Linear(3, 3)
    time.sleep(0.01)  # others draw meanwhile, if they may
    return nn.Sequential(first, nn.Linear(3, 3))


def test_networks_that_are_made_at_once_draw_what_each_draws_alone() -> None:
    alone = initialised(made).state_dict()
    with ThreadPoolExecutor(4) as pool:
        together = [pool.submit(initialised, made).result for _ in range(8)]
        states = [result().state_dict() for result in together]
    assert all(torch.equal(state[name], alone[name]) for state in states for name in alone)

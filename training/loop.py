"""The training loop that every recipe shares."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from brightfield.models.loading.build import build
from training.recipe import Recipe, Schedule

T = TypeVar("T")

_LOGGED_EVERY = 20
_KEPT_EVERY = 200


def train(
    recipe: Recipe, *, seed: int, folder: Path, steps: int | None = None, shipped: bool = False
) -> nn.Module:
    """Train a recipe's network; gives the moving average of its weights, in eval mode.

    `folder` gets `losses.csv` and a checkpoint, from which a run that was cut off goes on (with
    other batches than the uncut run would have seen); those of a last round lie in `folder`/last.
    Convolutions run in bfloat16, depthwise ones excepted. `steps` shortens each round. `shipped`
    leaves the first round out: the last one goes on from the shipped weights.

    Raises `ValueError` for `shipped` where the recipe has no last round.
    """
    if shipped and recipe.last_round is None:
        raise ValueError(f"{recipe.id} has one round of training alone")
    torch.manual_seed(seed)
    if shipped:
        network = build(recipe.card)
    else:
        first = Round(recipe.schedule, recipe.batches, folder)
        network = _trained(recipe, recipe.network(), first, seed, steps)
    if recipe.last_round is not None:
        last = Round(recipe.last_round, recipe.last_batches, folder / "last")
        network = _trained(recipe, network, last, seed, steps)
    return network


class Round(NamedTuple):
    """What one round of training goes by, and where its log and checkpoint lie."""

    schedule: Schedule
    batches: Callable[[np.random.Generator], Iterator[Any]]
    folder: Path


def _trained(
    recipe: Recipe, network: nn.Module, round_: Round, seed: int, steps: int | None
) -> nn.Module:
    schedule = round_.schedule
    total = steps or schedule.steps
    network.train().requires_grad_(True)
    network.to(memory_format=torch.channels_last)
    optimizer = _optimizer(recipe, network, schedule)
    averaging = get_ema_multi_avg_fn(schedule.average)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=averaging, use_buffers=True)
    _depthwise_in_single(network)
    checkpoint = Checkpoint(round_.folder / "checkpoint.pt", network, optimizer, average)
    first = checkpoint.load()
    batches = prefetched(round_.batches(np.random.default_rng([seed, first])))
    with Log(round_.folder / "losses.csv") as log:
        for step in tqdm(range(first, total), initial=first, total=total, desc=recipe.id):
            for group in optimizer.param_groups:
                group["lr"] = group["factor"] * rate(step, total, schedule)
            parts = _step(recipe, network, optimizer, next(batches), schedule.clip)
            average.update_parameters(network)
            log.add(step, parts)
            if (step + 1) % _KEPT_EVERY == 0:
                checkpoint.save(step + 1)
    averaged: nn.Module = average.module
    return averaged.eval().requires_grad_(False)


def _depthwise_in_single(network: nn.Module) -> None:
    """Let depthwise convolutions compute in float32: on a CPU their gradient is several times
    faster than in bfloat16."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d) and part.groups == part.in_channels > 1:
            part.forward = partial(_in_single, part)  # type: ignore[method-assign]


def _in_single(conv: nn.Conv2d, maps: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        out: Tensor = conv._conv_forward(maps.float(), conv.weight, conv.bias)
    return out.to(maps.dtype)


def rate(step: int, steps: int, schedule: Schedule) -> float:
    """The learning rate: linear from 0 over the warm-up, then half a cosine to 0."""
    if step < schedule.warmup:
        return schedule.rate * (step + 1) / schedule.warmup
    part = (step - schedule.warmup) / max(1, steps - schedule.warmup)
    return schedule.rate * 0.5 * (1 + math.cos(math.pi * part))


def _step(
    recipe: Recipe,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Any,
    clip: float,
) -> dict[str, float]:
    with torch.autocast("cpu", torch.bfloat16):
        parts = recipe.losses(network, batch)
    total = torch.stack([part.float() for part in parts.values()]).sum()
    optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(network.parameters(), clip)
    if torch.isfinite(norm):  # one odd batch must not undo the rest
        optimizer.step()
    return {name: float(part.detach()) for name, part in parts.items()}


def _optimizer(recipe: Recipe, network: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """AdamW; norms and biases do not decay. Parameters in none of the groups are frozen."""
    groups: list[dict[str, Any]] = []
    for factor, parameters in recipe.groups(network):
        for decays in (True, False):
            chosen = [p for p in parameters if (p.dim() > 1) is decays]
            decay = schedule.decay if decays else 0.0
            groups.append({"params": chosen, "weight_decay": decay, "factor": factor})
    taught = {id(p) for group in groups for p in group["params"]}
    for parameter in network.parameters():
        parameter.requires_grad_(id(parameter) in taught)
    return torch.optim.AdamW(groups, lr=schedule.rate)


class Checkpoint:
    """The state of a run, kept from time to time."""

    def __init__(self, path: Path, *parts: nn.Module | torch.optim.Optimizer) -> None:
        self._path = path
        self._parts = parts

    def save(self, step: int) -> None:
        fresh = self._path.with_suffix(".new")
        torch.save({"step": step, "parts": [part.state_dict() for part in self._parts]}, fresh)
        fresh.replace(self._path)

    def load(self) -> int:
        """The number of steps already made: 0 where there is no checkpoint."""
        if not self._path.exists():
            return 0
        state = torch.load(self._path, weights_only=True)
        for part, values in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(values)
        return int(state["step"])


class Log:
    """Means of the losses, a row of `losses.csv` every few steps."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", newline="")
        self._rows: list[dict[str, float]] = []
        self._begin = time.monotonic()

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, step: int, parts: dict[str, float]) -> None:
        self._rows.append(parts)
        if (step + 1) % _LOGGED_EVERY:
            return
        means = {name: float(np.mean([row[name] for row in self._rows])) for name in parts}
        row = {"step": step + 1, "seconds": round(time.monotonic() - self._begin, 1), **means}
        writer = csv.DictWriter(self._file, row)
        if self._file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
        self._file.flush()
        self._rows.clear()


def prefetched(items: Iterator[T]) -> Iterator[T]:
    """The items, each made in a thread while the one before it is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        coming = pool.submit(next, items)
        while True:
            item = coming.result()
            coming = pool.submit(next, items)
            yield item

"""Pools: replicas that load some of the models, on machines or GPUs where these fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from brightfield.served_models import ServedModels

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_COUNT = re.compile(r"(\d{1,5})(?::(\d{1,5}))?")
_FORM = "NAME: MODELS [replicas=N or N:M] [cpus=N] [gpus=N]"


@dataclass(frozen=True, slots=True)
class ReplicaPool:
    """A pool: its models, as `ServedModels.read` reads them, how many replicas load them (as
    `bounds` reads it), and what each of these owns."""

    name: str
    models: str
    replicas: str = "1"
    cpus: float | None = None
    """None: as the others (`replica_cpus`)."""
    gpus: int = 0

    @classmethod
    def read(cls, text: str) -> ReplicaPool:
        """From `large: sam-*,medsam replicas=1:2 gpus=1`. Raises `ValueError`."""
        name, _, rest = (part.strip() for part in text.partition(":"))
        models, *options = rest.split() or [""]
        given = dict(option.partition("=")[::2] for option in options)
        if _NAME.fullmatch(name) is None or not models or given.keys() - _READERS.keys():
            raise ValueError(f"{text.strip()!r} is no pool; write {_FORM}")
        served = ServedModels.read(models)
        if not served.wanted or served.unwanted:
            raise ValueError(f"the pool {name} names the models that it has, and none with !")
        return cls(name, models, **{key: _READERS[key](value) for key, value in given.items()})


def read_pools(text: str) -> tuple[ReplicaPool, ...]:
    """Pools with semicolons between them. Raises `ValueError`."""
    pools = tuple(ReplicaPool.read(part) for part in text.split(";") if part.strip())
    if len({each.name for each in pools}) < len(pools):
        raise ValueError("two pools have one name")
    return pools


def the_rest(pools: tuple[ReplicaPool, ...]) -> str:
    """The models of no pool, as `ServedModels.read` reads them; empty, so all, without pools."""
    patterns = [pattern for each in pools for pattern in ServedModels.read(each.models).wanted]
    return ",".join(f"!{pattern}" for pattern in patterns)


def bounds(text: str) -> tuple[int, int]:
    """The fewest and the most of `4` or `2:16`. Raises `ValueError`."""
    match = _COUNT.fullmatch(text)
    if match is None or not 0 < int(match[1]) <= int(match[2] or match[1]):
        raise ValueError("write a number, as 4, or the fewest and the most, as 2:16")
    return int(match[1]), int(match[2] or match[1])


def _checked_bounds(text: str) -> str:
    bounds(text)
    return text


def _cores(text: str) -> float:
    if not (cores := float(text)) > 0:
        raise ValueError("a replica has more than 0 cores")
    return cores


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no number of GPUs")
    return int(text)


_READERS: dict[str, Callable[[str], Any]] = {
    "replicas": _checked_bounds,
    "cpus": _cores,
    "gpus": _whole,
}

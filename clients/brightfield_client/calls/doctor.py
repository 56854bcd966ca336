"""Whether everything works, from the connection to an answer about an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from brightfield_client.calls._images import classify
from brightfield_client.calls._service import models, version
from brightfield_client.calls.health import ready
from brightfield_client.errors import BrightfieldError
from brightfield_client.exchange import Policy, Runnable, Steps
from brightfield_client.models import Model
from brightfield_client.results.classification import Classification
from brightfield_client.results.value import Value

Show = Callable[[str], object]
Judge = Callable[[Any], tuple[bool, str]]


@dataclass(frozen=True)
class Check(Value):
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.ok else 'FAIL'} {self.name}: {self.detail}"


@dataclass(frozen=True)
class Report(Value):
    """All checks in their order; after an unreachable service no further ones."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return "\n".join(map(str, self.checks))


@dataclass(frozen=True)
class Checkup:
    """The checks as calls, each shown as soon as it is done."""

    show: Show | None
    timeout: float | None

    def steps(self, policy: Policy) -> Steps[Report]:
        policy = policy.patient(self.timeout)
        checks: list[Check] = []
        for name, ask, judge in _QUESTIONS:
            try:
                check = Check(name, *judge((yield from ask().steps(policy))))
            except BrightfieldError as fault:
                check = Check(name, False, str(fault))
            if self.show is not None:
                self.show(str(check))
            checks.append(check)
            if not checks[0].ok:
                break
        return Report(tuple(checks))


def doctor(show: Show | None = print, *, timeout: float | None = None) -> Checkup:
    """Check the connection, the version, the models, and the answer about one sample image.

    Each check is printed when it is done (or given to `show`; None is silent). Returns a `Report`,
    which is true when all is well; nothing is raised. `timeout` is that of each check.
    """
    return Checkup(show, timeout)


def sample_image() -> npt.NDArray[np.uint8]:
    """A disc of light on a shaded ground, 224 x 224 x 3, made here."""
    y, x = np.mgrid[0:224, 0:224]
    disc = (y - 112) ** 2 + (x - 112) ** 2 < 60**2
    planes = (np.where(disc, 230, x // 2), np.where(disc, 200, y // 2), np.full_like(x, 90))
    return np.stack(planes, axis=-1).astype(np.uint8)


def _models(found: list[Model]) -> tuple[bool, str]:
    names = ", ".join(f"{model.id} ({model.task})" for model in found)
    return bool(found), names or "there are none; point BRIGHTFIELD_MODELS at a folder of them"


def _sample(answer: Classification) -> tuple[bool, str]:
    milliseconds = sum(v for v in answer.timing_ms.values() if isinstance(v, int | float))
    found = f"{answer.top.label} {answer.top.score:.2f}" if answer.top else "no class"
    return True, f"{answer.model.id} says {found} in {milliseconds:.0f} ms"


_QUESTIONS: tuple[tuple[str, Callable[[], Runnable[Any]], Judge], ...] = (
    ("service", version, lambda number: (True, f"Brightfield {number} answers")),
    ("ready", ready, lambda yes: (yes, f"it {'takes' if yes else 'does not take'} requests")),
    ("models", models, _models),
    ("sample image", lambda: classify(sample_image(), top_k=1), _sample),
)

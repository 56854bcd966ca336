"""What runs a model, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from brightfield.backend_names import BackendName, Precision
from brightfield.models.examination.gaps import Gap

SearchStage = Literal["off", "waiting", "preparing", "settled"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A backend that was tried with a precision.

    `faster` is how many times as fast as the model itself it was (the geometric mean over batches
    of one and of several), `gaps` how far its outputs are from the model's; `reason` says why it
    isn't used.
    """

    backend: BackendName
    precision: Precision | None = None
    faster: float | None = None
    gaps: tuple[Gap, ...] = ()
    reason: str | None = None

    def because(self, reason: str) -> Attempt:
        """The same, not used for a reason."""
        return replace(self, reason=reason)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What runs a model's forward passes from now on, and what was tried for it.

    `features` says that what was converted puts out feature vectors as well, `lasting` that the
    same would be found again, so that it may be kept.
    """

    backend: BackendName = "eager"
    precision: Precision = "fp32"
    progress: SearchStage = "off"
    reason: str = "No other backend was looked for."
    attempts: tuple[Attempt, ...] = ()
    one_by_one: bool = False
    features: bool = False
    lasting: bool = True

    @property
    def chosen(self) -> Attempt | None:
        """The attempt that is used; None: the model as it is."""
        wanted = (self.backend, self.precision)
        found = (a for a in self.attempts if (a.backend, a.precision) == wanted and not a.reason)
        return next(found, None)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Verdict:
        attempts = tuple(
            Attempt(**{**attempt, "gaps": tuple(Gap(**gap) for gap in attempt["gaps"])})
            for attempt in content["attempts"]
        )
        return cls(**{**content, "attempts": attempts})


def eager(reason: str, attempts: Sequence[Attempt] = (), *, lasting: bool = True) -> Verdict:
    """The model stays as it is."""
    return Verdict(progress="settled", reason=reason, attempts=tuple(attempts), lasting=lasting)


UNTRIED = Verdict()
"""Nobody looked for anything."""

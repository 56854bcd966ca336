"""A requirement as its sender writes it: `auroc>=0.9`, `dice@lower>=0.8`, or a bare `auroc`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator

from brightfield.parameters import NUMBER, Ids

End = Literal["value", "lower", "upper"]

_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_END = "(?:@(?P<{}>lower|upper))?"
# The shortest name after which the rest is a relation and a number: a label may hold both.
_FORM = re.compile(
    rf"\s*(?P<name>.+?)\s*{_END.format('before')}\s*(?P<relation>>=|<=|>|<)\s*"
    rf"(?P<bound>{NUMBER})\s*(?P<unit>%|[^\W\d_]+)?\s*{_END.format('after')}\s*",
    re.DOTALL,
)
_LONGEST = 300
_POOLED = "pooled."
NO_LOSS = "no_loss"
"""What a requirement without a relation is: no significant loss. Alone: of no main number."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """That a number, or an end of its interval, stands in a `relation` to a bound.

    Without a relation it is about a difference, which must not be a significant loss.
    """

    text: str
    name: str
    end: End = "value"
    relation: str | None = None
    bound: float | None = None
    unit: str | None = None

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Raises `ValueError` for what is none."""
        whole = text.strip()
        if not whole or len(whole) > _LONGEST:
            raise ValueError(f"a requirement has 1 to {_LONGEST} characters, as auroc>=0.9")
        found = _FORM.fullmatch(whole)
        if found is None:
            if re.search("[<>=]", whole):
                raise ValueError(
                    f"{whole!r} isn't of the form NAME>=NUMBER (or <=, >, <), as auroc>=0.9, or "
                    "auroc@lower>=0.9 for the lower end of the interval"
                )
            return cls(whole, whole)
        ends = {end for end in (found["before"], found["after"]) if end}
        if len(ends) > 1:
            raise ValueError(f"{whole!r} names both ends of the interval; name one")
        end: End = "value" if not ends else "lower" if ends == {"lower"} else "upper"
        bound = float(found["bound"])
        return cls(whole, found["name"], end, found["relation"], bound, found["unit"])

    def holds(self, value: float) -> bool:
        """Whether a value stands so to the bound."""
        assert self.relation is not None and self.bound is not None
        return _HOLDS[self.relation](value, self.bound)

    @property
    def metric(self) -> str:
        """The metric's name without pooling and class."""
        return self.name.removeprefix(_POOLED).partition("/")[0]


def name_within(scope: str, label: str, metric: str) -> str:
    """What a requirement calls a number: `iou`, `pooled.iou`, or `iou/RBC` of a class."""
    if scope == "class":
        return f"{metric}/{label}"
    return f"{_POOLED}{metric}" if scope == "pooled" else metric


def _checked(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        Requirement.parse(text)
    return texts


Requirements = Annotated[Ids, AfterValidator(_checked)]
"""Requirements with commas, or as a list where a label has commas itself."""

"""Evaluation runs at the service, and the comparison of two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from brightfield_client.errors import UnexpectedReply
from brightfield_client.optional import require
from brightfield_client.results.result import Json, Warned, html_table


@dataclass(frozen=True)
class EvaluationRun:
    """A run whose predictions come in chunks; `chunks` and `rows` are of the last look."""

    id: str
    name: str | None
    task: str
    options: Json = field(repr=False)
    created: float
    touched: float
    chunks: int
    rows: int

    @classmethod
    def from_json(cls, entry: Any) -> EvaluationRun:
        """Raises `UnexpectedReply` for something else."""
        try:
            return cls(
                id=str(entry["id"]),
                name=entry["name"],
                task=str(entry["task"]),
                options=MappingProxyType(dict(entry["options"])),
                created=float(entry["created"]),
                touched=float(entry["touched"]),
                chunks=int(entry["chunks"]),
                rows=int(entry["rows"]),
            )
        except (KeyError, TypeError, ValueError) as fault:
            raise UnexpectedReply(f"The reply is no run: {fault!r}.") from fault


@dataclass(frozen=True)
class RunChunk:
    """A chunk that the service keeps."""

    key: str
    rows: int
    sha256: str

    @classmethod
    def from_json(cls, entry: Any) -> RunChunk:
        """Raises `UnexpectedReply` for something else."""
        try:
            return cls(str(entry["key"]), int(entry["rows"]), str(entry["sha256"]))
        except (KeyError, TypeError, ValueError) as fault:
            raise UnexpectedReply(f"The reply is no chunk: {fault!r}.") from fault


@dataclass(frozen=True)
class Difference:
    """A number of two runs and `a` minus `b` with its interval.

    `p_value` is there where a test is, as DeLong's of AUROC; where there is no difference,
    `undefined` says why, and `ci_undefined` likewise of the interval.
    """

    a: float | None
    b: float | None
    difference: float | None
    ci: tuple[float, float] | None
    method: str | None
    p_value: float | None
    undefined: str | None
    ci_undefined: str | None

    @classmethod
    def from_json(cls, entry: Json) -> Difference:
        ci = entry["ci"]
        return cls(
            entry["a"],
            entry["b"],
            entry["difference"],
            None if ci is None else (float(ci[0]), float(ci[1])),
            entry["method"],
            entry["p_value"],
            entry["undefined"],
            entry["ci_undefined"],
        )

    def __str__(self) -> str:
        if self.difference is None:
            return f"undefined ({self.undefined})"
        interval = "" if self.ci is None else f" ({self.ci[0]:+.3f} to {self.ci[1]:+.3f})"
        p = "" if self.p_value is None else f", p = {self.p_value:.3g}"
        return f"{self.difference:+.3f}{interval}{p}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """How much two runs differ over the `n` ids that both have; `comparison["auroc"]`.

    `only_a` and `only_b` count the ids that one run alone has, and list the first of them. `raw` is
    the whole reply.
    """

    task: str
    n: int
    metrics: Mapping[str, Difference]
    pooled: Mapping[str, Difference] = field(repr=False)
    only_a: Json = field(repr=False)
    only_b: Json = field(repr=False)
    warnings: tuple[Warned, ...]
    raw: Json = field(repr=False)

    @classmethod
    def from_json(cls, reply: Json) -> Comparison:
        """Raises `UnexpectedReply` for something else."""
        try:
            return cls(
                task=str(reply["task"]),
                n=int(reply["n"]),
                metrics=_differences(reply["metrics"]),
                pooled=_differences(reply.get("pooled") or {}),
                only_a=MappingProxyType(dict(reply["only_a"])),
                only_b=MappingProxyType(dict(reply["only_b"])),
                warnings=tuple(
                    Warned(str(entry["code"]), str(entry["detail"])) for entry in reply["warnings"]
                ),
                raw=MappingProxyType(dict(reply)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise UnexpectedReply(f"The reply is no comparison: {fault!r}.") from fault

    def __getitem__(self, name: str) -> Difference:
        return self.metrics[name]

    def _rows(self) -> Iterator[tuple[str, str, Difference]]:
        for scope, block in (("all", self.metrics), ("pooled", self.pooled)):
            for name, difference in block.items():
                yield scope, name, difference

    def to_pandas(self) -> Any:
        """A `DataFrame`: scope, metric, a, b, difference, low, high, method and p_value."""
        pandas = require("pandas", "to_pandas()", "brightfield[notebook]")
        columns = ["scope", "metric", "a", "b", "difference", "low", "high", "method", "p_value"]
        rows = [
            (scope, name, d.a, d.b, d.difference, *(d.ci or (None, None)), d.method, d.p_value)
            for scope, name, d in self._rows()
        ]
        numbers = {name: float for name in columns if name not in ("scope", "metric", "method")}
        return pandas.DataFrame(rows, columns=columns).astype(numbers)

    def _repr_html_(self) -> str:
        return html_table(
            ("scope", "metric", "a - b"), [(scope, name, str(d)) for scope, name, d in self._rows()]
        )


def _differences(block: Json) -> Mapping[str, Difference]:
    return MappingProxyType({name: Difference.from_json(entry) for name, entry in block.items()})

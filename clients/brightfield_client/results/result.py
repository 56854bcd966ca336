"""What every answer about an image carries."""

from __future__ import annotations

import html
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Self

from brightfield_client.errors import UnexpectedReply

Json = Mapping[str, Any]


@dataclass(frozen=True)
class ModelRef:
    """The model that answered."""

    id: str
    version: str
    sha256: str | None


@dataclass(frozen=True)
class Warned:
    """Something that the service did to the image or the answer and that one should know."""

    code: str
    detail: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """The facts of an answer's envelope; each endpoint's result adds its own.

    `image` holds what the service read (sha256, width, height, axes, dtype, intensity, ...),
    `timing_ms` the milliseconds of each stage, `batch_size` the number of images that shared the
    forward pass, and `raw` the whole envelope, keys that this client does not know included.
    """

    task_name: ClassVar[str]

    id: str
    task: str
    model: ModelRef
    image: Json = field(repr=False)
    warnings: tuple[Warned, ...]
    timing_ms: Json = field(repr=False)
    batch_size: int | None
    raw: Json = field(repr=False)

    @classmethod
    def from_json(cls, envelope: Json) -> Self:
        """The result in an envelope. Raises `UnexpectedReply` when it is of another kind."""
        try:
            return cls(**_facts(envelope), **cls._own(envelope["result"]))
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise UnexpectedReply(
                f"The reply is no result of {cls.task_name}: {type(fault).__name__}: {fault}."
            ) from fault

    @classmethod
    @abstractmethod
    def _own(cls, result: Json) -> dict[str, Any]:
        """The fields that the endpoint's `result` object fills."""

    def _caption(self) -> str:
        notes = "".join(f"<br><small>{html.escape(w.detail)}</small>" for w in self.warnings)
        return (
            f"<small>{html.escape(self.model.id)} {html.escape(self.model.version)}</small>{notes}"
        )


def _facts(envelope: Json) -> dict[str, Any]:
    model = envelope.get("model") or {}
    return {
        "id": str(envelope.get("id", "")),
        "task": str(envelope.get("task", "")),
        "model": ModelRef(
            str(model.get("id", "")), str(model.get("version", "")), model.get("sha256")
        ),
        "image": MappingProxyType(dict(envelope.get("image") or {})),
        "warnings": tuple(
            Warned(str(warning.get("code", "")), str(warning.get("detail", "")))
            for warning in envelope.get("warnings") or ()
        ),
        "timing_ms": MappingProxyType(dict(envelope.get("timing_ms") or {})),
        "batch_size": envelope.get("batch_size"),
        "raw": MappingProxyType(dict(envelope)),
    }


def html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are escaped."""
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"

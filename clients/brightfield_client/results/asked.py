"""Answers whose question can be asked again, for the forms that only the service writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from brightfield_client.results.binary import Binary
from brightfield_client.results.saving import Writers, save_as
from brightfield_client.results.value import Value


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked(Value):
    """An answer that keeps its question, data included."""

    _forms: ClassVar[str] = ""
    """`suffix=form`, with blanks between: in which form the service is asked again."""
    _ask: Callable[..., Binary] | None = field(default=None, repr=False)

    def again(self, format: str, **parameters: Any) -> Binary:  # noqa: A002 - the service's name
        """The same question, answered anew in another form, with `parameters` of it.

        Raises `ValueError` for an answer that does not know its question: one of the asynchronous
        client, of a job, from a file, or a copy.
        """
        if self._ask is None:
            raise ValueError(
                "This answer no longer knows its question (it is a copy, from a file or job, or of "
                f"the asynchronous client); ask the service with format={format!r}."
            )
        return self._ask(format=format, **parameters)

    def save(self, path: str | Path, **choice: Any) -> Path:
        """Write the answer by the suffix of `path`: .json is all of it; the class names the others.

        What the service writes is asked for (see `again`), with the `choice`. Raises `ValueError`
        for a suffix that the answer does not have.
        """
        asked = dict(form.split("=") for form in self._forms.split())
        return save_as(self, path, {**asked, **self._writers}, **choice)

    @property
    def _writers(self) -> Writers:
        """By suffix: what is written here."""
        return {}


class Reported(Asked):
    """What the service writes by the suffix of a file: .html, a page; .csv, a table; .xml, JUnit;
    .md, Markdown; of reports also .svg and .png, a plot. A `title`, `table` or `plot` chooses."""

    _forms = ".html=html .csv=csv .xml=junit .md=markdown"

    def to_html(self, title: str | None = None) -> str:
        """One page that needs nothing else, from the service (see `again`)."""
        return self.again("html", title=title).content.decode("utf-8")

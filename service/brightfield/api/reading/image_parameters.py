"""The parameters of a request about images: from texts to a task or method, and how to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from brightfield.api.reading.negotiation import negotiate
from brightfield.api.reading.parameters import member_of, parse
from brightfield.api.writing.formats import Reply, media_type_of, unused
from brightfield.engine import View
from brightfield.images.selection import Selection
from brightfield.work import Work


@dataclass(frozen=True, slots=True)
class ImageParameters:
    """A request's parameters, typed: what to do, how to look, how to reply."""

    work: Work
    view: View
    selection: Selection
    reply: Reply
    format: str


@dataclass(frozen=True, slots=True)
class WorkChoice:
    """What an endpoint can do, by name. Without a `chooser` the default is the only choice."""

    members: Mapping[str, type[Work]]
    default: str
    chooser: str | None
    """The parameter that names a member."""

    def taken_from(self, parameters: dict[str, Any], path: str) -> type[Work]:
        """The chosen member; takes out of `parameters` what only chooses it."""
        if self.chooser is None:
            return self.members[self.default]
        name = str(parameters.pop(self.chooser, self.default))
        return member_of(self.members, name, self.chooser, self.chooser, f" at {path}")


class ImageParameterReader:
    """Types the parameters of the endpoint at a path, and remembers what it typed.

    Tools ask the same way again and again, and frozen parameters can be shared.
    """

    def __init__(self, path: str, choice: WorkChoice) -> None:
        self._path = path
        self._choice = choice
        self._remembered = lru_cache(maxsize=256)(self._typed)

    def __call__(self, given: Mapping[str, Any], accept: str | None) -> ImageParameters:
        """Raises `UnknownParameter`, `InvalidParameter`, or `NotAcceptable` for the format."""
        items = tuple(given.items())
        if all(isinstance(value, str) for value in given.values()):
            return self._remembered(items, accept)
        return self._typed(items, accept)

    def _typed(self, items: tuple[tuple[str, Any], ...], accept: str | None) -> ImageParameters:
        given = dict(items)
        kind = self._choice.taken_from(given, self._path)
        work, view, selection, reply = parse((kind, View, Selection, Reply), given)
        form = negotiate(reply.format, accept, work.formats, media_type_of)
        reply.check(form, work.uses)
        for name, formats in work.of_formats.items():
            if name in work.changed and form not in formats:
                raise unused(name, form, formats)
        return ImageParameters(work, view, selection, reply, form)

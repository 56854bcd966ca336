"""A channel as a card names it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from brightfield.images.channels import NamedChannel
from brightfield.parameters import Parameters


class InputChannel(Parameters):
    """A channel that the model takes, as files name theirs."""

    name: Annotated[str, Field(min_length=1)]
    synonyms: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Other names for it: dyes, proteins. Words are compared, without regard to case."""

    @property
    def known(self) -> NamedChannel:
        """The channel as readers look for it."""
        return NamedChannel(self.name, self.synonyms)

"""Which models a process loads; requests for others are for other processes of the service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from brightfield.errors import UnknownModel, suggestions

_PATTERN = re.compile(r"!?[A-Za-z0-9._*?\[\]-]+")


@dataclass(frozen=True, slots=True)
class ServedModels:
    """The models whose ids fit one of the patterns `wanted` (none: all), and none of `unwanted`.

    A pattern is an id, in which `*` stands for any letters, `?` for one, and `[ab]` for a or b.
    """

    wanted: Sequence[str] = ()
    unwanted: Sequence[str] = ()

    @classmethod
    @lru_cache(maxsize=256)
    def read(cls, text: str) -> ServedModels:
        """From patterns with commas, of which those after a `!` are unwanted; empty: all.

        Raises `ValueError` for what isn't a pattern.
        """
        patterns = [part.strip() for part in text.split(",") if part.strip()]
        for each in patterns:
            if _PATTERN.fullmatch(each) is None:
                raise ValueError(
                    f"{each!r} is no pattern of a model's id; write for example nuclei, photo-* "
                    "or !photo-*"
                )
        unwanted = tuple(each[1:] for each in patterns if each.startswith("!"))
        return cls(tuple(each for each in patterns if not each.startswith("!")), unwanted)

    @property
    def every(self) -> bool:
        """Whether all models are among them."""
        return not self.wanted and not self.unwanted

    def __contains__(self, model: object) -> bool:
        name = str(model)
        if any(fnmatchcase(name, pattern) for pattern in self.unwanted):
            return False
        return not self.wanted or any(fnmatchcase(name, pattern) for pattern in self.wanted)

    def check_known(self, models: Iterable[str]) -> None:
        """Raises `UnknownModel` if an id without wildcards that is wanted is none of the models."""
        known = sorted(models)
        for each in self.wanted:
            if not set("*?[") & set(each) and each not in known:
                raise UnknownModel(
                    f"This process is to serve {each} (BRIGHTFIELD_SERVES), and there is no such "
                    f"model.{suggestions(each, known)}"
                )


EVERY_MODEL = ServedModels()

"""What the channels of a picture are: colours of one image, or images of their own, with names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

_WORD = re.compile(r"[^\W\d_]+|\d+")
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What a file says of the channels that were kept.

    `separate` channels are images of their own (a fluorescence channel each), others the samples
    of one colour. `chosen` by the caller, or by name. `names` and `indices` (places in the file)
    are those of the channels kept, as far as the file has them.
    """

    separate: bool = False
    chosen: bool = False
    names: tuple[str, ...] = ()
    indices: tuple[int, ...] = ()

    def shown(self) -> str:
        """The channels with their names, as `0 DAPI, 1 GFP`; empty without names."""
        pairs = zip(self.indices, self.names, strict=False)
        return ", ".join(f"{index} {name}" for index, name in pairs)


@dataclass(frozen=True, slots=True)
class NamedChannel:
    """A channel that a model wants: its name, and others that files give it."""

    name: str
    synonyms: tuple[str, ...] = ()

    def match(self, names: Sequence[str]) -> int | None:
        """The place of the one channel of this name, None for none or several.

        Words are compared without regard to case. A channel called exactly so wins; else its name
        may have further words, as `DAPI (405 nm)`.
        """
        wanted = [_words(name) for name in (self.name, *self.synonyms)]
        given = [_words(name) for name in names]
        for fits in (_same, _within):
            places = [i for i, words in enumerate(given) if any(fits(w, words) for w in wanted)]
            if len(places) == 1:
                return places[0]
        return None


def _as_it_is(pixel_size: float | None) -> float:
    """Of a model that sees images as they are."""
    return 1.0


@dataclass(frozen=True, slots=True)
class ReadingNeeds:
    """How a model wants its images read: arrays as they are sent, or channels by their names.

    `scale` says how many pixels it sees for each of the image along a side, by the size of the
    image's pixels in micrometres; a pyramid is read at the level that has as many.
    """

    raw: bool = False
    channels: tuple[NamedChannel, ...] = ()
    scale: Callable[[float | None], float] = _as_it_is

    def pick(self, names: Sequence[str]) -> tuple[int, ...] | None:
        """The places of the wanted channels among those of a file, None if any isn't found."""
        if not self.channels or len(names) < 2:
            return None
        places = [wanted.match(names) for wanted in self.channels]
        found = tuple(place for place in places if place is not None)
        return found if len(set(found)) == len(self.channels) else None


COLOURS = ChannelFacts()
"""Of grey and of plain colour."""
NO_NEEDS = ReadingNeeds()


def named(facts: ChannelFacts, names: Sequence[str], count: int) -> ChannelFacts:
    """The facts with the names of the kept channels, of a file whose `count` channels have names;
    without them where their numbers differ."""
    if len(names) != count or not any(names):
        return facts
    kept = tuple(names[index][:_LONGEST_NAME] for index in facts.indices if index < count)
    return replace(facts, names=kept)


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _WORD.findall(name))


def _same(wanted: tuple[str, ...], given: tuple[str, ...]) -> bool:
    return bool(wanted) and wanted == given


def _within(wanted: tuple[str, ...], given: tuple[str, ...]) -> bool:
    size = len(wanted)
    return size > 0 and any(given[i : i + size] == wanted for i in range(len(given) - size + 1))

"""Pyramids in TIFF files: smaller copies of a picture, as SubIFDs or as pages after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from brightfield.errors import InvalidParameter
from brightfield.images.scale_choice import ALIKE
from brightfield.images.stack import ABSENT, Pages, Stack
from brightfield.images.tiff_directory import Directory
from brightfield.images.tiff_structure import MASK, REDUCED, Structure

_SUBFILE_TYPE, _TILE_WIDTH = 254, 322
# Files of whole slides have a dozen pages; those of more are series of pictures.
_MOST_PAGES = 256
# From a level to the next, in files that don't flag their levels.
_FACTORS = (2, 3, 4)


class Level(NamedTuple):
    """A directory, by where its entries begin and how many they are, and its size in pixels."""

    start: int
    entries: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    width: int
    height: int
    samples: int
    tiled: bool
    flags: int

    def reduces(self, base: _Page) -> bool:
        """Whether it is as `base` is, but smaller along both sides alike."""
        alike = (self.samples, self.tiled) == (base.samples, base.tiled)
        return alike and _in_proportion((self.width, self.height), (base.width, base.height))

    def follows(self, last: _Page) -> bool:
        """Whether it is smaller than the level before by a usual factor, to a pixel."""
        sides = ((self.width, last.width), (self.height, last.height))
        return any(all(abs(own - other / by) < 1 for own, other in sides) for by in _FACTORS)


def pictures_of(structure: Structure) -> dict[int, tuple[int, ...]]:
    """The pages that are pictures of their own, each with those of its levels, itself the first.

    Masks, thumbnails, labels and macros are none. A page is a level where it is flagged as reduced
    and in proportion, or where it is tiled as the picture before and half, a third or a quarter as
    large as the level before. Aperio's scanners flag no level: theirs are the tiled pages.
    """
    if len(structure) > _MOST_PAGES:
        return {int(page): (int(page),) for page in structure.pictures}
    pages = list(map(_page, structure_directories(structure), range(len(structure))))
    aperio = Directory.of(structure, 0).description(8).startswith(b"Aperio")
    return _of_aperio(pages) if aperio else _of_others(pages)


def structure_directories(structure: Structure) -> Iterator[Directory]:
    """The directory of each page."""
    return (Directory.of(structure, number) for number in range(len(structure)))


def _page(directory: Directory, number: int) -> _Page:
    flags, tiled = directory.number(_SUBFILE_TYPE), directory.has(_TILE_WIDTH)
    size = directory.width, directory.height
    return _Page(number, *size, directory.samples, tiled, flags)


def _of_aperio(pages: list[_Page]) -> dict[int, tuple[int, ...]]:
    base = pages[0]
    levels = [page.number for page in pages[1:] if page.tiled and page.reduces(base)]
    return {base.number: (base.number, *levels)}


def _of_others(pages: list[_Page]) -> dict[int, tuple[int, ...]]:
    found: list[list[_Page]] = []
    for page in pages:
        if page.flags & MASK:
            continue
        levels = found[-1] if found else []
        smaller = bool(levels) and page.width < levels[-1].width and page.reduces(levels[0])
        chained = smaller and page.follows(levels[-1])
        if (smaller and (chained or page.tiled) and page.flags & REDUCED) or (
            chained and page.tiled
        ):
            levels.append(page)
        elif not page.flags & REDUCED:
            found.append([page])
    return {levels[0].number: tuple(page.number for page in levels) for levels in found}


def _in_proportion(small: tuple[int, int], large: tuple[int, int]) -> bool:
    """Whether (width, height) are so many times smaller, to a pixel."""
    factor = max(large) / max(*small, 1)
    sides = zip(small, large, strict=True)
    return factor > 1 and all(abs(own - other / factor) <= 1 for own, other in sides)


def levels_of(structure: Structure, page: int) -> tuple[Level, ...]:
    """A page and its smaller copies, the largest first: its SubIFDs, else the pages after it."""
    directory = Directory.of(structure, page)
    own = _level(structure, structure.starts[page], structure.counts[page])
    nested = [_level(structure, *place) for place in directory.nested()]
    size = own.width, own.height
    smaller = [level for level in nested if _in_proportion((level.width, level.height), size)]
    if not smaller:
        numbers = pictures_of(structure).get(page, ())
        smaller = [
            _level(structure, structure.starts[number], structure.counts[number])
            for number in numbers[1:]
        ]
    return (own, *sorted(smaller, key=lambda level: -level.width))


def _level(structure: Structure, start: int, count: int) -> Level:
    directory = Directory.of(structure.with_directories([(start, count)]), len(structure))
    return Level(start, count, directory.width, directory.height)


def sufficient(structure: Structure, needed: Pages, scale: float) -> int:
    """The smallest level that has `scale` pixels for each of the full resolution along a side, or
    as good as that, in each of the `needed` pages."""
    pages = np.unique(needed[needed != ABSENT]).tolist()
    return min((_sufficient(levels_of(structure, page), scale) for page in pages), default=0)


def _sufficient(levels: Sequence[Level], scale: float) -> int:
    least = scale * levels[0].width / (1 + ALIKE)
    return max((n for n, level in enumerate(levels) if level.width >= least), default=0)


def at_level(
    structure: Structure, stack: Stack, needed: Pages, level: int
) -> tuple[Structure, Stack]:
    """The file and the stack in which each of the `needed` pages is its smaller copy.

    Raises `InvalidParameter` for a level that a page doesn't have.
    """
    places, sizes = {}, []
    for page in np.unique(needed[needed != ABSENT]).tolist():
        levels = levels_of(structure, page)
        if level >= len(levels):
            raise _out_of_range(level, levels)
        places[page] = levels[level]
        sizes.append(levels[0].width / max(1, levels[level].width))
    wider = structure.with_directories([place[:2] for place in places.values()])
    wider.check()
    numbers = {page: len(structure) + index for index, page in enumerate(places)}

    def pages(planes: Pages) -> Pages:
        return np.array([numbers.get(page, ABSENT) for page in stack.pages(planes).tolist()])

    known = stack.calibration
    size = None if known.pixel_size is None or not sizes else known.pixel_size * sizes[0]
    return wider, replace(stack, pages=pages, calibration=replace(known, pixel_size=size))


def _out_of_range(level: int, levels: tuple[Level, ...]) -> InvalidParameter:
    there = "; leave level out" if len(levels) == 1 else f": {listed(levels)}"
    return InvalidParameter(
        f"level={level} is out of range: the image has {len(levels)} "
        f"level{'s' if len(levels) > 1 else ''}{there}.",
        errors=[{"location": "level", "expected": f"0 to {len(levels) - 1}", "received": level}],
    )


def listed(levels: tuple[Level, ...]) -> str:
    """The levels with their sizes, in words."""
    sizes = (f"level={n} ({each.width} x {each.height})" for n, each in enumerate(levels))
    return ", ".join(sizes)

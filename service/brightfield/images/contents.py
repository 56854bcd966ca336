"""What a file has in it: its axes with their lengths, its channels and its levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from brightfield.errors import AmbiguousAxes
from brightfield.images import tiff
from brightfield.images.decode import decoded_size
from brightfield.images.limits import DecodedSize, Limits
from brightfield.images.selection import Selection
from brightfield.images.sniff import FileFormat, sniff

# A header may tell of more than is read at once.
_ANY_SIZE = Limits(1 << 62, 1 << 62)
_PARTS = ("page", "t", "z")


@dataclass(frozen=True, slots=True)
class ImageContents:
    """A file by its header.

    `planes` has how many there are along `page`, `t` and `z`, where there are several. `first` is
    the caller's selection with 0 for what it leaves open among them. `size` is that of the plane
    it names, with all channels; `levels` have (width, height), the largest first. `fault` is what
    the selection is refused with where it leaves something open.
    """

    format: FileFormat
    planes: Mapping[str, int]
    first: Selection
    size: DecodedSize
    levels: tuple[tuple[int, int], ...]
    fault: AmbiguousAxes | None = None


def contents(data: bytes, selection: Selection) -> ImageContents:
    """What is in a file, seen from its header. Raises as `decode` does, but for what is open."""
    kind = sniff(data)
    given = {name: getattr(selection, name) for name in _PARTS}
    looking = selection.model_copy(update=dict.fromkeys((*_PARTS, "channels")))
    planes: dict[str, int] = {}
    while (fault := _open(data, looking)) is not None:
        if not fault.missing.keys() - planes.keys():
            raise fault
        planes |= fault.missing
        looking = looking.model_copy(update={name: given[name] or 0 for name in fault.missing})
    known = {name: value for name, value in given.items() if value is not None}
    first = looking.model_copy(update={**known, "channels": selection.channels})
    decoded_size(data, first, limits=_ANY_SIZE)  # refuses what is out of range
    every = first.model_copy(update={"channels": None})
    size = decoded_size(data, every, limits=_ANY_SIZE)
    counts = {name: planes[name] for name in _PARTS if name in planes}
    levels = _levels(data, kind, every, size)
    return ImageContents(kind, counts, first, size, levels, _open(data, selection))


def _open(data: bytes, selection: Selection) -> AmbiguousAxes | None:
    """What is wrong with a selection that leaves more than one plane."""
    try:
        decoded_size(data, selection, limits=_ANY_SIZE)
    except AmbiguousAxes as fault:
        return fault
    return None


def _levels(
    data: bytes, kind: FileFormat, selection: Selection, size: DecodedSize
) -> tuple[tuple[int, int], ...]:
    if kind != "tiff":
        return ((size.width, size.height),)
    return tiff.levels(data, selection.model_copy(update={"level": None}))

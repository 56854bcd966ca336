"""What ImageJ calls the channels of a hyperstack: the labels of slices, or its Info."""

from __future__ import annotations

import re
import struct
from typing import Any

from tifffile.tifffile import imagej_metadata

from brightfield.images.imagej import ImageJFacts
from brightfield.images.tiff_directory import Directory

_COUNTS, _DATA = 50838, 50839
_MOST_BYTES, _MOST_ENTRIES = 1 << 20, 1 << 14
# Lines such as "Channel Name #1 = DAPI" or "Information|Image|Channel|Name #1 = DAPI".
_NAMED = re.compile(
    r"^[^=\n]{0,200}\bchannel\b[^=\n]{0,200}?\bname\b[^=\n\d]{0,20}(\d{1,4})?[ \t]*=[ \t]*(\S.*)$",
    re.IGNORECASE | re.MULTILINE,
)


def channel_names(first: Directory, facts: ImageJFacts) -> tuple[str, ...]:
    """A name for each channel, in their order; empty where the file has none.

    The labels of the slices of the first plane and time point, where they differ; else the lines
    of the Info that name channels.
    """
    texts = _texts(first)
    labels = texts.get("Labels", ())
    lengths = {"Z": facts.slices, "T": facts.frames}
    step = 1
    for axis in facts.order[: facts.order.index("C")]:
        step *= lengths[axis]
    of_channels = tuple(map(str, labels[: step * facts.channels : step]))
    if len(of_channels) == facts.channels == len(set(of_channels)):
        return of_channels
    return _from_info(str(texts.get("Info", "")), facts.channels)


def _from_info(info: str, count: int) -> tuple[str, ...]:
    found = {int(number or 0): name.strip() for number, name in _NAMED.findall(info)}
    return tuple(found[number] for number in sorted(found)) if len(found) == count else ()


def _texts(first: Directory) -> dict[str, Any]:
    """The texts by their kind; empty for what isn't as ImageJ writes it."""
    counts = first.numbers(_COUNTS, _MOST_ENTRIES)
    data = first.plain(_DATA, _MOST_BYTES)
    if not counts or sum(counts) > len(data):
        return {}
    try:
        return imagej_metadata(data, counts, ">" if first.structure.layout.order == ">" else "<")
    except (ValueError, KeyError, IndexError, TypeError, struct.error):
        return {}

"""COCO's run-length encoding of masks, as pycocotools writes and reads it.

Pixels are counted down the columns, from the left: `counts` holds the lengths of alternating runs
of 0 and 1 and begins with zeros (perhaps none of them). From the third count on each is stored as
the difference to the one before the last; every number is cut into groups of 5 bits, least
significant first, with the sixth bit for "more follow" and the sign in the last group's fifth, and
written as the ASCII character 48 + group (https://github.com/cocodataset/cocoapi, maskApi.c).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.errors import InvalidParameter
from brightfield.images.labels import Labels
from brightfield.images.runs import LabelRuns, find_runs, paint
from brightfield.tensors import Indices

Mask = NDArray[np.bool_]
"""(H, W) bool: the pixels of one object."""

_BITS = 5
_MORE = 1 << _BITS
_SIGN = _MORE >> 1
_ASCII = 48
# Sides below it have a product that 63 bits hold.
_SIDES = 1 << 31
# 35 bits hold every difference of counts below 2**33 pixels.
_MAX_GROUPS = 7


@dataclass(frozen=True, slots=True)
class Rle:
    """A mask of (height, width) in compressed counts."""

    height: int
    width: int
    counts: str

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return int(_unpack([self])[0][1::2].sum())

    def json(self) -> dict[str, Any]:
        """`{"size": [height, width], "counts": "..."}`."""
        return {"size": [self.height, self.width], "counts": self.counts}

    @classmethod
    def parse(cls, value: Any) -> Rle:
        """From JSON: `size`, and `counts` compressed (a string) or plain (a list of numbers).

        Raises `InvalidParameter` when it is not a run-length encoding or its counts do not fill
        the size.
        """
        match value:
            case {"size": [int(height), int(width)], "counts": str(counts)}:
                rle = cls(height, width, counts)
            case {"size": [int(height), int(width)], "counts": list(plain)} if _natural(plain):
                numbers = np.array(plain, np.int64)
                rle = cls(height, width, _pack(numbers, np.zeros(1, np.int64))[0])
            case _:
                raise InvalidParameter(
                    'A run-length encoding is {"size": [height, width], "counts": "..."}, '
                    "with counts as COCO writes them."
                )
        if not (0 <= height < _SIDES and 0 <= width < _SIDES):
            raise InvalidParameter(f"A mask cannot have the size {height} x {width}.")
        _unpack([rle])
        return rle


def encode(mask: NDArray[Any]) -> Rle:
    """(H, W), nonzero inside, as pycocotools' `encode` writes it."""
    flat = np.ravel(mask != 0, order="F")
    runs = find_runs(flat)
    counts = runs.lengths
    if flat.size == 0 or flat[0]:
        counts = np.concatenate([np.zeros(1, np.int64), counts])
    height, width = mask.shape
    return Rle(height, width, _pack(counts, np.zeros(1, np.int64))[0])


def encode_labels(labels: NDArray[Any]) -> dict[int, Rle]:
    """One encoding per object of a label image, by ascending label, in one pass over its runs."""
    runs = find_runs(np.ravel(labels, order="F"))
    runs = runs[runs.labels > 0]
    if not runs.labels.size:
        return {}
    runs = runs[np.argsort(runs.labels, kind="stable")]
    ids, first = np.unique(runs.labels, return_index=True)
    counts, offsets = _alternating(runs, first, labels.size)
    height, width = labels.shape
    texts = _pack(counts, offsets)
    return {int(i): Rle(height, width, text) for i, text in zip(ids, texts, strict=True)}


def decode(rle: Rle) -> Mask:
    """(H, W) bool. Raises `InvalidParameter` for counts that are malformed or do not fit."""
    counts, _ = _unpack([rle])
    flat = np.repeat(np.arange(counts.size) % 2 == 1, counts)
    return np.ascontiguousarray(flat.reshape(rle.width, rle.height).T)


def decode_labels(rles: Mapping[int, Rle], shape: tuple[int, int]) -> Labels:
    """The label image (H, W) int32 of encoded objects; where they overlap, the later one's label.

    Raises `InvalidParameter` for a malformed encoding and for one of another size than `shape`.
    """
    sizes = {(rle.height, rle.width) for rle in rles.values()} - {shape}
    if sizes:
        raise InvalidParameter(f"A mask of {sizes.pop()} is not of the image's size {shape}.")
    height, width = shape
    if not rles:
        return np.zeros(shape, np.int32)
    counts, first = _unpack(list(rles.values()))
    per_object = np.diff(first, append=counts.size)
    ends = np.cumsum(counts) - np.repeat(np.arange(len(rles)) * height * width, per_object)
    inside = _positions(first, counts.size) % 2 == 1
    labels = np.repeat(np.fromiter(rles, np.int64, len(rles)), per_object)
    runs = LabelRuns(labels, ends - counts, counts)[inside]
    return np.ascontiguousarray(paint(runs, height * width).reshape(width, height).T)


def _natural(plain: Sequence[Any]) -> bool:
    """Whether a list holds counts: at least one, none negative, none beyond 33 bits."""
    return bool(plain) and all(type(n) is int and 0 <= n < 1 << 33 for n in plain)


def _positions(first: Indices, size: int) -> Indices:
    """The place of each of `size` elements in its own segment; segments begin at `first`."""
    return np.arange(size) - np.repeat(first, np.diff(first, append=size))


def _alternating(runs: LabelRuns, first: Indices, size: int) -> tuple[Indices, Indices]:
    """The counts of every object one after another, and where each object's begin.

    `runs` are sorted by object and place; an object's begin at `first`.
    """
    last = np.append(first[1:], runs.starts.size) - 1
    ends = runs.starts + runs.lengths
    before = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[: ends.size]
    before[first] = 0
    tail = size - ends[last]
    sizes = 2 * (last - first + 1) + (tail > 0)
    offsets = np.cumsum(sizes) - sizes
    counts = np.empty(int(sizes.sum()), np.int64)
    places = np.repeat(offsets, last - first + 1) + 2 * _positions(first, runs.starts.size)
    counts[places] = runs.starts - before
    counts[places + 1] = runs.lengths
    counts[(offsets + sizes - 1)[tail > 0]] = tail[tail > 0]
    return counts, offsets


def _pack(counts: Indices, first: Indices) -> list[str]:
    """Compressed counts of every object; an object's counts begin at `first`."""
    differences = counts.copy()
    later = np.flatnonzero(_positions(first, counts.size) > 2)
    differences[later] -= counts[later - 2]
    # n groups hold -2**(5 n - 1) <= x < 2**(5 n - 1).
    limits = 1 << (_BITS * np.arange(1, _MAX_GROUPS) - 1)
    magnitude = np.where(differences < 0, ~differences, differences)
    groups = 1 + np.searchsorted(limits, magnitude, side="right")
    ends = np.cumsum(groups)
    text = np.empty(int(ends[-1]) if ends.size else 0, np.uint8)
    for k in range(int(groups.max(initial=0))):
        some = groups > k
        group = (differences[some] >> (_BITS * k)) & (_MORE - 1)
        text[(ends - groups)[some] + k] = _ASCII + group + _MORE * (groups[some] > k + 1)
    written = text.tobytes().decode("ascii")
    bounds = [*(ends - groups)[first].tolist(), text.size]
    return [written[a:b] for a, b in pairwise(bounds)]


def _unpack(rles: Sequence[Rle]) -> tuple[Indices, Indices]:
    """The counts of every object one after another, and where each object's begin.

    Raises `InvalidParameter` for malformed counts and for ones that do not fill the size.
    """
    sizes = np.array([len(rle.counts) for rle in rles], np.int64)
    differences, ends = _groups("".join(rle.counts for rle in rles))
    # The number of the group that ends with each text's last character.
    last = np.searchsorted(ends, np.cumsum(sizes) - 1)
    if not sizes.all() or np.any(ends[np.minimum(last, ends.size - 1)] != np.cumsum(sizes) - 1):
        raise InvalidParameter("The counts of a run-length encoding are cut short.")
    first = np.concatenate([np.zeros(1, np.int64), last[:-1] + 1])
    counts = _summed(differences, _positions(first, differences.size))
    pixels = np.array([rle.height * rle.width for rle in rles], np.int64)
    if np.any((counts < 0) | (counts > pixels.max())) or np.any(
        np.add.reduceat(counts, first) != pixels
    ):
        raise InvalidParameter(
            "The counts of a run-length encoding must be lengths that add up to height x width."
        )
    return counts, first


def _groups(text: str) -> tuple[Indices, Indices]:
    """The signed numbers written in `text`, and the place of each one's last character."""
    codes = np.frombuffer(text.encode("utf-8"), np.uint8).astype(np.int64) - _ASCII
    if np.any((codes < 0) | (codes >= 2 * _MORE)):
        raise InvalidParameter("The counts of a run-length encoding hold a foreign character.")
    ends = np.flatnonzero(codes < _MORE)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])[: ends.size]
    widths = ends - starts + 1
    if np.any(widths > _MAX_GROUPS):
        raise InvalidParameter("The counts of a run-length encoding hold a number beyond 34 bits.")
    numbers = np.zeros(ends.size, np.int64)
    for k in range(int(widths.max(initial=0))):
        some = widths > k
        numbers[some] |= (codes[starts[some] + k] & (_MORE - 1)) << (_BITS * k)
    negative = (codes[ends] & _SIGN) != 0
    numbers[negative] -= 1 << (_BITS * widths[negative])
    return numbers, ends


def _summed(differences: Indices, positions: Indices) -> Indices:
    """Undoes the differences to the count before the last, within each object."""
    counts = differences.copy()
    for parity in (0, 1):
        chosen = np.flatnonzero((positions % 2 == parity) & (positions > 0))
        sums = np.cumsum(differences[chosen])
        begins = positions[chosen] <= 2
        base = (sums - differences[chosen])[begins]
        counts[chosen] = sums - base[np.cumsum(begins) - 1]
    return counts

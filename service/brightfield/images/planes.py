"""From named axes and a selection to one plane, (H, W, C); nothing is guessed.

The choice is made from names and sizes alone, so that a reader knows which pixels it needs, and
how many, before it decodes any.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from brightfield.errors import AmbiguousAxes, InvalidParameter
from brightfield.images.selection import Selection
from brightfield.tensors import Pixels

_CHANNELS = "CS"
_NAMES = {"z": "planes along Z", "t": "time points", "page": "pages"}


@dataclass(frozen=True, slots=True)
class PlaneChoice:
    """What to take along each axis: an index (the axis is dropped), several in order, or all.

    `axes` are the names after renaming. `merged` picks among the channels that C and S make
    together, where a file has both.
    """

    axes: str
    shape: tuple[int, ...]
    indices: tuple[int | tuple[int, ...] | None, ...]
    merged: tuple[int, ...] | None = None

    @property
    def channels(self) -> int:
        """Number of channels that the indices leave (before `merged`)."""
        return prod(
            size if index is None else len(index)
            for name, size, index in zip(self.axes, self.shape, self.indices, strict=True)
            if name in _CHANNELS and not isinstance(index, int)
        )

    @property
    def source_axes(self) -> str:
        """The names of rows, columns and every axis that is longer than 1."""
        axes = zip(self.axes, self.shape, strict=True)
        return "".join(name for name, size in axes if size > 1 or name in "YX")

    @property
    def kept(self) -> tuple[int, ...]:
        """The channels that are taken, counted through C and S as `channels` counts them."""
        if self.merged is not None:
            return self.merged
        for name, size, index in zip(self.axes, self.shape, self.indices, strict=True):
            if name in _CHANNELS and size > 1 and isinstance(index, tuple):
                return index
        return tuple(range(self.channels))

    @property
    def separate(self) -> bool:
        """Whether these are channels along C, each an image, and not the samples of one colour."""
        samples = self.size("S")
        return self.size("C") > 1 and len({index // samples for index in self.kept}) > 1

    def size(self, name: str) -> int:
        """Length of the axis `name`, 1 where there is none."""
        return self.shape[self.axes.index(name)] if name in self.axes else 1


def choose(axes: str, shape: tuple[int, ...], selection: Selection) -> PlaneChoice:
    """What `selection` takes from an array of `shape` whose axes are `axes`.

    Axes of length 1 are dropped. Z and T longer than 1 need `z` and `t`; every other axis that is
    not Y, X, C or S is a page, and several of them together are counted in file order by `page`.
    Channels are all kept unless `channels` picks some.

    Raises `AmbiguousAxes` naming the parameters that are missing with their ranges, and
    `InvalidParameter` for one out of its range or with nothing to choose.
    """
    axes = renamed(axes, shape, selection.axes)
    pages = tuple(i for i, name in enumerate(axes) if name not in "TZCYXS")
    counts = {
        "page": prod(shape[i] for i in pages),
        "z": prod(n for name, n in zip(axes, shape, strict=True) if name == "Z"),
        "t": prod(n for name, n in zip(axes, shape, strict=True) if name == "T"),
    }
    chosen = _chosen(counts, selection, _example(axes, shape))
    page = iter(np.unravel_index(chosen["page"], tuple(shape[i] for i in pages)) if pages else ())
    indices: list[int | tuple[int, ...] | None] = []
    for name in axes:
        if name in "ZT":
            indices.append(chosen[name.lower()])
        elif name in "CSYX":
            indices.append(None)
        else:
            indices.append(int(next(page)))
    return _with_channels(PlaneChoice(axes, shape, tuple(indices)), selection.channels)


def choose_page(count: int, selection: Selection) -> int:
    """The page that `selection` names, of so many. Raises as `choose` does."""
    return _chosen({"page": count}, selection, "")["page"]


def renamed(axes: str, shape: tuple[int, ...], names: str | None) -> str:
    """`axes` under the caller's `names`, which may leave out axes of length 1.

    Raises `InvalidParameter` when the names do not fit the shape.
    """
    if names is None:
        return axes
    if len(names) == len(shape):
        return names
    long = [i for i, size in enumerate(shape) if size > 1]
    if len(names) != len(long):
        sizes = [shape[i] for i in long] or shape
        raise InvalidParameter(
            f"axes={names} names {len(names)} axes, but the image has {len(sizes)}: "
            f"{' x '.join(map(str, sizes))}; leave axes out{_or_named(axes, shape)}.",
            errors=[{"location": "axes", "expected": f"{len(sizes)} letters", "received": names}],
        )
    letters = ["?"] * len(shape)
    for i, name in zip(long, names, strict=True):
        letters[i] = name
    return "".join(letters)


def _or_named(axes: str, shape: tuple[int, ...]) -> str:
    """Names that an image with such axes may be given, as advice; empty where none are known."""
    known = _example(axes, shape)
    return f", or name all, for example axes={known}" if {"Y", "X"} <= set(known) else ""


def misnamed(axes: str, shape: tuple[int, ...], names: str | None, why: str) -> InvalidParameter:
    """The refusal of the caller's `names` for an image with such axes."""
    return InvalidParameter(
        f"axes={names} does not fit: {why}; leave axes out{_or_named(axes, shape)}.",
        errors=[{"location": "axes", "received": names}],
    )


def _chosen(counts: dict[str, int], selection: Selection, example: str) -> dict[str, int]:
    """The index for each of page, z and t, each checked against its count.

    `example` names the axes in a way that makes depth or time of pages.
    """
    given = {name: getattr(selection, name) for name in counts}
    for name, count in counts.items():
        if given[name] is not None and given[name] >= count:
            few = f"the image has one; leave {name} out"
            many = f"the image has {count} {_NAMES[name]}: {name}=0 to {name}={count - 1}"
            raise InvalidParameter(
                f"{name}={given[name]} is out of range: {many if count > 1 else few}.",
                errors=[
                    {
                        "location": name,
                        "expected": f"0 to {count - 1}",
                        "received": given[name],
                    }
                ],
            )
    missing = [name for name, count in counts.items() if count > 1 and given[name] is None]
    if missing:
        raise _ambiguous({name: counts[name] for name in missing}, example)
    return {name: index or 0 for name, index in given.items()}


def _example(axes: str, shape: tuple[int, ...]) -> str:
    """Names that fit the shape, with Z and T for axes that have none; empty if two do not do."""
    free = [name for name in "ZTC" if name not in axes]
    names = ""
    for name, size in zip(axes, shape, strict=True):
        if name in "TZCYXS":
            names += name if size > 1 or name in "YX" else ""
        elif size > 1:
            names += free.pop(0) if free else "?"
    return "" if "?" in names else names


def _ambiguous(counts: dict[str, int], example: str) -> AmbiguousAxes:
    found = " and ".join(f"{count} {_NAMES[name]}" for name, count in counts.items())
    add = " and ".join(f"{name}=0 (0 to {count - 1})" for name, count in counts.items())
    named = "page" in counts and example
    naming = f", or name the axes, for example axes={example}" if named else ""
    return AmbiguousAxes(
        f"The image has {found}; add {add}{naming}.",
        errors=[
            {"location": name, "expected": f"0 to {count - 1}", "received": None}
            for name, count in counts.items()
        ],
        missing=counts,
    )


def _with_channels(choice: PlaneChoice, channels: tuple[int, ...] | None) -> PlaneChoice:
    if channels is None:
        return choice
    count = choice.channels
    if max(channels) >= count:
        given = ",".join(map(str, channels))
        few = "the image has one channel; leave channels out"
        many = f"the image has {count} channels; choose among 0 to {count - 1}, as channels=0"
        raise InvalidParameter(
            f"channels={given} is out of range: {many if count > 1 else few}.",
            errors=[{"location": "channels", "expected": f"0 to {count - 1}", "received": given}],
        )
    long = [i for i, a in enumerate(choice.axes) if a in _CHANNELS and choice.shape[i] > 1]
    if len(long) > 1:
        return PlaneChoice(choice.axes, choice.shape, choice.indices, merged=channels)
    if not long:
        return choice
    indices = tuple(channels if i == long[0] else index for i, index in enumerate(choice.indices))
    return PlaneChoice(choice.axes, choice.shape, indices)


def take(array: Pixels, choice: PlaneChoice) -> Pixels:
    """The chosen plane of `array`, (H, W, C); C and S are merged with S running fastest."""
    kept = ""
    for axis in reversed(range(array.ndim)):
        index = choice.indices[axis]
        if isinstance(index, int):
            array = array[(slice(None),) * axis + (index,)]
            continue
        kept = choice.axes[axis] + kept
        if index is not None:
            array = np.take(array, index, axis=axis)
    order = [kept.index(name) for name in "YXCS" if name in kept]
    array = array.transpose(order)
    pixels = array.reshape(array.shape[0], array.shape[1], -1)
    return pixels if choice.merged is None else pixels[..., list(choice.merged)]

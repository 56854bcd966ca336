"""Which sizes of input a network takes whose file says so: exported programs and ONNX files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.export.unflatten import UnflattenedModule

from brightfield.cards import InputSpec, ModelCard
from brightfield.errors import InvalidCard, UnfitImage

SIZES = "brightfield_input_sizes"
"""The attribute of a module that isn't an exported program and says the same."""


@dataclass(frozen=True, slots=True)
class LengthRange:
    """The lengths that an axis may have: from `least` to `most` (None: any), every `step`-th."""

    least: int = 1
    most: int | None = None
    step: int = 1

    @property
    def fixed(self) -> bool:
        return self.least == self.most

    def takes(self, length: int) -> bool:
        within = self.least <= length and (self.most is None or length <= self.most)
        return within and (length - self.least) % self.step == 0

    def nearest(self, length: int, multiple: int = 1) -> int:
        """A length that it takes and that is a multiple, at most `length` if there is one."""
        low = math.ceil(self.least / multiple) * multiple
        high = length if self.most is None else min(length, self.most)
        fitting = [n for n in range(low, high + 1, multiple) if self.takes(n)]
        return fitting[-1] if fitting else low

    def __str__(self) -> str:
        if self.fixed:
            return str(self.least)
        most = "any size" if self.most is None else str(self.most)
        return f"{self.least} to {most}" + (f" in steps of {self.step}" if self.step > 1 else "")


@dataclass(frozen=True, slots=True)
class InputSizes:
    """What the first dimensions of an input (B, C, H, W) may be."""

    batch: LengthRange = LengthRange()
    channels: LengthRange = LengthRange()
    height: LengthRange = LengthRange()
    width: LengthRange = LengthRange()

    def check_rows(self, shape: Iterable[int], model: str) -> None:
        """Raises `UnfitImage` for rows (C, H, W) of a size that the network does not take."""
        _, height, width = (1, 1, 1, *shape)[-3:]
        if not (self.height.takes(height) and self.width.takes(width)):
            raise UnfitImage(
                f"The input of {height} x {width} pixels does not fit {model}, whose program takes "
                f"a height of {self.height} and a width of {self.width}; send another size, or a "
                "part of the image with region=."
            )


ANY_SIZE = InputSizes()


def sizes_of(module: nn.Module) -> InputSizes:
    """The sizes that a network takes, if its file says so; else any."""
    stated: InputSizes | None = getattr(module, SIZES, None)
    if stated is not None:
        return stated
    placeholders = getattr(module, "input_placeholders", None)
    if not isinstance(module, UnflattenedModule) or not placeholders:
        return ANY_SIZE
    shape = getattr(placeholders[0].meta.get("val"), "shape", ())
    ranges: Mapping[Any, Any] = module.range_constraints
    return sizes_from([_extent(length, ranges) for length in shape])


def sizes_from(extents: Iterable[LengthRange]) -> InputSizes:
    """Of the axes of one input; those beyond the fourth are left out."""
    return InputSizes(*[*extents][:4])


def check_sizes(card: ModelCard, sizes: InputSizes) -> None:
    """Raises `InvalidCard` for a program that never takes what the card makes of images."""
    if sizes.batch.fixed and sizes.batch.least != 1:
        raise InvalidCard(
            f"The program of {card.id} takes exactly {sizes.batch.least} images at once; export it "
            "for one image, or with a dynamic first dimension."
        )
    spec = card.input
    if not sizes.channels.takes(spec.channels):
        raise InvalidCard(
            f"The program of {card.id} takes {sizes.channels} channels, and its card says "
            f"channels = {spec.channels} under [input]."
        )
    if spec.pixels == "raw" and spec.size is None:
        return
    for height, width in _made(spec):
        if not (sizes.height.takes(height) and sizes.width.takes(width)):
            raise InvalidCard(
                f"The program of {card.id} takes a height of {sizes.height} and a width of "
                f"{sizes.width}, and its card makes inputs of {height} x {width}; correct size "
                "under [input], or export the program with dynamic sizes."
            )
    if not _made(spec) and (sizes.height.fixed or sizes.width.fixed):
        raise InvalidCard(
            f"The program of {card.id} takes exactly {sizes.height} x {sizes.width} pixels; say "
            f"size = [{sizes.height.least}, {sizes.width.least}] under [input] of its card, or "
            "export the program with dynamic sizes."
        )


def _made(spec: InputSpec) -> list[tuple[int, int]]:
    """The one size that a card makes of every image; none if sizes differ."""
    if isinstance(spec.size, tuple):
        return [spec.size]
    if spec.size is None and spec.crop is not None:
        return [(spec.crop, spec.crop)]
    return []


def _extent(length: int | torch.SymInt, ranges: Mapping[Any, Any]) -> LengthRange:
    if isinstance(length, int):
        return LengthRange(length, length)
    expression: Any = length.node.expr
    symbols = sorted(expression.free_symbols, key=str)
    if len(symbols) != 1 or symbols[0] not in ranges:
        return _bounded(ranges.get(expression), 1)
    (symbol,) = symbols
    bounds = ranges[symbol]
    step = expression.diff(symbol)
    if not step.is_Integer:
        return _bounded(ranges.get(expression), 1)
    least = int(expression.subs(symbol, max(int(bounds.lower), 1)))
    most = int(expression.subs(symbol, bounds.upper)) if bounds.upper.is_Integer else None
    return LengthRange(least, most, int(step))


def _bounded(bounds: Any, step: int) -> LengthRange:
    if bounds is None:
        return LengthRange()
    most = int(bounds.upper) if bounds.upper.is_Integer else None
    return LengthRange(max(int(bounds.lower), 1), most, step)

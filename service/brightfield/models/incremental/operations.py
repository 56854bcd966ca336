"""Operations that look no farther than their kernel: they can run on a crop of their input.

Each has `whole`, which runs it on complete maps, so the same object makes the base activations,
and `on_crops`, which has a `CropRunner` run it on crops. Maps are (B, C, H, W); crops are
(rows * columns, C, h, w), one for each position of the hiding window, rows by columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from brightfield.models.incremental.slide import Slide
from brightfield.tensors import Indices

MapShape = tuple[int, int, int]
"""(C, H, W) of one row."""


S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)


class CropRunner(Protocol[S_contra]):
    """Runs a step `S` on crops (rows * columns, C, h, w), each kind of operation in its own way.

    The crops of an output hold all places of it that the hiding window can change.
    """

    def pointwise(self, step: S_contra, operation: Pointwise) -> None:
        """(P, C, h, w) to the same shape."""
        ...

    def sliding(self, step: S_contra, operation: Sliding) -> None:
        """(P, C, h, w) to (P, K, h', w'), as many places as the kernel reaches from the crop."""
        ...

    def relabelled(self, step: S_contra, operation: Relabel) -> None:
        """(P, C, h, w) to (P, K, h, w): some of the channels; where they lie changes, not what."""
        ...

    def added(self, step: S_contra, operation: Sum) -> None:
        """Two of (P, C, h, w) and (P, C, h', w') to (P, C, h'', w''), the places of either."""
        ...

    def concatenated(self, step: S_contra, operation: Concatenation) -> None:
        """Several of (P, C_i, h_i, w_i) to (P, sum of C_i, h'', w''), the places of any."""
        ...

    def merged(self, step: S_contra, operation: LocalMerge) -> None:
        """Two of (P, C, h, w) and (P, C, h', w') to (P, C, h'', w''), the places of either."""
        ...


class Local(ABC):
    """What every local operation can do."""

    @abstractmethod
    def whole(self, *maps: Tensor) -> Tensor:
        """On complete maps (B, C, H, W), which give another one."""

    @abstractmethod
    def on_crops(self, runner: CropRunner[S], step: S) -> None:
        """Have the runner run this operation, which is that of the step, in the way of its kind."""

    def agreed(self, read: Sequence[MapShape], made: MapShape, *, one_dtype: bool) -> Local | None:
        """This operation from maps `read` to the map `made`, if it is right for their sizes.

        `one_dtype`: all of them are of one. None where the call does something else with its maps.
        """
        return self if all(shape[1:] == made[1:] for shape in read) else None

    def multiply_adds(self, inputs: MapShape, pixels: int) -> int:
        """Multiplications with additions for `pixels` output places of one row."""
        return 0


class CropForCrop(Local):
    """Has its output where its one input is, moved by `shift` (down, across): crop for crop."""

    @property
    def shift(self) -> tuple[int, int]:
        return 0, 0


class Sliding(Local):
    """A kernel that slides; `outside` is what its padding counts as."""

    down: Slide
    across: Slide
    outside: float

    @abstractmethod
    def inside(self, region: Tensor, top: Indices, left: Indices) -> Tensor:
        """On what it reads alone, padding laid out: a region per position, rows by columns.

        `top` (rows,) and `left` (columns,) are the first output places of the regions.
        """

    def agreed(self, read: Sequence[MapShape], made: MapShape, *, one_dtype: bool) -> Local | None:
        (given,) = read
        sizes = (self.down.size_in, self.across.size_in), (self.down.size_out, self.across.size_out)
        return self if sizes == (given[1:], made[1:]) else None

    def on_crops(self, runner: CropRunner[S], step: S) -> None:
        runner.sliding(step, self)


@dataclass(frozen=True, slots=True, eq=False)
class Convolution(Sliding):
    """weight (K, C / groups, h, w), bias (K,) or None; `edges` are zeros around the input."""

    weight: Tensor
    bias: Tensor | None
    down: Slide
    across: Slide
    groups: int
    outside: float = 0.0

    def whole(self, *maps: Tensor) -> Tensor:
        return self._convolve(
            maps[0],
            (self.down.stride, self.across.stride),
            (self.down.before, self.across.before),
        )

    def inside(self, region: Tensor, top: Indices, left: Indices) -> Tensor:
        return self._convolve(region, (self.down.inner_stride, self.across.inner_stride), (0, 0))

    def multiply_adds(self, inputs: MapShape, pixels: int) -> int:
        return pixels * self.weight.numel()

    def _convolve(self, maps: Tensor, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
        dilation = (self.down.dilation, self.across.dilation)
        return torch.conv2d(maps, self.weight, self.bias, stride, padding, dilation, self.groups)


@dataclass(frozen=True, slots=True, eq=False)
class MaxPooling(Sliding):
    """The greatest value under the kernel; padding never wins."""

    down: Slide
    across: Slide
    ceil: bool
    outside: float = -torch.inf

    def whole(self, *maps: Tensor) -> Tensor:
        return functional.max_pool2d(
            maps[0],
            (self.down.kernel, self.across.kernel),
            (self.down.stride, self.across.stride),
            (self.down.before, self.across.before),
            (self.down.dilation, self.across.dilation),
            ceil_mode=self.ceil,
        )

    def inside(self, region: Tensor, top: Indices, left: Indices) -> Tensor:
        return functional.max_pool2d(
            region,
            (self.down.kernel, self.across.kernel),
            (self.down.inner_stride, self.across.inner_stride),
            dilation=(self.down.dilation, self.across.dilation),
        )


@dataclass(frozen=True, slots=True, eq=False)
class AveragePooling(Sliding):
    """The mean under the kernel; `counts_padding` and `divisor` as in `avg_pool2d`."""

    down: Slide
    across: Slide
    ceil: bool
    counts_padding: bool
    divisor: int | None
    outside: float = 0.0

    def whole(self, *maps: Tensor) -> Tensor:
        return functional.avg_pool2d(
            maps[0],
            (self.down.kernel, self.across.kernel),
            (self.down.stride, self.across.stride),
            (self.down.before, self.across.before),
            self.ceil,
            self.counts_padding,
            self.divisor,
        )

    def inside(self, region: Tensor, top: Indices, left: Indices) -> Tensor:
        kernel = (self.down.kernel, self.across.kernel)
        stride = (self.down.inner_stride, self.across.inner_stride)
        if self.divisor is not None or self._alike:
            return functional.avg_pool2d(region, kernel, stride, divisor_override=self.divisor)
        sums = functional.avg_pool2d(region, kernel, stride, divisor_override=1)
        rows = self._counts(self.down, top, sums.shape[2]).to(sums)
        cols = self._counts(self.across, left, sums.shape[3]).to(sums)
        counts = rows[:, None, None, :, None] * cols[None, :, None, None, :]
        return sums.div_(counts.flatten(0, 1))

    @property
    def _alike(self) -> bool:
        """Whether every mean is taken over the kernel's full area."""
        slides = (self.down, self.across)
        padding = [slide.before if self.counts_padding else -slide.before for slide in slides]
        return all(
            slide.after <= more and more >= 0 for slide, more in zip(slides, padding, strict=True)
        )

    def _counts(self, slide: Slide, first: Indices, length: int) -> Tensor:
        """(positions, length): values that the mean at each output place divides by, this axis."""
        outputs = torch.as_tensor(first)[:, None] + torch.arange(length)
        start = outputs * slide.stride - slide.before
        stop = (start + slide.kernel).clamp(max=slide.size_in + slide.before)
        if not self.counts_padding:
            start, stop = start.clamp(min=0), stop.clamp(max=slide.size_in)
        return stop - start


@dataclass(frozen=True, slots=True, eq=False)
class Pointwise(CropForCrop):
    """A function of each value alone; `into(x, out)` writes it, `out` may be `x` itself.

    Both are given maps (..., C, h, w). `into` is None where the result does not fit into the memory
    of its input: of another dtype, or of more channels.
    """

    function: Callable[[Tensor], Tensor]
    into: Callable[[Tensor, Tensor], Any] | None

    def whole(self, *maps: Tensor) -> Tensor:
        return self.function(maps[0])

    def agreed(self, read: Sequence[MapShape], made: MapShape, *, one_dtype: bool) -> Local | None:
        if read[0][1:] != made[1:]:
            return None
        return self if one_dtype and read[0] == made else replace(self, into=None)

    def on_crops(self, runner: CropRunner[S], step: S) -> None:
        runner.pointwise(step, self)


@dataclass(frozen=True, slots=True, eq=False)
class Sum(Local):
    """Two maps of one shape, added."""

    def whole(self, *maps: Tensor) -> Tensor:
        return maps[0] + maps[1]

    def agreed(self, read: Sequence[MapShape], made: MapShape, *, one_dtype: bool) -> Local | None:
        if one_dtype and read[0] == read[1] == made:
            return self
        return LocalMerge(torch.add).agreed(read, made, one_dtype=one_dtype)

    def on_crops(self, runner: CropRunner[S], step: S) -> None:
        runner.added(step, self)


@dataclass(frozen=True, slots=True, eq=False)
class LocalMerge(Local):
    """Any other function of two maps, value by value."""

    function: Callable[[Tensor, Tensor], Tensor]

    def whole(self, *maps: Tensor) -> Tensor:
        return self.function(maps[0], maps[1])

    def on_crops(self, runner: CropRunner[S], step: S) -> None:
        runner.merged(step, self)


@dataclass(frozen=True, slots=True, eq=False)
class Concatenation(Local):
    """Maps behind each other along the channels."""

    def whole(self, *maps: Tensor) -> Tensor:
        return torch.cat(maps, dim=1)

    def agreed(self, read: Sequence[MapShape], made: MapShape, *, one_dtype: bool) -> Local | None:
        fits = one_dtype and sum(shape[0] for shape in read) == made[0]
        return self if fits and all(shape[1:] == made[1:] for shape in read) else None

    def on_crops(self, runner: CropRunner[S], step: S) -> None:
        runner.concatenated(step, self)


@dataclass(frozen=True, slots=True, eq=False)
class Relabel(CropForCrop):
    """The same values under new coordinates: some channels of them, with a constant frame."""

    channels: slice = field(default_factory=lambda: slice(None))
    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0
    value: float = 0.0

    @property
    def shift(self) -> tuple[int, int]:
        return self.top, self.left

    @property
    def framed(self) -> bool:
        return any((self.top, self.bottom, self.left, self.right))

    def agreed(self, read: Sequence[MapShape], made: MapShape, *, one_dtype: bool) -> Local | None:
        channels, height, width = read[0]
        chosen = len(range(channels)[self.channels])
        sizes = (chosen, self.top + height + self.bottom, self.left + width + self.right)
        return self if sizes == made else None

    def whole(self, *maps: Tensor) -> Tensor:
        chosen = maps[0][:, self.channels]
        frame = (self.left, self.right, self.top, self.bottom)
        return functional.pad(chosen, frame, value=self.value) if self.framed else chosen

    def on_crops(self, runner: CropRunner[S], step: S) -> None:
        runner.relabelled(step, self)

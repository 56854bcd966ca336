"""A kernel that slides along one axis: which outputs a change reaches, and what they read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brightfield.tensors import Indices


@dataclass(frozen=True, slots=True)
class Slide:
    """One axis of a convolution or a pooling over `size_in` values that gives `size_out`."""

    kernel: int
    stride: int
    dilation: int
    before: int
    size_in: int
    size_out: int

    @property
    def extent(self) -> int:
        """Input values from a kernel's first to its last."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def after(self) -> int:
        """Padding that the last output reads behind the input's end."""
        return max(0, (self.size_out - 1) * self.stride + self.extent - self.before - self.size_in)

    @property
    def step(self) -> int:
        """Distance of the inputs worth reading: a kernel of one value skips those between."""
        return self.stride if self.kernel == 1 else 1

    @property
    def inner_stride(self) -> int:
        """The stride over what was read."""
        return 1 if self.kernel == 1 else self.stride

    def touched(self, low: Indices, high: Indices) -> tuple[Indices, Indices]:
        """The outputs [low', high') that read any of the inputs [low, high).

        low' = max(0, ceil((low + p - d (k - 1)) / s)), high' = min(n, floor((high - 1 + p) / s)
        + 1). Where no output reads them, the nearest one, so that no interval is empty.
        """
        first = -((self.extent - 1 - low - self.before) // self.stride)
        last = (high - 1 + self.before) // self.stride + 1
        first = np.clip(first, 0, self.size_out - 1)
        return first, np.clip(last, first + 1, self.size_out)

    def first_read(self, outputs: Indices) -> Indices:
        """The first input (negative: padding) that each output reads."""
        return outputs * self.stride - self.before

    def reads(self, outputs: int) -> int:
        """How many inputs, `step` apart, that many consecutive outputs read."""
        return outputs if self.kernel == 1 else (outputs - 1) * self.stride + self.extent

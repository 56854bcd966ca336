from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from brightfield.models.incremental.slide import Slide

SIDES = st.integers(1, 5)


@given(st.data(), SIDES, SIDES, st.integers(1, 3), st.integers(6, 30))
def test_touched_are_the_outputs_that_a_convolution_changes(
    data: st.DataObject, kernel: int, stride: int, dilation: int, size: int
) -> None:
    before = data.draw(st.integers(0, kernel // 2 * dilation))
    if size + 2 * before < dilation * (kernel - 1) + 1:
        return
    low = data.draw(st.integers(0, size - 1))
    high = data.draw(st.integers(low + 1, size))
    x = torch.zeros(1, 1, size)
    x[..., low:high] = 1
    y = functional.conv1d(x, torch.ones(1, 1, kernel), None, stride, before, dilation)[0, 0]
    changed = y.nonzero().flatten()
    slide = Slide(kernel, stride, dilation, before, size, len(y))
    first, last = (int(edge[0]) for edge in slide.touched(np.array([low]), np.array([high])))
    if len(changed):
        assert first <= int(changed[0])
        assert int(changed[-1]) < last
        # Nothing in excess, but where a dilated kernel steps over the change.
        assert dilation > 1 or (first, last) == (int(changed[0]), int(changed[-1]) + 1)
    else:
        assert 0 <= first < last <= len(y)


@given(SIDES, SIDES, st.integers(1, 3), st.integers(20, 30), st.integers(1, 4))
def test_what_outputs_read_gives_them_without_padding(
    kernel: int, stride: int, dilation: int, size: int, wanted: int
) -> None:
    before = kernel // 2
    x, weight = torch.arange(size).double()[None, None] + 1, torch.ones(1, 1, kernel).double()
    y = functional.conv1d(x, weight, None, stride, before, dilation)[0, 0]
    slide = Slide(kernel, stride, dilation, before, size, len(y))
    count = min(wanted, len(y))
    for start in (0, len(y) - count):
        first = int(slide.first_read(np.array([start]))[0]) + before
        padded = functional.pad(x, (before, slide.after))
        stop = first + (slide.reads(count) - 1) * slide.step + 1
        read = padded[..., first : stop : slide.step]
        assert read.shape[-1] == slide.reads(count)
        found = functional.conv1d(read, weight, None, slide.inner_stride, 0, dilation)[0, 0]
        assert torch.equal(found, y[start : start + count])

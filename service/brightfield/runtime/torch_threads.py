"""PyTorch's threads, kept away from those of other libraries."""

from __future__ import annotations

from types import TracebackType

import torch


class OneThread:
    """PyTorch computes in the calling thread alone, until the block ends.

    The threads of its pool wait for the next operation by spinning for milliseconds. Whoever
    computes next in threads of its own shares the processors with them: after a copy of some rows
    a pass of OpenVINO takes half as long again.
    """

    __slots__ = ("_before", "_wanted")

    def __init__(self, wanted: bool = True) -> None:
        self._wanted = wanted
        self._before = 0

    def __enter__(self) -> None:
        if self._wanted:
            self._before = torch.get_num_threads()
            torch.set_num_threads(1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._wanted:
            torch.set_num_threads(self._before)

"""What a backend is: a way to run a network's forward pass, prepared ahead of the first request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from brightfield.backend_names import Precision
from brightfield.tensors import Images

Run = Callable[[Images], Sequence[Tensor]]
"""From rows (B, C, H, W) to the tensors of the output, each with B rows, in their order."""


def _nothing() -> None:
    """Nothing is kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a backend makes something to run of.

    `network` is the model on its device, whose output is a tuple of tensors. `folder` has what
    `convert` wrote, `threads` are those of one pass on a CPU.
    """

    network: nn.Module
    folder: Path
    device: torch.device
    threads: int


@dataclass(frozen=True, slots=True)
class RunnableNetwork:
    """Something to run, and the bytes of memory that it takes besides the model.

    `release` frees what it keeps for the next pass, such as buffers for the largest images so far;
    called in any thread, when little is to do. With `own_threads` it computes in others than those
    of PyTorch.
    """

    run: Run
    size_bytes: int
    release: Callable[[], object] = _nothing
    own_threads: bool = False


class InferenceBackend(ABC):
    """A way to run forward passes. Each is one file and has no state.

    Converting runs in a process of its own, so it may take long, hold the interpreter's lock, or
    end the process; `prepare` and what it gives run in the service.
    """

    converts: ClassVar[bool] = True
    """Whether there is something to do in a process of its own, before `prepare`."""

    @abstractmethod
    def lacking(self, device: torch.device) -> str | None:
        """Why the backend can't be used on a device, as a sentence; None: it can."""

    @abstractmethod
    def version(self) -> str:
        """Its version; another one converts anew."""

    @abstractmethod
    def precisions(self, device: torch.device) -> Sequence[Precision]:
        """What the device computes natively, the most exact first."""

    def convert(self, network: nn.Module, rows: Images, folder: Path) -> None:
        """Write what `prepare` needs into a folder; any number of rows of any size shall do.

        `rows` are an example. Raises whatever goes wrong: the model then stays as it is.
        """
        raise NotImplementedError

    @abstractmethod
    def prepare(self, source: Source, precision: Precision) -> RunnableNetwork:
        """Something to run. Raises whatever goes wrong."""

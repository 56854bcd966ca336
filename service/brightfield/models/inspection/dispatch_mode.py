"""Looking on at every operation of PyTorch."""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode


class DispatchMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """PyTorch's mode of that name, without its compiler: to keep that away from a mode PyTorch
    imports it, which takes seconds and 150 MB, in a service that compiles nothing."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

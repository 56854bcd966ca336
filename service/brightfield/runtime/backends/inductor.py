"""PyTorch's own compiler, ahead of time: C++ for processors, Triton for GPUs.

The network is exported, compiled and packed in the process that converts, so the service only opens
a library. It needs a C++ compiler.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from brightfield.backend_names import Precision
from brightfield.runtime.backends.inference_backend import InferenceBackend, RunnableNetwork, Source
from brightfield.tensors import Images

_PACKAGE = "network.pt2"
_COMPILERS = ("c++", "g++", "clang++")


class Inductor(InferenceBackend):
    """AOTInductor (docs.pytorch.org), for processors and CUDA devices."""

    def lacking(self, device: torch.device) -> str | None:
        own = os.environ.get("CXX")
        if any(shutil.which(name) for name in (own, *_COMPILERS) if name):
            return None
        return "There is no C++ compiler; install one (such as g++) where the service runs."

    def version(self) -> str:
        return torch.__version__

    def precisions(self, device: torch.device) -> Sequence[Precision]:
        return ("fp32",)

    def convert(self, network: nn.Module, rows: Images, folder: Path) -> None:
        first = Dim.AUTO if len(rows) > 1 else Dim.STATIC
        shape = {0: first, 2: Dim.AUTO, 3: Dim.AUTO}
        with torch.no_grad():
            program = torch.export.export(network, (rows,), dynamic_shapes=(shape,), strict=False)
            compile_: Callable[..., Any] = torch._inductor.aoti_compile_and_package
            compile_(program, package_path=str(folder / _PACKAGE))

    def prepare(self, source: Source, precision: Precision) -> RunnableNetwork:
        package = source.folder / _PACKAGE
        load: Callable[..., Any] = torch._inductor.aoti_load_package
        compiled = load(str(package))

        def run(rows: Images) -> Sequence[Tensor]:
            found = compiled(rows.to(source.device, non_blocking=True).contiguous())
            return [found] if isinstance(found, Tensor) else list(found)

        return RunnableNetwork(run, package.stat().st_size)

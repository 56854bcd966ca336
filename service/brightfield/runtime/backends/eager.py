"""PyTorch as it is; in reduced precision by autocast."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from brightfield.backend_names import Precision
from brightfield.runtime.backends.inference_backend import InferenceBackend, RunnableNetwork, Source
from brightfield.tensors import Images

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Eager(InferenceBackend):
    """One operation after the other, by PyTorch. With fp32 that is the model itself, which answers
    until something better is prepared."""

    converts: ClassVar[bool] = False

    def lacking(self, device: torch.device) -> str | None:
        return None

    def version(self) -> str:
        return torch.__version__

    def precisions(self, device: torch.device) -> Sequence[Precision]:
        if device.type != "cuda":
            return ("fp32", "bf16")
        return ("fp32", "bf16", "fp16") if torch.cuda.is_bf16_supported() else ("fp32", "fp16")

    def prepare(self, source: Source, precision: Precision) -> RunnableNetwork:
        """With autocast, which keeps in fp32 what needs it, such as softmax and losses."""
        return RunnableNetwork(partial(_autocast, source, _DTYPES[precision]), 0)


def _autocast(source: Source, dtype: torch.dtype, rows: Images) -> Sequence[Tensor]:
    placed = rows.to(source.device, non_blocking=True).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast(source.device.type, dtype):
        return [each.float() if each.dtype == dtype else each for each in source.network(placed)]

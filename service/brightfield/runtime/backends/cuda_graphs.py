"""PyTorch's own kernels, launched all at once: the pass of a shape is recorded and replayed.

A GPU is through with a small network's kernel before Python has launched the next one, so most of a
pass is waiting. A CUDA graph is one launch of all of them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from brightfield.backend_names import Precision
from brightfield.runtime.backends.inference_backend import InferenceBackend, RunnableNetwork, Source
from brightfield.tensors import Images

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
# Shapes whose passes are kept, the last that were used; and those that are counted.
_KEPT_SHAPES, _COUNTED_SHAPES = 16, 256
# A pass over more pixels keeps the GPU busy by itself, and its record would hold much memory.
_MOST_PIXELS = 2**22
_WARM_UPS = 2


class CudaGraphs(InferenceBackend):
    """CUDA graphs (docs.pytorch.org, `torch.cuda.CUDAGraph`), for CUDA devices; in reduced
    precision by autocast."""

    converts: ClassVar[bool] = False

    def lacking(self, device: torch.device) -> str | None:
        if device.type != "cuda":
            return f"CUDA graphs run on CUDA devices, and the model is on {device}."
        return None

    def version(self) -> str:
        return f"{torch.__version__} {torch.version.cuda}"

    def precisions(self, device: torch.device) -> Sequence[Precision]:
        return ("fp32", "bf16", "fp16") if torch.cuda.is_bf16_supported() else ("fp32", "fp16")

    def prepare(self, source: Source, precision: Precision) -> RunnableNetwork:
        return RunnableNetwork(RecordedPasses(source, precision).run, 0)


class _Recorded(NamedTuple):
    graph: Any
    rows: Images
    outputs: Sequence[Tensor]


class RecordedPasses:
    """The passes of one network, recorded for each shape that comes again; for the lane's thread.

    The number of rows is filled up to a power of two, so few shapes serve all batches. All records
    share one pool of memory, since one pass runs at a time.
    """

    def __init__(self, source: Source, precision: Precision) -> None:
        self._network = source.network
        self._device = source.device
        self._dtype = _DTYPES.get(precision)
        self._seen: Counter[torch.Size] = Counter()
        self._kept: OrderedDict[torch.Size, _Recorded] = OrderedDict()
        self._pool: Any = None

    def run(self, rows: Images) -> Sequence[Tensor]:
        """The outputs on the device, which the next pass leaves as they are."""
        with torch.cuda.device(self._device), torch.inference_mode():
            shape = torch.Size((_power_of_two(len(rows)), *rows.shape[1:]))
            if not self._worth(shape):
                return self._pass(self._placed(rows))
            recorded = self._record(shape)
            recorded.rows[: len(rows)].copy_(rows, non_blocking=True)
            recorded.graph.replay()
            return [output[: len(rows)].clone() for output in recorded.outputs]

    def _worth(self, shape: torch.Size) -> bool:
        """Whether a shape is recorded, or shall be: one that comes again, and isn't too large."""
        if shape in self._kept:
            return True
        if shape[0] * shape[-2:].numel() > _MOST_PIXELS:
            return False
        if len(self._seen) >= _COUNTED_SHAPES:
            self._seen.clear()
        self._seen[shape] += 1
        return self._seen[shape] > 1

    def _record(self, shape: torch.Size) -> _Recorded:
        found = self._kept.pop(shape, None) or self._recorded(shape)
        self._kept[shape] = found
        while len(self._kept) > _KEPT_SHAPES:
            self._kept.popitem(last=False)
        return found

    def _recorded(self, shape: torch.Size) -> _Recorded:
        rows = self._placed(torch.zeros(shape))
        stream: Any = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):  # libraries set themselves up, which can't be recorded
            for _ in range(_WARM_UPS):
                self._pass(rows)
        torch.cuda.current_stream(self._device).wait_stream(stream)
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile.
        with torch.cuda.graph(
            graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"
        ):
            outputs = self._pass(rows)
        return _Recorded(graph, rows, outputs)

    def _pass(self, rows: Images) -> Sequence[Tensor]:
        # The cache of autocast would hold tensors of a record outside of it.
        lower = (
            nullcontext()
            if self._dtype is None
            else torch.autocast(self._device.type, self._dtype, cache_enabled=False)
        )
        with lower:
            return [
                each.float() if each.dtype == self._dtype else each for each in self._network(rows)
            ]

    def _placed(self, rows: Images) -> Images:
        return rows.to(self._device, non_blocking=True).contiguous(
            memory_format=torch.channels_last
        )


def _power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()

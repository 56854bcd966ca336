"""OpenVINO, for CPUs: the network as one graph, run by a pool of threads of its own.

One call runs the whole pass without the interpreter's lock, so other threads of Python don't slow
it down.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from brightfield.backend_names import Precision
from brightfield.runtime.backends.inference_backend import InferenceBackend, RunnableNetwork, Source
from brightfield.runtime.code_memory import code_bytes
from brightfield.tensors import Images

_GRAPH = "network.xml"
_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
_NATIVE: Sequence[tuple[str, Precision]] = (("FP32", "fp32"), ("BF16", "bf16"), ("FP16", "fp16"))
# Kernels are made for each size of images and number of rows, and so many are kept. Those of some
# networks take tens of megabytes for each shape, so fewer are kept than would take so many bytes.
_KEPT_KERNELS, _FEWEST_KERNELS = 128, 4
_KERNEL_BYTES = 256 * 2**20
# A height and width for which a network is tried.
_TRIED = 192, 208


class OpenVino(InferenceBackend):
    """Intel's runtime (docs.openvino.ai), which needs no compiler; x86 and Arm processors."""

    def lacking(self, device: torch.device) -> str | None:
        if device.type != "cpu":
            return f"OpenVINO runs on the CPU, and the model is on {device}."
        if find_spec("openvino") is None:
            return "OpenVINO isn't installed; run `pip install openvino` where the service runs."
        return None

    def version(self) -> str:
        try:
            return installed("openvino")
        except PackageNotFoundError:
            return ""

    def precisions(self, device: torch.device) -> Sequence[Precision]:
        native = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return [precision for name, precision in _NATIVE if name in native]

    def convert(self, network: nn.Module, rows: Images, folder: Path) -> None:
        openvino = _openvino()
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):  # of tracing's end of life
            traced: Any = torch.jit.trace(  # type: ignore[no-untyped-call]
                network, rows, check_trace=False, strict=False
            )
            graph = openvino.convert_model(traced, example_input=rows)
        graph.reshape([-1, rows.shape[1], -1, -1])
        openvino.save_model(graph, folder / _GRAPH, compress_to_fp16=False)

    def prepare(self, source: Source, precision: Precision) -> RunnableNetwork:
        options = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": source.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # decoding needs the same processors
        }
        graph = source.folder / _GRAPH
        network = _channels_last(graph)
        compiled = _compiled(network, options, _KEPT_KERNELS)
        kept = _affordable(_kernel_bytes(compiled))
        if kept < _KEPT_KERNELS:
            compiled = _compiled(network, options, kept)
        request = compiled.create_infer_request()

        def run(rows: Images) -> Sequence[Tensor]:
            last = rows.permute(0, 2, 3, 1).contiguous().numpy()
            found = request.infer({0: last}, share_inputs=True)
            return [torch.from_numpy(values) for values in found.to_tuple()]

        def release() -> None:
            with suppress(RuntimeError):  # a pass has just begun
                compiled.release_memory()

        size = graph.with_suffix(".bin").stat().st_size
        return RunnableNetwork(run, size, release, own_threads=True)


def _channels_last(graph: Path) -> Any:
    """The network, made to take rows (B, H, W, C): so they lie in memory after preprocessing."""
    openvino = _openvino()
    from openvino.preprocess import PrePostProcessor

    steps = PrePostProcessor(_core().read_model(graph))
    steps.input().tensor().set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    return steps.build()


def _compiled(network: Any, options: Mapping[str, object], kernels: int) -> Any:
    every = {**options, "CPU_RUNTIME_CACHE_CAPACITY": kernels}
    return _core().compile_model(network, "CPU", every)


def _affordable(size: int) -> int:
    """How many kernels are kept, if those for a shape take so many bytes."""
    return max(_FEWEST_KERNELS, min(_KEPT_KERNELS, _KERNEL_BYTES // max(1, size)))


def _kernel_bytes(compiled: Any) -> int:
    """Bytes of the kernels for one shape; 0 if the network doesn't take that."""
    channels = compiled.inputs[0].partial_shape[-1].get_length()
    before = code_bytes()
    with suppress(RuntimeError):
        compiled.create_infer_request().infer({0: np.zeros((1, *_TRIED, channels), np.float32)})
    return max(0, code_bytes() - before)


def _openvino() -> Any:
    """The library, without the part of it that reports its use to its makers."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


@cache
def _core() -> Any:
    return _openvino().Core()

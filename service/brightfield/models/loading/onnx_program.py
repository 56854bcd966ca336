"""ONNX files: as a PyTorch network if they convert exactly, else as onnxruntime runs them."""

from __future__ import annotations

import importlib
import shutil
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from brightfield.errors import InvalidCard, Unexplainable
from brightfield.models.loading.file_forms import FileForm, check_form
from brightfield.models.loading.input_sizes import SIZES, InputSizes, LengthRange, sizes_from
from brightfield.models.loading.onnx_graph import End, end_of, input_of, is_external, unshared
from brightfield.outages import DamagedWeights

_TYPES = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
}  # fmt: skip
# What the axis of channels is as long as, in files that state it.
_CHANNELS = (1, 3, 4)
# How far a converted network may be from onnxruntime's answer, by the largest value in it.
_TOLERANCE = 1e-4
# A length of every axis that is free, for the comparison: two, since one may suit by chance.
_LENGTHS = (96, 64)


def load_onnx(path: Path, *, trust_model_code: bool, channels_last: bool = False) -> nn.Module:
    """The program as a module from (B, C, H, W); with `channels_last` it takes and gives
    (B, H, W, C) itself, as networks of Keras do.

    onnx2pytorch converts it; the network is believed only if it answers as onnxruntime does, for
    noise of two sizes and batches. Otherwise onnxruntime runs the program on the CPU: then it has
    neither layers nor gradients, and asking for these raises `Unexplainable`.

    A file is data: operators of other domains than ONNX's own are refused, and so are values that
    lie in other files, since no digest covers them.

    Raises `DamagedWeights` for a file that can't be read or run, and `InvalidCard` if the packages
    are missing or the program has several inputs.
    """
    check_form(path, FileForm.ONNX)
    onnx, _, _ = (_installed(name) for name in ("onnx", "onnxruntime", "onnx2pytorch"))
    try:
        model = onnx.load(path, load_external_data=False)
        source, end = input_of(model, path.name), end_of(model)
        session = _session(model.SerializeToString())
    except (InvalidCard, DamagedWeights):
        raise
    except Exception as fault:  # onnx and onnxruntime raise whatever their parsers raise
        raise DamagedWeights(f"{path.name} cannot be run by onnxruntime: {fault}.") from fault
    runtime = OnnxProgram(session, end, channels_last, path.name)
    sizes = _sizes(source, channels_last)
    setattr(runtime, SIZES, sizes)
    module, runtime.reason = _converted(model, runtime, sizes)
    return module


class OnnxProgram(nn.Module):
    """(B, C, H, W) to the outputs of a program that onnxruntime runs; no gradient comes back."""

    def __init__(self, session: Any, end: End | None, channels_last: bool, name: str) -> None:
        super().__init__()
        (source,) = session.get_inputs()
        self._session, self._input, self._dtype = session, source.name, _TYPES[source.type]
        self.finished = _Finish(end, channels_last)
        self.channels_last, self._name = channels_last, name
        self.reason = ""

    def forward(self, images: Tensor) -> Any:
        found: tuple[Tensor, ...] = _Opaque.apply(images, self)
        return self.finished(found)

    def outputs(self, images: Tensor) -> tuple[Tensor, ...]:
        """What the program gives, on the images' device."""
        rows = images.detach().to("cpu")
        rows = rows.permute(0, 2, 3, 1) if self.channels_last else rows
        given = np.ascontiguousarray(rows.numpy(), dtype=self._dtype)
        found = self._session.run(None, {self._input: given})
        return tuple(_tensor(each).to(images.device) for each in found)

    def refuse_gradient(self) -> Unexplainable:
        """Why it can't be differentiated, and what can be asked instead."""
        return Unexplainable(
            f"{self._name} runs in onnxruntime, which gives no gradients and no layers: "
            f"{self.reason} Use occlusion or rise."
        )

    def __deepcopy__(self, _: dict[int, Any]) -> OnnxProgram:
        return self  # a session can't be copied, and nobody changes it


@dataclass(frozen=True, slots=True)
class _Finish:
    """What PyTorch does with a program's outputs."""

    end: End | None
    channels_last: bool

    def __call__(self, outputs: tuple[Tensor, ...]) -> Any:
        if self.end is not None:
            outputs = (self.end.applied(outputs[0]), *outputs[1:])
        if self.channels_last:
            outputs = tuple(_channels_first(each) for each in outputs)
        return outputs[0] if len(outputs) == 1 else outputs


class _Opaque(torch.autograd.Function):
    """A call that autograd sees, so that who asks for its gradient is told why there is none."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, program: OnnxProgram) -> tuple[Tensor, ...]:
        ctx.program = program
        return program.outputs(images)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        raise ctx.program.refuse_gradient()


class _Converted(nn.Module):
    """A converted network that takes (B, C, H, W), and gives what `runtime` does."""

    def __init__(self, network: nn.Module, runtime: OnnxProgram) -> None:
        super().__init__()
        self.network = network
        self._finished = runtime.finished
        self._channels_last = runtime.channels_last

    def forward(self, images: Tensor) -> Any:
        found = self.network(images.permute(0, 2, 3, 1) if self._channels_last else images)
        return self._finished(tuple(_float(each) for each in _several(found)))


def _converted(model: Any, runtime: OnnxProgram, sizes: InputSizes) -> tuple[nn.Module, str]:
    """The program as a network if it can be had exactly; else `runtime`, and why."""
    converter = _installed("onnx2pytorch")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = _Converted(converter.ConvertModel(unshared(model)), runtime)
            network.eval()
            agreed = all(_agree(network, runtime, rows) for rows in _samples(sizes))
    except Exception as fault:  # a converter of many operators may raise anything
        return runtime, f"it could not be converted ({type(fault).__name__}: {fault})."
    if not agreed:
        return runtime, "the converted network answers otherwise."
    setattr(network, SIZES, sizes)
    return network, ""


def _samples(sizes: InputSizes) -> Iterable[Tensor]:
    noise = torch.Generator().manual_seed(0)
    for rows, length in zip((2, 3), _LENGTHS, strict=True):
        shape = (
            sizes.batch.nearest(rows),
            sizes.channels.nearest(3),
            sizes.height.nearest(length),
            sizes.width.nearest(length),
        )
        yield torch.randn(shape, generator=noise)


def _agree(network: nn.Module, runtime: OnnxProgram, rows: Tensor) -> bool:
    with torch.inference_mode():
        found, expected = _several(network(rows)), _several(runtime(rows))
    return len(found) == len(expected) and all(map(_close, found, expected))


def _close(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    most = float(other.abs().amax()) if other.numel() else 0.0
    return torch.allclose(one.double(), other.double(), 0, _TOLERANCE * max(most, 1e-3))


def _several(output: Any) -> tuple[Tensor, ...]:
    return (output,) if isinstance(output, Tensor) else tuple(output)


def _session(content: bytes) -> Any:
    runtime = _installed("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # what goes wrong is raised
    return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _sizes(source: Any, channels_last: bool) -> InputSizes:
    lengths = [axis.dim_value for axis in source.type.tensor_type.shape.dim]
    if channels_last:
        lengths = [lengths[0], lengths[3], lengths[1], lengths[2]]
    return sizes_from(
        LengthRange(length, length) if length > 0 else LengthRange() for length in lengths
    )


def _tensor(values: Any) -> Tensor:
    return _float(torch.from_numpy(np.array(values)))


def _float(values: Tensor) -> Tensor:
    return values.float() if values.is_floating_point() else values


def _channels_first(values: Tensor) -> Tensor:
    return values.permute(0, 3, 1, 2) if values.dim() == 4 else values


def _installed(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as fault:
        raise InvalidCard(
            f"ONNX files need the package {fault.name}, which is not installed here; run "
            "`pip install 'brightfield[onnx]'`."
        ) from fault


def stated_layout(path: Path) -> tuple[InputSizes, bool]:
    """The sizes that a file's graph states, and whether its channels seem to be the last axis."""
    onnx = _installed("onnx")
    source = input_of(onnx.load(path, load_external_data=False), path.name, whole=False)
    lengths = [axis.dim_value for axis in source.type.tensor_type.shape.dim]
    last = lengths[3] in _CHANNELS and lengths[1] not in _CHANNELS
    return _sizes(source, last), last


def write_whole(path: Path, target: Path) -> None:
    """Copy an ONNX file with the values that it keeps in files beside it, as one file."""
    onnx = _installed("onnx")
    tensors = onnx.load(path, load_external_data=False).graph.initializer
    if not any(is_external(tensor) for tensor in tensors):
        shutil.copyfile(path, target)
    else:
        onnx.save(onnx.load(path), target)

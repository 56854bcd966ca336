"""From an ATen call to the local operation it is, where it is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from brightfield.models.incremental.operations import (
    AveragePooling,
    Concatenation,
    Convolution,
    Local,
    LocalMerge,
    MapShape,
    MaxPooling,
    Pointwise,
    Relabel,
    Sum,
)
from brightfield.models.incremental.recording import RecordedCall, RecordedValue
from brightfield.models.incremental.slide import Slide

# Functions of each value alone, whatever their other arguments (numbers only).
_POINTWISE = frozenset([
    "abs", "celu", "clamp", "clamp_max", "clamp_min", "elu", "erf", "exp", "gelu", "hardsigmoid",
    "hardswish", "hardtanh", "leaky_relu", "log", "mish", "neg", "pow", "reciprocal", "relu",
    "rsqrt", "rsub", "selu", "sigmoid", "silu", "softplus", "sqrt", "square", "tanh"
])  # fmt: skip
# What oneDNN writes into a given tensor as if that were one piece of memory, where its input is.
_WRITES_DENSELY = frozenset(["gelu"])
_ARITHMETIC = frozenset(["add", "div", "mul", "sub"])
_UNCHANGED = frozenset(["alias", "clone", "detach", "lift_fresh"])
_NORMALISED = frozenset(
    ["native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm", "batch_norm",
     "_native_batch_norm_legit", "_native_batch_norm_legit_no_training"]
)  # fmt: skip
# The end of a slice that has none, as ATen is told.
_ENDLESS = 2**63 - 1

MapShapes = Mapping[int, MapShape]


def translate(call: RecordedCall, shapes: MapShapes) -> Local | None:
    """The local operation that `call` is; None where a value may depend on the whole map.

    `shapes` has the maps that exist so far; every value that the call reads is among them.
    """
    rule = _RULES.get(call.name.partition(".")[2])
    return rule(call, shapes) if rule is not None else None


def bound(call: RecordedCall) -> dict[str, Any]:
    """The call's arguments by the names of its schema, defaults filled in."""
    schema = call.function._schema.arguments
    given = {argument.name: argument.default_value for argument in schema}
    given |= {argument.name: value for argument, value in zip(schema, call.arguments, strict=False)}
    return given | dict(call.keywords)


def _normalisation(call: RecordedCall, shapes: MapShapes) -> Local | None:
    """Batch normalisation with fixed statistics, as the scale and shift of each channel."""
    found = scale_and_shift(call)
    if found is None:
        return None
    scale, shift = (part[None, :, None, None] for part in found)

    def into(x: Tensor, out: Tensor) -> Tensor:
        return torch.addcmul(shift, x, scale, out=out)

    return Pointwise(lambda x: torch.addcmul(shift, x, scale), into)


def scale_and_shift(call: RecordedCall) -> tuple[Tensor, Tensor] | None:
    """y = x scale + shift, (C,) each, of a batch normalisation that uses running statistics."""
    given = bound(call)
    mean, variance = given.get("running_mean"), given.get("running_var")
    if given.get("training", False) or not isinstance(mean, Tensor) or variance is None:
        return None
    scale = (variance.double() + given.get("eps", given.get("epsilon"))).rsqrt()
    if given["weight"] is not None:
        scale = scale * given["weight"].double()
    shift = -mean.double() * scale
    if given["bias"] is not None:
        shift = shift + given["bias"].double()
    return scale.to(mean.dtype), shift.to(mean.dtype)


def _pair(numbers: Any, default: tuple[int, int] | None = None) -> tuple[int, int]:
    """(down, across) of an argument that may have one number for both, or none for the default."""
    if isinstance(numbers, int):
        return numbers, numbers
    if not numbers and default is not None:
        return default
    return (int(numbers[0]), int(numbers[-1]))


def _slides(
    call: RecordedCall,
    shapes: MapShapes,
    kernel: tuple[int, int],
    padding: Any,
    dilation: Any,
    stride: Any,
) -> tuple[Slide, Slide]:
    read = shapes[call.inputs[0]]
    made = call.shapes[0]
    assert made is not None
    down, across = (
        Slide(k, s, d, p, n, m)
        for k, s, d, p, n, m in zip(
            kernel,
            _pair(stride, kernel),
            _pair(dilation),
            _pair(padding),
            read[-2:],
            made[-2:],
            strict=True,
        )
    )
    return down, across


def _convolution(call: RecordedCall, shapes: MapShapes) -> Local | None:
    given = bound(call)
    weight, bias = given["weight"], given["bias"]
    fixed = isinstance(weight, Tensor) and not isinstance(bias, RecordedValue)
    if given["transposed"] or not fixed or weight.dim() != 4:
        return None
    kernel = (weight.shape[2], weight.shape[3])
    slides = _slides(call, shapes, kernel, given["padding"], given["dilation"], given["stride"])
    weight = weight.detach().contiguous(memory_format=torch.channels_last)
    bias = None if bias is None else bias.detach()
    return Convolution(weight, bias, *slides, groups=given["groups"])


def _max_pooling(call: RecordedCall, shapes: MapShapes) -> Local:
    given = bound(call)
    slides = _slides(
        call, shapes, _pair(given["kernel_size"]), given["padding"], given["dilation"],
        given["stride"],
    )  # fmt: skip
    return MaxPooling(*slides, ceil=given["ceil_mode"])


def _average_pooling(call: RecordedCall, shapes: MapShapes) -> Local:
    given = bound(call)
    kernel = _pair(given["kernel_size"])
    slides = _slides(call, shapes, kernel, given["padding"], 1, given["stride"])
    return AveragePooling(
        *slides,
        ceil=given["ceil_mode"],
        counts_padding=given["count_include_pad"],
        divisor=given["divisor_override"],
    )


def _adaptive_pooling(call: RecordedCall, shapes: MapShapes) -> Local | None:
    """Adaptive pooling whose cells are all alike is a plain one; the others are no kernel."""
    read, made = shapes[call.inputs[0]], call.shapes[0]
    assert made is not None
    if (made[-2], made[-1]) == (1, 1) != read[-2:]:
        return None
    if read[-2] % made[-2] or read[-1] % made[-1]:
        return None
    kernel = (read[-2] // made[-2], read[-1] // made[-1])
    slides = _slides(call, shapes, kernel, 0, 1, kernel)
    if kernel == (1, 1):
        return Relabel()
    return AveragePooling(*slides, ceil=False, counts_padding=True, divisor=None)


def _pointwise(call: RecordedCall, shapes: MapShapes) -> Local | None:
    """A function of the first argument alone; the others are fixed numbers."""
    first, *others = call.arguments
    fixed = [*others, *call.keywords.values()]
    if not isinstance(first, RecordedValue) or any(
        isinstance(x, RecordedValue | Tensor) for x in fixed
    ):
        return None
    if call.name == "aten.relu":  # which has no form of its own that writes into a given tensor
        return Pointwise(torch.relu, lambda x, out: torch.clamp_min(x, 0, out=out))
    function = partial(_applied, call.function, tuple(others), dict(call.keywords))
    return Pointwise(function, _writer(call, function))


def _converted(call: RecordedCall, shapes: MapShapes) -> Local | None:
    """Another dtype; another device is no matter of crops."""
    if set(call.keywords) - {"dtype", "memory_format", "non_blocking"}:
        return None
    return Pointwise(partial(_applied, call.function, (), dict(call.keywords)), None)


def _applied(function: Any, others: tuple[Any, ...], keywords: dict[str, Any], x: Tensor) -> Any:
    return function(x, *others, **keywords)


def _writer(
    call: RecordedCall, function: Callable[[Tensor], Tensor]
) -> Callable[[Tensor, Tensor], Any]:
    """Writes the function of x into `out`, without a detour where ATen can."""
    packet = call.function.overloadpacket
    overload = next(
        (getattr(packet, name) for name in _out_names(call) if name in packet.overloads()), None
    )
    if overload is None or call.name.removeprefix("aten.") in _WRITES_DENSELY:
        return lambda x, out: out.copy_(function(x))
    return lambda x, out: overload(x, *call.arguments[1:], **call.keywords, out=out)


def _out_names(call: RecordedCall) -> tuple[str, ...]:
    overload = str(call.function._overloadname)
    return ("out",) if overload == "default" else (f"{overload}_out",)


def _arithmetic(call: RecordedCall, shapes: MapShapes) -> Local | None:
    """a + b and its kin, of two maps, or of a map and a number or a value per channel."""
    first, second = call.arguments[0], call.arguments[1]
    if isinstance(first, RecordedValue) and isinstance(second, RecordedValue):
        if shapes[first.number][1:] != shapes[second.number][1:]:
            return None
        alike = shapes[first.number] == shapes[second.number]
        if call.name == "aten.add" and not call.keywords and alike:
            return Sum()
        return LocalMerge(partial(_of_two, call.function, dict(call.keywords)))
    fixed = second if isinstance(first, RecordedValue) else first
    if isinstance(fixed, Tensor) and not _per_channel(fixed):
        return None
    if isinstance(first, RecordedValue):
        function = partial(_applied, call.function, (second,), dict(call.keywords))
    else:
        function = partial(call.function, first, **call.keywords)
    return Pointwise(function, lambda x, out: out.copy_(function(x)))


def _of_two(function: Any, keywords: dict[str, Any], a: Tensor, b: Tensor) -> Any:
    return function(a, b, **keywords)


def _per_channel(constant: Tensor) -> bool:
    """Whether it is the same at every place of (B, C, H, W)."""
    sizes = (1, 1, 1, 1, *constant.shape)[-4:]
    return constant.dim() <= 4 and sizes[0] == sizes[2] == sizes[3] == 1


def _concatenation(call: RecordedCall, shapes: MapShapes) -> Local | None:
    given = bound(call)
    parts = given["tensors"]
    if given["dim"] not in (1, -3) or not all(isinstance(part, RecordedValue) for part in parts):
        return None
    return Concatenation() if len({shapes[part.number][1:] for part in parts}) == 1 else None


def _padding(call: RecordedCall, shapes: MapShapes) -> Local | None:
    given = bound(call)
    frame = [*given["pad"], 0, 0, 0, 0][:4]
    if len(given["pad"]) > 4 or min(frame) < 0 or isinstance(given["value"], Tensor):
        return None
    left, right, top, bottom = frame
    return Relabel(top=top, bottom=bottom, left=left, right=right, value=float(given["value"] or 0))


def _slice(call: RecordedCall, shapes: MapShapes) -> Local | None:
    """Some channels; along other axes only what takes everything."""
    given = bound(call)
    if given["dim"] in (1, -3):
        return Relabel(slice(given["start"], given["end"], given["step"]))
    everything = given["start"] in (None, 0) and given["end"] in (None, _ENDLESS)
    return Relabel() if everything and given["step"] == 1 else None


def _unchanged(call: RecordedCall, shapes: MapShapes) -> Local:
    return Relabel()


TranslationRule = Callable[[RecordedCall, MapShapes], Local | None]

_RULES: Mapping[str, TranslationRule] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _max_pooling,
    "max_pool2d": _max_pooling,
    "avg_pool2d": _average_pooling,
    "_adaptive_avg_pool2d": _adaptive_pooling,
    "cat": _concatenation,
    "constant_pad_nd": _padding,
    "slice": _slice,
    "_to_copy": _converted,
    **dict.fromkeys(_NORMALISED, _normalisation),
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    **dict.fromkeys(_POINTWISE, _pointwise),
    **dict.fromkeys(_UNCHANGED, _unchanged),
}

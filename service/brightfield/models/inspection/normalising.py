"""The softmax or sigmoid at a network's end: which calls it is, and the output without them.

A place in a computation is a call, not a module: one `nn.Sigmoid` may gate channels and end the
network. Calls are counted as they come, whether a module, a function, a method or an exported
program makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from brightfield.errors import Unexplainable
from brightfield.models.architecture import Candidates
from brightfield.tensors import Images

Normaliser = Literal["softmax", "log_softmax", "sigmoid", "log_sigmoid"]

_NAMES: Mapping[str, Normaliser] = {
    "softmax": "softmax", "special_softmax": "softmax", "safe_softmax": "softmax",
    "log_softmax": "log_softmax", "special_log_softmax": "log_softmax",
    "sigmoid": "sigmoid", "special_expit": "sigmoid",
    "logsigmoid": "log_sigmoid", "log_sigmoid": "log_sigmoid",
}  # fmt: skip
# Autograd's names of the same.
_NODES: Mapping[str, Normaliser] = {
    "Softmax": "softmax", "SafeSoftmax": "softmax", "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid", "LogSigmoid": "log_sigmoid",
}  # fmt: skip
# What may still follow: values are moved, joined or chosen, and stay what they are.
_MOVING = frozenset((
    "Alias", "AsStrided", "Cat", "Clone", "ConstantPadNd", "Copy", "CopySlices", "Expand", "Flip",
    "Gather", "Index", "IndexSelect", "Permute", "Repeat", "Reshape", "ReshapeAlias", "Roll",
    "Select", "Slice", "Split", "SplitWithSizes", "Squeeze", "Stack", "T", "Take", "ToCopy",
    "Transpose", "Unbind", "UnsafeSplit", "UnsafeView", "Unsqueeze", "View",
))  # fmt: skip
# How far an output that was made again may differ, by dtype.
_COARSE, _FINE = 2e-2, 1e-5


def normaliser(func: Callable[..., Any]) -> Normaliser | None:
    """What a call normalises as; None for all others."""
    return _NAMES.get(getattr(func, "__name__", "").partition(".")[0].strip("_"))


@dataclass(frozen=True, slots=True)
class Cut:
    """The network without some of its normalising calls, by their numbers in a pass.

    `total` is how many there are in one pass, the last ones and others such as gates.
    """

    calls: frozenset[int]
    total: int
    kind: Normaliser

    def __call__(self, module: nn.Module, rows: Images) -> Any:
        """The output. Raises `Unexplainable` for rows that take another way through the network,
        with more or fewer such calls."""
        with _Calls(self.calls) as calls:
            output = module(rows)
        if len(calls.kinds) != self.total:
            raise Unexplainable(
                f"The network calls softmax and sigmoid {len(calls.kinds)} times for this image, "
                f"and {self.total} times when it was loaded, so it isn't known which call is the "
                "last. Leave the last one out of the architecture."
            )
        return output


@dataclass(frozen=True, slots=True)
class Undo:
    """The network with the inverse of an activation after it, which then gives the output again.

    log p for softmax, log p - log(1 - p) for sigmoid: of the first `channels`, default: of all.
    """

    activation: Literal["softmax", "sigmoid"]
    channels: int | None = None

    def __call__(self, module: nn.Module, rows: Images) -> Any:
        return _mapped(self._inverse, module(rows))

    def _inverse(self, values: Tensor) -> Tensor:
        part = values if self.channels is None else values[:, : self.channels]
        part = part.clamp(0, 1)  # rounding may leave the interval
        inverse = part.log() if self.activation == "softmax" else part.logit()
        if self.channels is None:
            return inverse
        return torch.cat([inverse, values[:, self.channels :]], dim=1)


@dataclass(frozen=True, slots=True)
class Paired:
    """One logit z of each image as two: -z of the class that it speaks against, and z.

    The sigmoid of both is 1 - p and p. `of` is the network that gives the logit.
    """

    of: Cut | Undo | None = None

    def __call__(self, module: nn.Module, rows: Images) -> Any:
        logit = run(module, rows, self.of)
        return torch.cat([-logit, logit], dim=1)


Rewrite = Cut | Undo | Paired
"""A network whose output is another one, for the same rows."""


def run(module: nn.Module, rows: Images, rewrite: Rewrite | None) -> Any:
    """The module's output; that of the rewritten network if there is one."""
    return module(rows) if rewrite is None else rewrite(module, rows)


@dataclass(frozen=True, slots=True)
class NormalisingEnd:
    """How a network normalises its output; `cut` leaves that out (None: it can't be left out).

    `named` says that a call does it; else it is known from the output alone.
    """

    kind: Normaliser
    cut: Cut | None
    named: bool = True

    @property
    def words(self) -> str:
        """What the network does, after "The network"."""
        if not self.named:
            logarithms = "logarithms of " if self.kind.startswith("log_") else ""
            return f"puts out {logarithms}probabilities"
        return f"ends in a {self.kind.replace('_', ' ')} of its own"


def normalising_end(module: nn.Module, sample: Images) -> NormalisingEnd | None:
    """The softmax or sigmoid that makes the network's output; None without one.

    Found by running it once: autograd knows which calls the output comes from, if only moved,
    joined or chosen values lie between. A cut is believed only if the call, applied to the cut
    output, gives the network's output again. A network that doesn't run has no end; what is wrong
    with it, its first use says.
    """
    try:
        with repeatable():
            seen, output = _seen(module, sample)
    except Exception:  # a lab's code may raise anything
        return None
    found = _final_calls(seen, output)
    if found is None or not isinstance(scores_of(output), Tensor):
        return None
    kind, calls = found
    if not calls:
        return NormalisingEnd(kind, None)
    cut = Cut(frozenset(calls), len(seen.kinds), kind)
    expected = output_of(module, sample, None)
    holds = same(_mapped(lambda z: applied(kind, z), output_of(module, sample, cut)), expected)
    if holds:
        return NormalisingEnd(kind, cut)
    return NormalisingEnd(kind, None) if seen.differentiable else None


def output_of(module: nn.Module, sample: Images, rewrite: Rewrite | None) -> Any:
    """The output for a sample, with the same random numbers whenever it is called."""
    with repeatable(), torch.inference_mode():
        return run(module, sample.clone(), rewrite)


def applied(kind: Normaliser | Literal["none"], output: Tensor) -> Tensor:
    """The call of a kind on class scores: along axis 1, of candidates along the last one."""
    axis = 2 if output.dim() == 3 else 1
    match kind:
        case "softmax":
            return output.softmax(axis)
        case "log_softmax":
            return output.log_softmax(axis)
        case "sigmoid":
            return output.sigmoid()
        case "log_sigmoid":
            return torch.nn.functional.logsigmoid(output)
        case _:
            return output


def scores_of(output: Any) -> Any:
    """The class scores in an output."""
    return output.logits if isinstance(output, Candidates) else output


def same(first: Any, second: Any) -> bool:
    """Whether two outputs have the same scores, to rounding."""
    one, other = scores_of(first), scores_of(second)
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.shape != other.shape:
        return False
    fine = one.dtype in (torch.float32, torch.float64)
    tolerance = _FINE if fine else _COARSE
    return torch.allclose(one.double(), other.double(), tolerance, tolerance)


def _mapped(function: Callable[[Tensor], Tensor], output: Any) -> Any:
    """The output with the function of its class scores."""
    if isinstance(output, Candidates):
        return output._replace(logits=function(output.logits))
    return function(output) if isinstance(output, Tensor) else output


class _Calls(TorchFunctionMode):
    """While it is open, counts the normalising calls; those of `left_out` hand on their input."""

    def __init__(self, left_out: frozenset[int] = frozenset()) -> None:
        super().__init__()
        self.kinds: list[Normaliser] = []
        self.nodes: list[Any] = []
        self.differentiable = True
        self._left_out = left_out

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        kind = normaliser(func)
        if kind is None:
            return func(*args, **kwargs)
        number = len(self.kinds)
        self.kinds.append(kind)
        if number in self._left_out:
            return _input(args, kwargs)
        outcome = func(*args, **kwargs)
        self.nodes.append(getattr(outcome, "grad_fn", None))
        return outcome


def _input(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
    """What a call would have normalised, in the dtype that it asks for."""
    given: Tensor = args[0] if args else kwargs.get("input", kwargs.get("self"))
    dtype = next((v for v in (*args[1:], *kwargs.values()) if isinstance(v, torch.dtype)), None)
    return given if dtype is None else given.to(dtype)


def _seen(module: nn.Module, sample: Images) -> tuple[_Calls, Any]:
    """The calls of one pass, and its output; with autograd's graph if the network has one."""
    try:
        with torch.enable_grad(), _Calls() as calls:
            output = module(sample.clone().requires_grad_())
    except RuntimeError:  # it refuses autograd
        with torch.inference_mode(), _Calls() as calls:
            output = module(sample.clone())
    scores = scores_of(output)
    calls.differentiable = isinstance(scores, Tensor) and scores.grad_fn is not None
    return calls, output


def _final_calls(seen: _Calls, output: Any) -> tuple[Normaliser, set[int]] | None:
    """What the output is made by, and the numbers of these calls (none: they were not seen).

    None for an output that isn't made by a normaliser alone. Without autograd it is the last call
    that may be the one.
    """
    if not seen.differentiable:
        return (seen.kinds[-1], {len(seen.kinds) - 1}) if seen.kinds else None
    numbers = {node: number for number, node in enumerate(seen.nodes) if node is not None}
    kinds: set[Normaliser] = set()
    calls: set[int] = set()
    unseen = False
    for node in _makers(scores_of(output).grad_fn):
        kind = _NODES.get(_operation(node))
        if kind is None:
            return None
        kinds.add(kind)
        unseen = unseen or node not in numbers
        if node in numbers:
            calls.add(numbers[node])
    if len(kinds) != 1:
        return None
    return kinds.pop(), set() if unseen else calls


def _makers(end: Any) -> Iterator[Any]:
    """The operations in autograd's graph that make the values, behind those that only move them."""
    waiting, known = [end], {end}
    while waiting:
        node = waiting.pop()
        if _operation(node) not in _MOVING:
            yield node
            continue
        before = [source for source, _ in node.next_functions if source is not None]
        waiting.extend(source for source in before if source not in known)
        known.update(before)


def _operation(node: Any) -> str:
    """Such as `Softmax`, of autograd's `SoftmaxBackward0`."""
    name: str = node.name()
    return name.rpartition("::")[2].partition("Backward")[0]


@contextmanager
def repeatable() -> Iterator[None]:
    """Random numbers from one seed; outside, they go on as if nothing had been drawn."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield

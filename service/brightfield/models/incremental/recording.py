"""What a module computes, as the list of tensor operations of one forward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils.weak import WeakTensorKeyDictionary

from brightfield.models.inspection.dispatch_mode import DispatchMode
from brightfield.tensors import Images

INPUT = 0

# Functions of a tensor that hand its values, or its memory, to others, or exchange its memory.
_READ_OUT = frozenset((
    "numpy", "tolist", "__array__", "__dlpack__", "data_ptr", "storage", "untyped_storage",
    "_typed_storage", "__set__",
))  # fmt: skip
# Of a tensor they read the shape alone: what they give depends on no value of it.
_FILLED = frozenset((
    "full_like", "new_full", "new_ones", "new_zeros", "ones_like", "zeros_like",
))  # fmt: skip


class Unrecordable(Exception):
    """The module does something that a list of operations cannot repeat; the text says what."""


@dataclass(frozen=True, slots=True)
class RecordedValue:
    """A tensor that depends on the input, by its number; the input is number 0."""

    number: int


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One functional operation of ATen; a `RecordedValue` among its arguments stands for what was
    computed.

    `outputs` numbers its results (None for what is no tensor), `shapes` and `dtypes` are theirs.
    """

    function: Any
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    outputs: tuple[int | None, ...]
    shapes: tuple[tuple[int, ...] | None, ...]
    dtypes: tuple[torch.dtype | None, ...]

    @property
    def name(self) -> str:
        """Such as `aten.relu`."""
        return str(self.function.overloadpacket)

    @property
    def results(self) -> tuple[tuple[int, tuple[int, ...] | None], ...]:
        """Number and shape of the results that are tensors."""
        pairs = zip(self.outputs, self.shapes, strict=True)
        return tuple((number, shape) for number, shape in pairs if number is not None)

    @property
    def inputs(self) -> tuple[int, ...]:
        """The numbers of the values it reads, in order."""
        leaves = pytree.tree_leaves((self.arguments, dict(self.keywords)))
        return tuple(leaf.number for leaf in leaves if isinstance(leaf, RecordedValue))


@dataclass(frozen=True, slots=True)
class Recording:
    """The calls in order, the tree of `RecordedValue` that the module returned, and the input's
    dtype."""

    calls: tuple[RecordedCall, ...]
    output: Any
    dtype: torch.dtype


def record(
    module: Callable[[Images], Any], sample: Images, *, constants: bool = False
) -> Recording:
    """Run `module` on `sample` once and write down what it does to it.

    Works below the module (on ATen's operations, in this thread only): nothing of the module is
    replaced or hooked, functional calls are seen like modules, and control flow and shapes are
    resolved for the sample's size. Operations in place are written down as functional ones. With
    `constants` a part of the output that doesn't depend on the input stands there as it is.

    Raises `Unrecordable` where the path depends on values, or on chance, where values are read out
    of the library's sight, and where a value is used that was overwritten through a view of it.
    """
    recorder = _Recorder(constants=constants)
    with torch.inference_mode(False), torch.no_grad(), recorder, _ReadingOut(recorder):
        output = recorder.track(module, sample)
    return Recording(tuple(recorder.calls), output, sample.dtype)


class _Recorder(DispatchMode):
    def __init__(self, *, constants: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._constants = constants
        self.calls: list[RecordedCall] = []
        self._numbers: Any = WeakTensorKeyDictionary()
        self._overwritten: dict[int, str] = {}
        self._next = INPUT

    def tracks(self, tensor: Tensor) -> bool:
        """Whether it depends on the input."""
        return tensor in self._numbers

    def track(self, module: Callable[[Images], Any], sample: Images) -> Any:
        """The module's output with values in place of tensors."""
        source = sample.clone(memory_format=torch.preserve_format)
        self._number(source)
        output = module(source)
        return pytree.tree_map(self._output, output)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        with self:  # in inference mode composite operations come here whole
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        if func.overloadpacket.__name__ in _FILLED:
            return func(*args, **kwargs)
        arguments, keywords = pytree.tree_map(self._replaced, (args, kwargs))
        outcome = func(*args, **kwargs)
        leaves = pytree.tree_leaves((arguments, keywords))
        if any(isinstance(leaf, RecordedValue) for leaf in leaves):
            if func._schema.is_mutable and torch.Tag.inplace_view not in func.tags:
                self._overwrite(func, args[0])
            self._note(func, arguments, keywords, outcome)
        return outcome

    def _overwrite(self, function: Any, written: Tensor) -> None:
        """From now on the other views of the same memory are not what was recorded of them."""
        name = function.overloadpacket.__name__
        if written not in self._numbers:
            raise Unrecordable(f"the operation {name} writes into a tensor of the module's own")
        memory = written.untyped_storage()._cdata
        for other, number in list(self._numbers.items()):
            if other is not written and other.untyped_storage()._cdata == memory:
                self._overwritten[number] = name

    def _note(self, function: Any, arguments: Any, keywords: Any, outcome: Any) -> None:
        if _draws(function, arguments, keywords):
            raise Unrecordable("it draws random numbers")
        if _of_unknown_size(function, arguments):
            name = function.overloadpacket.__name__
            raise Unrecordable(f"the size of what {name} gives depends on values")
        results = outcome if isinstance(outcome, tuple | list) else (outcome,)
        if not any(isinstance(result, Tensor) for result in results):
            name = function.overloadpacket.__name__.strip("_")
            raise Unrecordable(f"its path depends on the values that it computes ({name})")
        numbers = tuple(self._number(r) if isinstance(r, Tensor) else None for r in results)
        shapes = tuple(tuple(r.shape) if isinstance(r, Tensor) else None for r in results)
        dtypes = tuple(r.dtype if isinstance(r, Tensor) else None for r in results)
        self.calls.append(
            RecordedCall(_functional(function), tuple(arguments), keywords, numbers, shapes, dtypes)
        )

    def _number(self, tensor: Tensor) -> int:
        number = self._next
        self._numbers[tensor] = number
        self._next += 1
        return number

    def _replaced(self, leaf: Any) -> Any:
        return self._value(leaf) if isinstance(leaf, Tensor) and leaf in self._numbers else leaf

    def _value(self, tensor: Tensor) -> RecordedValue:
        number = self._numbers[tensor]
        if number in self._overwritten:
            raise Unrecordable(
                f"the operation {self._overwritten[number]} writes in place through a view, into "
                "what is used later"
            )
        return RecordedValue(number)

    def _output(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        if leaf not in self._numbers and self._constants:
            return leaf
        if leaf not in self._numbers:
            raise Unrecordable("a part of its output does not depend on the image")
        return self._value(leaf)


class _ReadingOut(TorchFunctionMode):
    """Refuses what hands values of the recorded tensors to something else than the library."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = func.__name__
        given = args[0] if args else None
        if name in _READ_OUT and isinstance(given, Tensor) and self._recorder.tracks(given):
            raise Unrecordable(f"{name.strip('_')} reads out the values that it computes")
        return func(*args, **(kwargs or {}))


def _draws(function: Any, arguments: Any, keywords: Mapping[str, Any]) -> bool:
    """Whether the call draws random numbers; attention does only to drop something."""
    if torch.Tag.nondeterministic_seeded not in function.tags:
        return False
    names = [argument.name for argument in function._schema.arguments]
    given = {**dict(zip(names, arguments, strict=False)), **keywords}
    return "dropout_p" not in names or bool(given.get("dropout_p"))


def _of_unknown_size(function: Any, arguments: Any) -> bool:
    """Whether the size of the result depends on values: not of constant places in an array."""
    if torch.Tag.dynamic_output_shape not in function.tags:
        return False
    chosen = any(isinstance(leaf, RecordedValue) for leaf in pytree.tree_leaves(arguments[1:]))
    return chosen or function.overloadpacket.__name__ != "index"


def _functional(function: Any) -> Any:
    """The operation that returns what `function` writes into its first argument."""
    if not function._schema.is_mutable:
        return function
    namespace, _, name = str(function._schema.name).partition("::")
    packet = getattr(getattr(torch.ops, namespace), name.removesuffix("_"), None)
    overload = getattr(packet, function._overloadname, None)
    if not name.endswith("_") or overload is None:
        raise Unrecordable(f"the operation {name} writes into a tensor that it was given")
    return overload

"""Which place of the image every value in a network stands for, followed through one pass.

Each tensor has coordinates beside it: the image (row of the batch), y and x. What moves values
(views, permutations, windows, rolls, concatenation) moves the coordinates in the same way, what
makes maps (convolutions, poolings, interpolation) makes new ones, and what mixes values (linear
layers, attention) leaves them those of what the result replaces. Therefore nothing is guessed from
shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils import _pytree as pytree
from torch.utils.weak import WeakTensorKeyDictionary

from brightfield.models.inspection import coordinates
from brightfield.models.inspection.coordinates import Coordinates, TensorShape
from brightfield.models.inspection.dispatch_mode import DispatchMode


class TrackedCall(NamedTuple):
    """One call: its name without underscores, its arguments by name, and the shape that its first
    tensor had before."""

    name: str
    function: Callable[..., Any]
    given: dict[str, Any]
    shape: TensorShape


class FollowedPlaces(DispatchMode):
    """While it is open, follows the coordinates of what is computed from `images`.

    `lost` has the names of operations behind which they aren't known.
    """

    def __init__(self, images: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.size = (images.shape[-2], images.shape[-1])
        self.lost: list[str] = []
        self._known: Any = WeakTensorKeyDictionary()
        self._known[images] = coordinates.of_images(images.shape)

    def of(self, values: Tensor) -> Coordinates | None:
        """The coordinates of a tensor; None if they aren't known."""
        found: Coordinates | None = self._known.get(values)
        return found

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        given = bound(func, args, kwargs or {})
        shape = next((tuple(v.shape) for v in args if isinstance(v, Tensor)), ())
        outcome = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.strip("_")
        self._follow(TrackedCall(name, func, given, shape), outcome)
        return outcome

    def _follow(self, call: TrackedCall, outcome: Any) -> None:
        if not any(leaf in self._known for leaf in _tensors(call.given)):
            return
        results = [leaf for leaf in _tensors(outcome) if leaf.numel()]
        if call.name == "copy" and results:
            self._written(call)
            return
        with torch.no_grad():
            found = RULES.get(call.name, _like)(self, call, results)
        for result, places in zip(results, found, strict=False):
            if places is not None:
                self._known[result] = places
            elif result in self._known:
                del self._known[result]
        if results and all(places is None for places in found):
            self.lost.append(call.name)

    def _written(self, call: TrackedCall) -> None:
        """Values copied into a tensor, or into a view of it."""
        target, source = call.given["self"], call.given["src"]
        places = self.of(source)
        if places is None:
            return
        whole = target._base if target._base is not None else target
        self._known[target] = coordinates.broadcast(places, target.shape)
        if whole is not target:
            before = self.of(whole) or coordinates.unknown(whole.dim())
            self._known[whole] = coordinates.written(before, whole, target, places)


Found = Sequence[Coordinates | None]
PlaceRule = Callable[[FollowedPlaces, TrackedCall, Sequence[Tensor]], Found]


def bound(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an operation by their names, defaults left out."""
    names = [argument.name for argument in func._schema.arguments]
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


def _cpu(tree: Any) -> Any:
    return pytree.tree_map_only(Tensor, Tensor.cpu, tree)


def _first(mode: FollowedPlaces, call: TrackedCall) -> Coordinates | None:
    given = call.given.get("self", call.given.get("input"))
    return mode.of(given) if isinstance(given, Tensor) else None


def _like(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    """A function of each value, or what is taken for one: results as large as what is given."""
    known = [(places, leaf) for leaf in _tensors(call.given) if (places := mode.of(leaf))]
    return [_laid_over(known, tuple(result.shape)) for result in results]


def _laid_over(
    known: Sequence[tuple[Coordinates, Tensor]], shape: TensorShape
) -> Coordinates | None:
    fitting = [(places, tuple(leaf.shape)) for places, leaf in known if _fits(leaf.shape, shape)]
    if not fitting or _over(size for _, size in fitting) != shape:
        return None
    return coordinates.laid_over([places for places, _ in fitting], len(shape))


def _over(shapes: Iterable[TensorShape]) -> TensorShape:
    """The shape of what shapes that fit one another broadcast to."""
    return np.broadcast_shapes(*shapes)  # PyTorch's imports 40 MB first


def _fits(shape: Sequence[int], other: Sequence[int]) -> bool:
    """Whether a shape broadcasts to another."""
    pairs = zip(reversed(shape), reversed(other), strict=False)
    return len(shape) <= len(other) and all(a in (1, b) for a, b in pairs)


def _unknown(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    return [None for _ in results]


def _made(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    """New memory of which only the form comes from somewhere."""
    return [coordinates.unknown(result.dim()) for result in results]


def _restrided(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    return [_first(mode, call) if tuple(results[0].shape) == call.shape else None]


def _reshaped(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    places = _first(mode, call)
    return [places and coordinates.reshaped(places, call.shape, tuple(results[0].shape))]


def _reordered(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    """Axes change their order, or an axis of one value comes in: the same of compact ones."""
    places = _first(mode, call)
    rest = {name: value for name, value in call.given.items() if name != "self"}
    reorder = _functional(call.function)
    return [places and coordinates.mapped(lambda field: reorder(field, **rest), places)]


def _functional(function: Any) -> Any:
    if not function._schema.is_mutable:
        return function
    name = str(function._schema.name).partition("::")[2].removesuffix("_")
    return getattr(getattr(torch.ops.aten, name), function._overloadname)


def _squeezed(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    places = _first(mode, call)
    named = call.given.get("dim", range(len(call.shape)))
    axes = [named] if isinstance(named, int) else list(named)
    gone = {axis % len(call.shape) for axis in axes if call.shape[axis] == 1}
    return [places and coordinates.without_axes(places, gone)]


def _expanded(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    places = _first(mode, call)
    return [places and coordinates.laid_over([places], results[0].dim())]


def _along(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    """What takes, cuts or shifts along the axes that it names."""
    places = _first(mode, call)
    if places is None:
        return [None for _ in results]
    axes = _axes(call)
    rest = _cpu({name: value for name, value in call.given.items() if name != "self"})
    parts = [call.function(coordinates.spread(field, call.shape, axes), **rest) for field in places]
    if isinstance(parts[0], Tensor):
        return [coordinates.compact(Coordinates(*parts))]
    return [coordinates.compact(Coordinates(*each)) for each in zip(*parts, strict=True)]


def _axes(call: TrackedCall) -> list[int]:
    """The axes that a call names; those that it leaves out are its defaults."""
    named = call.given.get("dim", call.given.get("dims", call.given.get("dimension", 0)))
    axes = [named] if isinstance(named, int) else list(named)
    if call.name in ("index", "gather", "repeat", "im2col", "take_along_dim") or not axes:
        return list(range(len(call.shape)))
    return [axis % len(call.shape) for axis in axes]


def _joined(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    parts = call.given["tensors"]
    places = [(mode.of(part), tuple(part.shape)) for part in parts if part.numel()]
    axis = call.given.get("dim", 0) % results[0].dim()
    return [coordinates.joined(places, axis, stack=call.name == "stack")]


def _padded(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    """What is put round the values stands for no place."""
    places, pad = _first(mode, call), call.given["pad"]
    if places is None:
        return [None]
    axes = {len(call.shape) - 1 - place // 2 for place, width in enumerate(pad) if width}
    padded = coordinates.mapped(
        lambda field: functional.pad(
            coordinates.spread(field, call.shape, axes), pad, value=torch.nan
        ),
        places,
    )
    return [coordinates.compact(padded)]


def _put(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    """Values in place of others; numbers that come from nowhere leave the places as they are."""
    source = next((name for name in ("src", "source", "values") if name in call.given), "")
    places, other = _first(mode, call), mode.of(call.given[source])
    if places is None or other is None:
        return [places]
    rest = _cpu({n: v for n, v in call.given.items() if n not in ("self", source)})
    put, shape = _functional(call.function), tuple(call.given[source].shape)
    fields = [
        put(field.expand(call.shape), **{source: moved.expand(shape)}, **rest)
        for field, moved in zip(places, other, strict=True)
    ]
    return [coordinates.compact(Coordinates(*fields))]


def _reduced(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    places = _first(mode, call)
    if places is None:
        return [None for _ in results]
    named = call.given.get("dim")
    axes = [named] if isinstance(named, int) else list(named or range(len(call.shape)))
    over = {axis % len(call.shape) for axis in axes} if call.shape else set()
    mean = coordinates.averaged(places, over)
    kept = mean if results[0].dim() == len(call.shape) else coordinates.without_axes(mean, over)
    return [kept for _ in results]


def _product(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    """Of matrices: the places of the first one's rows; if it has none, of the second's columns.

    So a linear layer keeps the places of its tokens, and attention has those of its queries.
    """
    first, second = _factors(call)
    left, right = mode.of(first), mode.of(second)
    if call.name == "linear":
        right = right and coordinates.mapped(lambda field: field.mT, right)
    rows = left and coordinates.averaged(left, {first.dim() - 1})
    columns = right and coordinates.averaged(right, {max(0, second.dim() - 2)})
    if second.dim() == 1:
        rows, columns = rows and coordinates.without_axes(rows, {first.dim() - 1}), None
    return [coordinates.preferred(rows, columns, results[0].dim())]


def _factors(call: TrackedCall) -> tuple[Tensor, Tensor]:
    tensors = [value for value in call.given.values() if isinstance(value, Tensor)]
    start = 1 if call.name.startswith(("add", "badd")) else 0
    return tensors[start], tensors[start + 1]


def _attended(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    query = call.given["query"]
    places = mode.of(query)
    mean = places and coordinates.averaged(places, {query.dim() - 1})
    return [mean, *(None for _ in results[1:])]


def _mapping(mode: FollowedPlaces, call: TrackedCall, results: Sequence[Tensor]) -> Found:
    """What makes maps (..., C, h, w) of maps; along one axis alone, only what keeps its length."""
    given = next(value for value in call.given.values() if isinstance(value, Tensor))
    places, kernel = mode.of(given), call.given.get("weight")
    if places is None:
        return [None for _ in results]
    if isinstance(kernel, Tensor) and kernel.dim() == 3:
        same = results[0].shape[2:] == given.shape[2:]
        return [coordinates.averaged(places, {1}) if same else None]
    sizes = tuple(given.shape), tuple(results[0].shape)
    made = coordinates.remade(places, *sizes, mode.size)
    return [made for _ in results]


_BY_RULE: dict[PlaceRule, tuple[str, ...]] = {
    _reshaped: ("view", "unsafe_view", "reshape", "reshape_alias"),
    _reordered: ("permute", "transpose", "t", "movedim", "unsqueeze", "swapaxes"),
    _squeezed: ("squeeze",),
    _expanded: ("expand", "broadcast_to"),
    _along: (
        "slice", "select", "split", "split_with_sizes", "unsafe_split",
        "unsafe_split_with_sizes", "unbind", "index_select", "unfold", "roll", "flip", "narrow",
        "index", "unsafe_index", "gather", "repeat", "im2col", "take_along_dim",
    ),
    _joined: ("cat", "stack"),
    _padded: ("constant_pad_nd",),
    _put: ("slice_scatter", "select_scatter", "index_copy", "index_put", "index_put_impl"),
    _reduced: (
        "mean", "sum", "nansum", "amax", "amin", "max", "min", "var", "std", "var_mean",
        "std_mean", "logsumexp", "norm", "linalg_vector_norm", "prod", "any", "all", "median",
        "argmax", "argmin",
    ),
    _product: ("mm", "bmm", "addmm", "baddbmm", "matmul", "linear", "mv", "addmv", "mkldnn_linear"),
    _attended: (
        "scaled_dot_product_attention", "scaled_dot_product_attention_math",
        "scaled_dot_product_flash_attention", "scaled_dot_product_flash_attention_for_cpu",
        "scaled_dot_product_efficient_attention", "scaled_dot_product_cudnn_attention",
        "scaled_dot_product_fused_attention_overrideable",
    ),
    _mapping: (
        "convolution", "convolution_overrideable", "conv2d", "mkldnn_convolution",
        "cudnn_convolution", "thnn_conv2d", "conv_depthwise2d", "deform_conv2d", "max_pool2d",
        "max_pool2d_with_indices", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d",
        "fractional_max_pool2d", "max_unpool2d", "upsample_nearest2d", "upsample_bilinear2d",
        "upsample_bicubic2d", "upsample_nearest_exact2d", "upsample_bilinear2d_aa",
        "upsample_bicubic2d_aa", "pixel_shuffle", "pixel_unshuffle", "reflection_pad2d",
        "replication_pad2d", "grid_sampler_2d", "grid_sampler", "max_pool3d_with_indices",
        "avg_pool3d",
    ),
    _unknown: (
        "sort", "argsort", "topk", "nonzero", "fft_r2c", "fft_c2c", "fft_c2r", "bincount",
    ),
    _made: (
        "zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like",
        "new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided",
    ),
    _restrided: ("as_strided",),
}  # fmt: skip
RULES: dict[str, PlaceRule] = {name: rule for rule, names in _BY_RULE.items() for name in names}

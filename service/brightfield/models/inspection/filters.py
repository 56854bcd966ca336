"""The filters of a convolution, read off its weights."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from brightfield.errors import InvalidParameter, UnknownLayer
from brightfield.models.inspection.layers import resolve


@dataclass(frozen=True, slots=True, eq=False)
class FilterBank:
    """`weight` (K, C, h, w), on the module's device: K filters, each with C input slices.

    In a convolution of `groups` groups each filter sees the slices of its own group alone.
    """

    layer: str
    type: str
    weight: Tensor
    groups: int


def filter_bank(module: nn.Module, layer: str | None) -> FilterBank:
    """The filters of the named convolution; None: of the first one, in the order of definition.

    Of a transposed convolution, which stores them the other way round, filters too are those that
    make one output channel each.

    Raises `UnknownLayer` with the nearest names for a layer that is not there, and for a model
    without convolutions; `InvalidParameter` for a layer that is no convolution, naming those
    within it.
    """
    known = [name for name, part in module.named_modules() if name and _convolves(part)]
    if not known:
        raise UnknownLayer("The model has no two-dimensional convolution, so it has no filters.")
    name = known[0] if layer is None else resolve(module, layer).name
    part = module.get_submodule(name)
    if not _convolves(part):
        raise InvalidParameter(
            f"The layer {layer!r} is a {type(part).__name__} and no convolution; "
            f"take {_some([other for other in known if other.startswith(f'{name}.')] or known)}.",
            errors=[{"location": "layer"}],
        )
    weight, groups = part.weight, int(getattr(part, "groups", 1))
    assert isinstance(weight, Tensor)
    if getattr(part, "transposed", False):
        weight = weight.reshape(groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1)
    return FilterBank(name, type(part).__name__, weight.detach(), groups)


def _convolves(part: nn.Module) -> bool:
    """By its own weight, since the parts of an exported program have lost their classes."""
    weight = getattr(part, "weight", None)
    return isinstance(weight, Tensor) and weight.dim() == 4


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" or another of {len(names)}" if len(names) > 5 else "")

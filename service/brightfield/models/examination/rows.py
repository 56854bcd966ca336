"""Whether the images of a batch leave each other's answers alone, and what makes them not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from brightfield.models.examination.differences import dtype_of, numbers, same_numbers
from brightfield.models.examination.samples import SampleImages
from brightfield.tensors import Images

Network = Callable[[Images], Any]


def mixes_rows(
    network: Network, samples: SampleImages, alone: Tensor, together: Any, repeats: bool
) -> bool:
    """Whether the answer to an image depends on those beside it.

    `alone` (B, n) are the outputs of the samples one by one, `together` is that of all of them. The
    first is also run beside images as unlike it as can be, and beside one of NaN, which it must
    not become. Where the network does not repeat itself, only the last one tells.
    """
    image = samples.rows[:1]
    unknown = torch.full_like(image, torch.nan)
    if alone[0].isfinite().all() and _becomes_nan(network, torch.cat([image, unknown])):
        return True
    if not repeats:
        return False
    beside = network(torch.cat([image, samples.neighbours]))
    return not (_unmoved(together, alone, len(alone)) and _unmoved(beside, alone, 1))


def _becomes_nan(network: Network, rows: Images) -> bool:
    try:
        values = numbers(network(rows))
    except Exception:  # an index, or a check of its own, that NaN doesn't pass
        return False
    return values is not None and len(values) == len(rows) and bool(values[0].isnan().any())


def _unmoved(output: Any, alone: Tensor, count: int) -> bool:
    """Whether the first `count` rows of an output are what they are alone."""
    values, dtype = numbers(output), dtype_of(output)
    if values is None:
        return False
    return all(same_numbers(alone[row], values[row], alone, dtype) for row in range(count))


def culprits(module: nn.Module) -> list[str]:
    """Parts that use statistics of the batch, in words; none where it is other code."""
    return [*_without_statistics(module), *_trained_programs(module)]


def _without_statistics(module: nn.Module) -> Iterator[str]:
    for name, part in module.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and (
            part.training or part.running_mean is None
        ):
            yield f"{name or 'the network'} ({type(part).__name__}) has no running statistics"


def _trained_programs(module: nn.Module) -> Iterator[str]:
    """An exported program keeps whether a call was in training, as an argument."""
    nodes = (
        node
        for part in module.modules()
        if isinstance(graph := getattr(part, "graph", None), torch.fx.Graph)
        for node in graph.nodes
    )
    if any(_trains(node) for node in nodes):
        yield "it was exported in train mode: call .eval() before torch.export.export"


def _trains(node: torch.fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return False
    for place, argument in enumerate(schema.arguments):
        given = node.args[place] if place < len(node.args) else node.kwargs.get(argument.name)
        if argument.name in ("training", "train") and given is True:
            return True
    return False

"""What is read of an ONNX graph: its input, and the softmax or sigmoid that it ends in."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from brightfield.errors import InvalidCard
from brightfield.outages import DamagedWeights

_OWN = ("", "ai.onnx")
_EXTERNAL = 1  # onnx.TensorProto.EXTERNAL
_AXES = 4
_ENDS: dict[str, Literal["softmax", "log_softmax", "sigmoid"]] = {
    "Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class End:
    """The normalisation that was taken off a graph's end, which PyTorch does in its place: so it
    is seen, and can be left out of explanations."""

    kind: Literal["softmax", "log_softmax", "sigmoid"]
    axis: int

    def applied(self, values: Tensor) -> Tensor:
        match self.kind:
            case "softmax":
                return values.softmax(self.axis)
            case "log_softmax":
                return values.log_softmax(self.axis)
            case "sigmoid":
                return values.sigmoid()


def input_of(model: Any, file: str, *, whole: bool = True) -> Any:
    """The one input of a graph, which takes images.

    Raises `InvalidCard` for several inputs or one without four axes, and `DamagedWeights` for
    values in other files (unless it need not be `whole`) and for operators that aren't ONNX's own.
    """
    graph = model.graph
    known = {tensor.name for tensor in graph.initializer}
    inputs = [each for each in graph.input if each.name not in known]
    if len(inputs) != 1 or len(inputs[0].type.tensor_type.shape.dim) != _AXES:
        raise InvalidCard(
            f"{file} takes {len(inputs)} inputs; a model takes one batch of images, with four axes."
        )
    if whole and any(map(is_external, graph.initializer)):
        raise DamagedWeights(
            f"{file} keeps its values in another file, which no digest covers. Save it as one "
            "file: `onnx.save(onnx.load(path), path)`, or export it with external_data=False."
        )
    if foreign := sorted({node.domain for node in graph.node} - set(_OWN)):
        raise DamagedWeights(
            f"{file} has operators of {', '.join(foreign)}, which run no code of ONNX; export it "
            "with ONNX's own operators."
        )
    return inputs[0]


def is_external(tensor: Any) -> bool:
    """Whether a tensor's values lie in another file."""
    return bool(tensor.data_location == _EXTERNAL)


def end_of(model: Any) -> End | None:
    """Takes a softmax or sigmoid off the end of a graph with one output, and says which it was.

    Before opset 13 a softmax flattened all axes from its own on; such a one stays if there are any.
    """
    graph = model.graph
    if len(graph.output) != 1:
        return None
    (output,) = graph.output
    makers = {name: node for node in graph.node for name in node.output}
    last = makers.get(output.name)
    rank = len(output.type.tensor_type.shape.dim)
    if last is None or last.op_type not in _ENDS or not rank:
        return None
    version = next((each.version for each in model.opset_import if each.domain in _OWN), 1)
    default = -1 if version >= 13 else 1
    axis = next((each.i for each in last.attribute if each.name == "axis"), default) % rank
    if version < 13 and last.op_type != "Sigmoid" and axis != rank - 1:
        return None
    source = last.input[0]
    if source not in makers:
        return None
    graph.node.remove(last)
    # The name of the output stays, so whoever makes its value makes it under that name.
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == source:
                    names[place] = output.name
    return End(_ENDS[last.op_type], axis)


def unshared(model: Any) -> Any:
    """A copy in which no initializer goes through an Identity, as exports share equal weights."""
    model = copy.deepcopy(model)
    graph = model.graph
    known = {tensor.name for tensor in graph.initializer}
    aliases = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Identity" and node.input[0] in known
    }
    outputs = {output.name for output in graph.output}
    for node in [node for node in graph.node if node.output[0] in aliases.keys() - outputs]:
        graph.node.remove(node)
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name in aliases and name not in outputs:
                node.input[place] = aliases[name]
    return model

"""What the methods on a transformer's attention share: a value for each token with a place."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import torch

from brightfield.explain.kinds.class_activation import enlarged
from brightfield.explain.kinds.saliency_method import SaliencyMethod
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.method import Step
from brightfield.explain.probing.probe import Probe
from brightfield.images.picture import Note
from brightfield.models.attention.flow import HeadFusion
from brightfield.tensors import Images


class AttentionMap(SaliencyMethod):
    """A method that follows attention from the tokens that the score is read from to those that
    stand for places of the image.

    The class token alone, or the mean over all tokens that the score depends on behind the last
    layer. Class, distillation and register tokens have no place, and aren't shown. The places
    are resized to the model's input bilinearly.
    """

    notes: ClassVar[tuple[Note, ...]] = ()

    @property
    @abstractmethod
    def fusion(self) -> HeadFusion | None:
        """How heads are fused; None: by the gradients of the score."""

    @abstractmethod
    def followed(self, matrices: torch.Tensor) -> torch.Tensor:
        """(N, N) from the matrices (L, N, N) of the layers: what reaches each token (rows) of each
        token of the input (columns)."""

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        found = probe.attention(images, self.fusion)
        reached = found.read[0].double() @ self.followed(found.matrices[0].double())
        coarse = reached[found.places[0]]
        result = saliency_map(
            self.name,
            probe,
            enlarged(coarse.float(), images),
            signed=False,
            layers=len(found.matrices[0]),
            layer_size=list(coarse.shape),
            tokens=len(reached),
            read_from=int((found.read[0] > 0).sum()),
        )
        yield Step(1, 1, result=result.stating(*self.notes, *_mixed(int(found.mixed[0]))))


def _mixed(layer: int) -> tuple[Note, ...]:
    if layer < 0:
        return ()
    return (
        Note(
            "tokens_mixed",
            f"After attention layer {layer} the model mixes tokens by something else than "
            "attention (a convolution, pooling), which the map leaves out.",
        ),
    )

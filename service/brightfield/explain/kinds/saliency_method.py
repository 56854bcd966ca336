"""What the methods of /saliency share: a map per image, and an object cut out by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from brightfield.explain.maps.saliency_map import SaliencyMap
from brightfield.explain.method import Method, Step
from brightfield.explain.probing.probe import Probe
from brightfield.images.grabcut import grabcut
from brightfield.images.picture import Note
from brightfield.tensors import Images


class SaliencyMethod(Method):
    """A method that gives one value per pixel for one score."""

    mask: Literal["grabcut"] | None = None
    """Also cut out the object that the map points to: `grabcut` on the image's colours, seeded by
    the map's highest and lowest values."""

    def __call__(self, probe: Probe, images: Images) -> Iterator[Step]:
        for step in super().__call__(probe, images):
            if self.mask is None or step.result is None:
                yield step
            else:
                assert isinstance(step.result, SaliencyMap)
                yield replace(step, result=_with_mask(step.result, probe))


def _with_mask(result: SaliencyMap, probe: Probe) -> SaliencyMap:
    heat = result.heat()
    mask = grabcut(probe.picture(), heat)
    masked = replace(result, masked=True, mask=mask)
    if mask is not None:
        return masked
    return masked.stating(
        Note(
            "no_mask",
            "The map is constant or the image too small, so GrabCut has no seeds and there is no "
            "mask.",
        )
    )

"""RISE: the mean score over random masks, by what each pixel has to do with it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from brightfield.explain.kinds.perturbation import Perturbation
from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.maps.rise_map import RiseMap
from brightfield.explain.method import Step
from brightfield.explain.probing.baselines import baseline_images
from brightfield.explain.probing.probe import Probe
from brightfield.results import array_json
from brightfield.tensors import Images, chunked

# Maps on the way are large; so many are shown.
_PARTIALS = 20


class Rise(Perturbation):
    """sum over i of score(x under mask i) * M_i / sum over i of M_i, for random masks M in [0, 1].

    A mask is a grid of cells, each open with probability p, enlarged bilinearly and shifted at
    random by less than a cell; x under M is M x + (1 - M) baseline. The value of a pixel is the
    mean score while it can be seen; above `mean_score` it supports the target. The same seed
    gives the same masks, whatever the batch size. Source: Petsiuk, Das and Saenko 2018.
    """

    result: ClassVar[type[Explanation]] = RiseMap

    masks: Annotated[int, Field(ge=1, le=100_000)] = 4000
    """Random masks."""
    cells: Annotated[int, Field(ge=1, le=100)] = 7
    """Cells of a mask along each side of the input."""
    p: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Probability that a cell is open."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the masks."""

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        fill = baseline_images(self.baseline, images, probe.card.input)
        (base,) = probe.scores([images])
        sums = _Sums(len(probe.targets), tuple(images.shape[-2:]))
        waiting: deque[torch.Tensor] = deque()  # masks, until their scores are there
        mixed = self._mixed(images, fill, waiting)
        every = math.ceil(self.masks / _PARTIALS)
        for scores in probe.scores(chunked(mixed, probe.chunk())):
            before = sums.done
            for row in scores.double().numpy():
                sums.add(row, waiting.popleft().numpy())
            if sums.done < self.masks:
                partial = self._partial(sums) if sums.done // every > before // every else None
                yield Step(sums.done, self.masks, partial)
        result = RiseMap(
            probe.targets,
            base[0].double().numpy(),
            sums.maps().astype(np.float32),
            probe.geometry,
            sums.mean,
            self._facts(probe),
        )
        yield Step(self.masks, self.masks, result=result)

    def _mixed(
        self, images: Images, fill: Images, waiting: deque[torch.Tensor]
    ) -> Iterator[torch.Tensor]:
        """The image under one mask after the other, each of which is put to the waiting ones."""
        for mask in random_masks(images, self.masks, self.cells, self.p, self.seed):
            waiting.append(mask)
            yield torch.lerp(fill[0], images[0], mask)

    def _partial(self, sums: _Sums) -> dict[str, Any]:
        """The maps (T, h, w) so far, on the model's input grid."""
        return {"masks": sums.done, "map": array_json(sums.maps().astype(np.float32))}

    def _facts(self, probe: Probe) -> dict[str, Any]:
        stated = self.model_dump(include={"masks", "cells", "p", "seed", "baseline", "output"})
        return {
            "method": self.name,
            **stated,
            "sign": "mean score while visible",
            "aggregation": "weighted by the masks, divided by their coverage",
            "forwards": self.masks + 1,
        }


class _Sums:
    """Sums over masks in float64, one mask at a time, so that chunks do not show."""

    def __init__(self, targets: int, size: tuple[int, ...]) -> None:
        self.done = 0
        self._scores = np.zeros(targets)
        self._weighed = np.zeros((targets, *size))
        self._covered = np.zeros(size)

    def add(self, scores: NDArray[np.float64], mask: NDArray[np.float64]) -> None:
        """One mask (h, w) and the scores (T,) under it."""
        self.done += 1
        self._scores += scores
        self._covered += mask
        for index, score in enumerate(scores):
            self._weighed[index] += score * mask

    @property
    def mean(self) -> NDArray[np.float64]:
        """(T,): the mean score over all masks."""
        return self._scores / self.done

    def maps(self) -> NDArray[np.float64]:
        """(T, h, w); a pixel that no mask has shown has the mean score."""
        unseen = np.broadcast_to(self.mean[:, None, None], self._weighed.shape).copy()
        np.divide(self._weighed, self._covered, out=unseen, where=self._covered > 0)
        return unseen


def random_masks(
    images: Images, count: int, cells: int, p: float, seed: int
) -> Iterator[torch.Tensor]:
    """Masks (h, w) in [0, 1] for `images` (1, C, h, w), one after the other from one generator."""
    height, width = images.shape[-2:]
    cell = math.ceil(height / cells), math.ceil(width / cells)
    size = (cells + 1) * cell[0], (cells + 1) * cell[1]
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        grid = (torch.rand(cells, cells, generator=generator) < p).to(images.dtype)
        y, x = (int(torch.randint(side, (), generator=generator)) for side in cell)
        enlarged = torch.nn.functional.interpolate(
            grid[None, None], size=size, mode="bilinear", align_corners=False
        )
        yield enlarged[0, 0, y : y + height, x : x + width]

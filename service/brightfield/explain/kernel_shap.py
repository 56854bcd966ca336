"""KernelSHAP: how much of the score each region of the image accounts for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from brightfield.errors import InvalidParameter, UnknownTarget
from brightfield.explain.kinds.perturbation import Perturbation
from brightfield.explain.maps.explanation import Explanation
from brightfield.explain.maps.region_values import RegionValues
from brightfield.explain.method import Step
from brightfield.explain.probing.baselines import baseline_images
from brightfield.explain.probing.probe import Probe
from brightfield.explain.regions import partitions
from brightfield.explain.regions.regions import MOST_REGIONS, Regions
from brightfield.explain.shapley.coalitions import CoalitionPlan, least_samples, planned
from brightfield.explain.shapley.values import ShapleyValues, fitted, shapley_values
from brightfield.images.labels import Labels
from brightfield.images.picture import Note
from brightfield.images.shapes import Shapes
from brightfield.parameters import ObjectIds
from brightfield.tensors import Images, chunked
from brightfield.work import Companion

# Values on the way are shown so often.
_PARTIALS = 20
# A standard error above this part of the greatest value leaves the order of regions open.
_MOST_ERROR = 0.1

RegionKind = Literal["grid", "slic", "objects", "shapes"]
# Which parameters belong to which kind of regions.
_OF_KIND = {
    "rows": "grid", "columns": "grid", "segments": "slic", "compactness": "slic",
    "segmenter": "objects", "only": "objects", "shapes": "shapes",
}  # fmt: skip


class KernelShap(Perturbation):
    """Shapley values of regions: score(visible regions) shared out fairly among them.

    phi_j = sum over sets S without j of |S|! (n - |S| - 1)! / n! (v(S + j) - v(S)), with v(S) the
    score while only the regions S are visible. Positive means that the region supports the target;
    all values sum to score(image) - score(all regions hidden). Exact where `samples` is enough for
    all 2^n sets; else by weighted least squares, with standard errors. Sources: Lundberg and Lee
    2017; Covert and Lee 2021.
    """

    result: ClassVar[type[Explanation]] = RegionValues

    regions: RegionKind = "grid"
    """What is weighed: cells of a `grid`, superpixels (`slic`), the `objects` that /segment finds,
    or your own `shapes`; at most 64."""
    rows: Annotated[int, Field(ge=1, le=MOST_REGIONS)] = 4
    """Rows of the grid."""
    columns: Annotated[int, Field(ge=1, le=MOST_REGIONS)] = 4
    """Columns of the grid."""
    segments: Annotated[int, Field(ge=2, le=MOST_REGIONS)] = 32
    """About how many superpixels there shall be."""
    compactness: Annotated[float, Field(gt=0, le=1000)] = 10.0
    """How square superpixels are against how uniform; ten times more is much more square."""
    segmenter: str | None = None
    """The model that finds the objects, as at /segment. Default: that of /segment."""
    only: ObjectIds | None = None
    """Only these objects are regions, by their ids at /segment. Default: all."""
    shapes: Shapes | None = None
    """Your own regions in image pixels, with | between them: x,y,width,height, or the corners of a
    polygon x,y;x,y;x,y."""
    rest: Literal["visible", "region"] = "visible"
    """What becomes of pixels outside all regions: always `visible`, or one more `region`."""
    samples: Annotated[int, Field(ge=2, le=100_000)] = 1024
    """The most sets of visible regions whose scores are taken, the image and nothing counted."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of the sets that are drawn."""

    @model_validator(mode="after")
    def _parameters_of_the_kind(self) -> Self:
        for name, kind in _OF_KIND.items():
            if name in self.changed and self.regions != kind:
                raise ValueError(f"{name} goes with regions={kind}")
        if self.regions == "shapes" and self.shapes is None:
            raise ValueError("regions=shapes needs `shapes`")
        if self.rows * self.columns > MOST_REGIONS:
            raise ValueError(f"a grid has at most {MOST_REGIONS} cells")
        return self

    @property
    def companion(self) -> Companion | None:
        if self.regions != "objects":
            return None
        return Companion("segment", "segmenter", self.segmenter, {"mode": "instance"})

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        labels, notes = self._labels(probe, images)
        regions = Regions.of(labels, rest=self.rest == "region")
        plan = self._plan(len(regions))
        fill = baseline_images(self.baseline, images, probe.card.input)
        nothing = _mixed(images, fill, regions, np.zeros(len(regions), np.bool_))
        (ends,) = probe.scores([torch.stack([images[0], nothing])])
        base, empty = ends.double().numpy()
        scores = np.full((len(plan.members), len(base)), np.nan)
        total = len(scores) + 2
        order = np.random.default_rng(self.seed).permutation(len(scores))
        mixed = (_mixed(images, fill, regions, plan.members[place]) for place in order)
        done, every = 0, math.ceil(total / _PARTIALS)
        for part in probe.scores(chunked(mixed, probe.chunk())):
            scores[order[done : done + len(part)]] = part.double().numpy()
            before, done = done, done + len(part)
            if done < len(scores):
                shown = done // every > before // every
                known = order[:done]
                partial = _partial(plan, known, scores, empty, base) if shown else None
                yield Step(done + 2, total, partial)
        found = shapley_values(plan, scores, empty, base)
        facts = self._facts(plan, total)
        result = RegionValues(
            probe.targets, base, empty, found, regions, probe.geometry, facts, notes
        )
        yield Step(total, total, result=result.stating(*_doubts(found)))

    def _plan(self, regions: int) -> CoalitionPlan:
        least = least_samples(regions)
        if self.samples < least:
            raise InvalidParameter(
                f"{self.samples} samples are too few for {regions} regions; give samples={least} "
                "or more.",
                errors=[{"location": "samples", "expected": f"{least} or more"}],
            )
        return planned(regions, self.samples, self.seed)

    def _labels(self, probe: Probe, images: Images) -> tuple[Labels, tuple[Note, ...]]:
        """Which pixel of the input belongs to which region."""
        match self.regions:
            case "slic":
                spec = probe.card.input
                return partitions.superpixels(images, spec, self.segments, self.compactness), ()
            case "shapes":
                assert self.shapes is not None
                labels = partitions.outlined(self.shapes, probe.geometry)
                return labels, _unseen(range(1, len(self.shapes) + 1), labels)
            case "objects":
                return self._objects(probe)
            case _:
                return partitions.grid(probe.geometry.input_size, self.rows, self.columns), ()

    def _objects(self, probe: Probe) -> tuple[Labels, tuple[Note, ...]]:
        found = probe.objects()
        there = np.unique(found[found > 0]).tolist()
        missing = sorted({*(self.only or ())} - {*there})
        if missing:
            raise UnknownTarget(
                f"/segment finds no object {missing[0]} in the image; it has {len(there)}, and "
                "/segment?mode=instance shows their ids."
            )
        if self.only is not None:
            found = np.where(np.isin(found, self.only), found, 0)
        labels = partitions.on_input(found, probe.geometry)
        return labels, _unseen(there if self.only is None else self.only, labels)

    def _facts(self, plan: CoalitionPlan, total: int) -> dict[str, Any]:
        stated = {"regions", "rest", "samples", "seed", "baseline", "output"}
        own = {name for name, kind in _OF_KIND.items() if kind == self.regions} - {"shapes"}
        return {
            "method": self.name,
            **self.model_dump(include=stated | own),
            "exact": plan.exact,
            "sign": "positive supports the target",
            "aggregation": "Shapley value of the pixel's region",
            "forwards": total,
        }


def _mixed(
    images: Images, fill: Images, regions: Regions, members: NDArray[np.bool_]
) -> torch.Tensor:
    """(C, h, w): the image where only these regions are visible."""
    return torch.where(torch.from_numpy(regions.shown(members)), images[0], fill[0])


def _partial(
    plan: CoalitionPlan,
    known: NDArray[np.int64],
    scores: NDArray[np.float64],
    empty: NDArray[np.float64],
    base: NDArray[np.float64],
) -> dict[str, Any]:
    """The values (T, n) by the sets whose scores are known so far."""
    values = fitted(plan.members[known], plan.weights[known], scores[known], empty, base)
    return {"samples": len(known) + 2, "values": values.tolist()}


def _unseen(numbers: Any, labels: Labels) -> tuple[Note, ...]:
    seen = np.unique(labels)
    unseen = [number for number in numbers if number not in seen]
    if not unseen:
        return ()
    listed = ", ".join(map(str, unseen[:10])) + (", ..." if len(unseen) > 10 else "")
    return (
        Note(
            "regions_unseen",
            f"The model's input shows no pixel of {len(unseen)} regions ({listed}), which aren't "
            "weighed: they lie outside it, are smaller than its pixels, or lie under others.",
        ),
    )


def _doubts(found: ShapleyValues) -> list[Note]:
    """What is to be known where too few sets were drawn."""
    if found.errors is None:
        return []
    share = found.errors.max(axis=1) / np.maximum(abs(found.values).max(axis=1), 1e-300)
    if not (share > _MOST_ERROR).any():
        return []
    return [
        Note(
            "uncertain_values",
            f"The greatest standard error is {100 * share.max():.0f} % of the greatest value, so "
            "the order of the regions isn't certain; raise `samples`, or use fewer regions.",
        )
    ]

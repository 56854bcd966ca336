"""t-SNE: a map on which neighbours stay neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import scipy
from joblib import cpu_count
from numpy.typing import NDArray
from pydantic import Field

from brightfield.embedding.copies import Dtype, first_equal
from brightfield.embedding.divergence import divergence
from brightfield.embedding.principal import Components, principal_components
from brightfield.embedding.projections.projection import Fitted, Projection
from brightfield.embedding.vectors import Points, Vectors
from brightfield.errors import InvalidParameter
from brightfield.progress import Progress, Step

if TYPE_CHECKING:
    from openTSNE import TSNEEmbedding

    from brightfield.embedding.affinities import VectorAffinities

_PERPLEXITY = 30.0
_EARLY, _EXAGGERATION = 250, 12.0
_FEW_STEPS, _MANY_STEPS = 500, 750
_EVERY = 25
# Spread of the first coordinate at the start, and by how much of it copies begin beside each other.
_START, _BESIDE = 1e-4, 0.01
# Points that are looked at for `min_gain`.
_WATCHED = 1000
# Points from which steps are many, and forces interpolated on a grid, which two dimensions alone
# allow.
_LARGE = 10_000
# Points from which threads are worth their waiting for each other.
_SHARED = 1000
# The perplexity of what moves new points.
_PLACING_PERPLEXITY = 5.0


class Tsne(Projection):
    """t-SNE by openTSNE. Neighbourhoods are kept; distances between groups and the sizes of groups
    mean little. New items move among points that don't. (van der Maaten and Hinton 2008;
    Policar, Strazar and Zupan 2019)"""

    title: ClassVar[str] = "t-SNE"
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "openTSNE", "scikit-learn")

    perplexity: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    """About how many neighbours count, at most a third of the items. Default: 30, or that third if
    it is less."""
    iterations: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Steps after the 250 of early exaggeration. Default: 500, or 750 from 10,000 items on, which
    take longer to settle."""
    components: Annotated[int, Field(ge=0, le=1000)] = 256
    """Principal components to which longer vectors are reduced first; 0: no reduction. Fewer are
    faster, but the usual 50 lose neighbours of vectors with many independent features."""
    min_gain: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Stop early when 25 steps lower the divergence by less than this fraction; 0: never."""

    def check(self, vectors: Vectors) -> None:
        super().check(vectors)
        if 0 < self.components < self.dimensions:
            raise InvalidParameter(
                f"{self.components} components have no map of {self.dimensions} dimensions; ask "
                "for more, or for 0, which reduces nothing.",
                errors=[{"location": "components", "received": self.components}],
            )
        most = len(vectors) / 3
        if self.perplexity is not None and self.perplexity > most:
            raise InvalidParameter(
                f"A perplexity of {self.perplexity:g} is more than a third of the {len(vectors)} "
                f"items; lower it to {int(most)} or less, or add items.",
                errors=[
                    {
                        "location": "perplexity",
                        "expected": f"at most {most:.1f}",
                        "received": self.perplexity,
                    }
                ],
            )

    def fit(self, vectors: Vectors, progress: Progress, dtype: Dtype = "float32") -> Fitted:
        from brightfield.embedding.affinities import VectorAffinities, likeness_of

        self.check(vectors)
        perplexity = self.perplexity or min(_PERPLEXITY, len(vectors) / 3)
        further = self.iterations or (_MANY_STEPS if len(vectors) >= _LARGE else _FEW_STEPS)
        total = _EARLY + further
        progress(Step(0, total))
        first = first_equal(vectors)
        reduction = self._reduction(vectors, dtype)
        reduced = vectors if reduction is None else reduction.project(vectors)[first]
        likeness = likeness_of(reduced.astype(np.float32), first, perplexity, progress)
        map_ = self._embedding(
            self._start(vectors, first, dtype), VectorAffinities(reduced, likeness)
        )
        watch = _Watch(progress, total, self.min_gain, map_)
        self._optimize(map_, further, watch)
        progress(Step(total, total))
        arrays = {} if reduction is None else {
            "mean": reduction.mean, "components": reduction.components
        }  # fmt: skip
        facts = {
            "perplexity": perplexity,
            "kl_divergence": divergence(
                likeness, np.asarray(map_, np.float64), seed=self.seed, progress=progress
            ),
            "iterations": watch.stopped or total,
        }
        return Fitted(np.asarray(map_, np.float32), arrays, facts)

    @staticmethod
    def about(facts: Mapping[str, Any]) -> str:
        return f"perplexity {facts['perplexity']:g}"

    def place(self, fitted: Fitted, vectors: Vectors, new: Vectors, progress: Progress) -> Points:
        from brightfield.embedding.affinities import PLACING, VectorAffinities

        progress(Step(0, 1))
        arrays = fitted.arrays
        if "mean" in arrays:
            vectors, new = (
                (some - arrays["mean"]) @ arrays["components"].T for some in (vectors, new)
            )
        affinities = VectorAffinities(
            vectors, scipy.sparse.csr_matrix((len(vectors), len(vectors)))
        )
        map_ = self._embedding(fitted.points.astype(np.float64), affinities)
        perplexity = min(_PLACING_PERPLEXITY, len(vectors) / 3)
        placed = map_.transform(
            new, perplexity=perplexity, k=min(PLACING, len(vectors)), initialization="median"
        )
        return np.asarray(placed, np.float32)

    def _optimize(self, map_: TSNEEmbedding, further: int, watch: _Watch) -> None:
        options = {"inplace": True, "callbacks": watch, "callbacks_every_iters": _EVERY}
        map_.optimize(_EARLY, exaggeration=_EXAGGERATION, **options)
        watch.enter(_EARLY)
        map_.optimize(further, **options)

    def _reduction(self, vectors: Vectors, dtype: Dtype) -> Components | None:
        if not 0 < self.components < min(vectors.shape):
            return None
        return principal_components(vectors, self.components, self.seed, dtype)

    def _start(
        self, vectors: Vectors, first: NDArray[np.int64], dtype: Dtype
    ) -> NDArray[np.float64]:
        """The principal components, made small (Kobak and Berens 2019). Points at the same place
        would never part, so copies begin a little beside it."""
        found = principal_components(vectors, self.dimensions, self.seed, dtype)
        start = found.project(vectors).astype(np.float64)[first]
        start *= _START / max(float(start[:, 0].std()), np.finfo(float).tiny)
        beside = np.random.default_rng(self.seed).normal(0, _START * _BESIDE, start.shape)
        copies = first != np.arange(len(first))
        start[copies] += beside[copies]
        return start

    def _embedding(
        self, points: NDArray[np.float64], affinities: VectorAffinities
    ) -> TSNEEmbedding:
        from openTSNE import TSNEEmbedding  # large, and slow to import

        grid = self.dimensions == 2 and len(points) >= _LARGE
        method = "fft" if grid else "bh"
        # Each thread sums up for points of its own, so their number does not change the map.
        return TSNEEmbedding(
            points,
            affinities,
            negative_gradient_method=method,
            n_jobs=cpu_count() if len(points) >= _SHARED else 1,
            random_state=self.seed,
        )


class _Watch:
    """Reports how far the map is, and ends it where nothing is gained any more."""

    def __init__(
        self, progress: Progress, total: int, min_gain: float, map_: TSNEEmbedding
    ) -> None:
        self._progress, self._total, self._min_gain, self._map = progress, total, min_gain, map_
        self._begun = 0
        self._last = float("inf")
        self.stopped: int | None = None

    def enter(self, begun: int) -> None:
        """The steps after exaggeration begin: from here the divergence is comparable."""
        self._begun = begun

    def __call__(self, iteration: int, estimate: float, points: Any) -> bool:
        done = self._begun + iteration
        self._progress(Step(done, self._total))
        if self._begun and self._min_gain:
            self._stop_if_settled(done, np.asarray(points, np.float64))
        return self.stopped is not None

    def _stop_if_settled(self, done: int, points: NDArray[np.float64]) -> None:
        """Not by openTSNE's own divergence, which leaves out points at the same place."""
        now = divergence(self._map.affinities.P, points, sample=_WATCHED)
        if self._last - now < self._min_gain * self._last:
            self.stopped = done
        self._last = now

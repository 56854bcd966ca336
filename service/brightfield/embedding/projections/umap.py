"""UMAP: a map of neighbourhoods that keeps more of the distances between groups."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from brightfield.embedding.copies import Dtype
from brightfield.embedding.principal import principal_components
from brightfield.embedding.projections.projection import Fitted, Projection
from brightfield.embedding.vectors import Points, Vectors
from brightfield.errors import InvalidParameter
from brightfield.outages import MissingPackage, ModelFailed
from brightfield.progress import Progress, Step

# Largest coordinate at the start, and the spread of the noise in it, as in UMAP.
_SPAN, _NOISE = 10.0, 1e-4
_LOOK = 0.2  # seconds between two looks at whether anybody still waits

# Runs in a process of its own: it compiles itself, takes all cores, and can be ended at any moment.
# Its standard input ends with the service, even when that is killed; then nobody waits for the map.
_PROGRAM = """
import json, os, shutil, sys, threading
import numpy as np
folder = sys.argv[1]

def watch():
    sys.stdin.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)

threading.Thread(target=watch, daemon=True).start()
import umap
options = json.load(open(f"{folder}/options.json"))
start = np.load(f"{folder}/start.npy")
points = umap.UMAP(init=start, **options).fit_transform(np.load(f"{folder}/vectors.npy"))
np.save(f"{folder}/points.npy", np.asarray(points, np.float32))
"""


class Umap(Projection):
    """UMAP by umap-learn, from the extra `umap`. A new item is placed at the mean of its
    neighbours' points, weighted by 1 / distance. (McInnes, Healy and Melville 2018)"""

    title: ClassVar[str] = "UMAP"
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "umap-learn")

    neighbors: Annotated[int, Field(ge=2, le=1000)] = 15
    """Size of a neighbourhood; smaller ones show finer groups."""
    min_dist: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Smallest distance between points on the map."""

    @staticmethod
    def about(facts: Mapping[str, Any]) -> str:
        return f"{facts['parameters']['neighbors']} neighbours"

    def check(self, vectors: Vectors) -> None:
        super().check(vectors)
        if self.neighbors >= len(vectors):
            raise InvalidParameter(
                f"neighbors={self.neighbors} needs more than the {len(vectors)} items; lower it "
                f"to {len(vectors) - 1} or less.",
                errors=[{"location": "neighbors", "received": self.neighbors}],
            )
        if find_spec("umap") is None:
            raise MissingPackage(
                "UMAP is not installed; run `pip install 'brightfield[umap]'` where the service "
                "runs, or take tsne."
            )

    def fit(self, vectors: Vectors, progress: Progress, dtype: Dtype = "float32") -> Fitted:
        self.check(vectors)
        progress(Step(0, 1))
        options = {
            "n_components": self.dimensions,
            "n_neighbors": self.neighbors,
            "min_dist": self.min_dist,
            "random_state": self.seed,
            "n_jobs": 1,
        }
        with TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "options.json").write_text(json.dumps(options))
            np.save(folder / "vectors.npy", vectors)
            np.save(folder / "start.npy", self._start(vectors, dtype))
            _run(folder, progress)
            points = np.load(folder / "points.npy")
        progress(Step(1, 1))
        return Fitted(points)

    def _start(self, vectors: Vectors, dtype: Dtype) -> Points:
        """The principal components, as wide as UMAP makes its own start, and a little noise, which
        parts copies. UMAP's own start, the spectrum of the neighbourhoods, isn't the same twice
        where they fall into islands. (Kobak and Linderman 2021)"""
        found = principal_components(vectors, self.dimensions, self.seed, dtype)
        start = found.project(vectors)
        start *= _SPAN / max(float(np.abs(start).max()), float(np.finfo(np.float32).tiny))
        noise = np.random.default_rng(self.seed).normal(0, _NOISE, start.shape)
        return np.asarray(start + noise, np.float32)

    def place(self, fitted: Fitted, vectors: Vectors, new: Vectors, progress: Progress) -> Points:
        from sklearn.neighbors import NearestNeighbors  # large, and slow to import

        progress(Step(0, 1))
        count = min(self.neighbors, len(vectors))  # items of the map may have been deleted
        index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(vectors)
        distances, rows = index.kneighbors(new)
        weights = 1 / np.maximum(distances, 1e-12)
        weights /= weights.sum(axis=1, keepdims=True)
        placed = np.einsum("ij,ijk->ik", weights, fitted.points[rows])
        return np.asarray(placed, np.float32)


def _run(folder: Path, progress: Progress) -> None:
    """Wait for the process, and end it where `step` raises. Raises `ModelFailed`."""
    command = [sys.executable, "-c", _PROGRAM, str(folder)]
    with (
        _lifeline() as end,
        subprocess.Popen(command, stdin=end, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            while True:
                try:
                    _, said = process.communicate(timeout=_LOOK)
                    break
                except subprocess.TimeoutExpired:
                    progress(Step(0, 1))
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        last = said.strip().rpartition("\n")[2].rstrip(".") or f"it ended with {process.returncode}"
        raise ModelFailed(f"UMAP could not make a map of these vectors: {last[:200]}.")


@contextmanager
def _lifeline() -> Iterator[int]:
    """A pipe's end that can be read to its end once the block, or this whole process, is over."""
    read, write = os.pipe()
    try:
        yield read
    finally:
        os.close(write)
        os.close(read)

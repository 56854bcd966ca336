from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import pytest

from brightfield.embedding.projections.projection import Fitted
from brightfield.embedding.projections.umap import Umap
from brightfield.errors import Cancelled
from brightfield.progress import Step, no_progress

INSTALLED = pytest.mark.skipif(find_spec("umap") is None, reason="umap-learn is not installed")
DATA = np.random.default_rng(0).normal(0, 1, (60, 8)).astype(np.float32)

_SERVICE = """
import numpy as np
from brightfield.embedding.projections.umap import Umap
from brightfield.progress import no_progress
Umap().fit(np.random.default_rng(0).normal(0, 1, (60, 8)).astype(np.float32), no_progress)
"""


@INSTALLED
@pytest.mark.slow
def test_the_fewest_vectors_have_a_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # compiling takes longer than three vectors
    made = Umap(neighbors=2).fit(DATA[:3], no_progress)
    assert made.points.shape == (3, 2) and np.isfinite(made.points).all()


def test_a_new_item_is_placed_among_fewer_than_the_neighbours() -> None:
    corners = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
    placed = Umap().place(
        Fitted(corners), np.eye(3, 8, dtype=np.float32), DATA[:1] * 0, no_progress
    )
    np.testing.assert_allclose(placed, [[1 / 3, 1 / 3]], rtol=1e-6)  # as far from each


@INSTALLED
@pytest.mark.slow
def test_a_seed_gives_one_map_of_islands_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two neighbours the items fall into many islands, whose spectrum isn't unique."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    one, two = (Umap(neighbors=2).fit(DATA[:40], no_progress).points for _ in range(2))
    np.testing.assert_array_equal(one, two)


@INSTALLED
def test_it_stops_when_nobody_waits() -> None:
    looks = 0

    def leave(step: Step) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise Cancelled("gone")

    before = set(psutil.Process().children())
    with pytest.raises(Cancelled):
        Umap().fit(DATA, leave)
    assert looks == 3 and set(psutil.Process().children()) <= before


@INSTALLED
@pytest.mark.slow
def test_it_ends_with_a_service_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", _SERVICE]) as service:
        process = psutil.Process(service.pid)
        while not (mapping := process.children()):
            assert service.poll() is None
        service.kill()
    _, alive = psutil.wait_procs(mapping, timeout=30)
    assert not alive
    assert list(tmp_path.iterdir()) == []

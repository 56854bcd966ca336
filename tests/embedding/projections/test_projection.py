"""What holds for every projection of the catalog."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from brightfield.embedding.projections import catalog
from brightfield.errors import InvalidParameter
from brightfield.outages import MissingPackage
from brightfield.progress import no_progress

CATALOG = catalog()
RNG = np.random.default_rng(0)
DATA = np.concatenate([RNG.normal(0, 1, (60, 8)), RNG.normal(8, 1, (60, 8))]).astype(np.float32)
NAMES = [
    pytest.param(
        name,
        marks=[
            pytest.mark.skipif(
                name == "umap" and find_spec("umap") is None, reason="umap-learn is not installed"
            ),
            pytest.mark.timeout(300),  # UMAP compiles itself first
        ],
    )
    for name in sorted(CATALOG)
]


def test_the_catalog_is_the_folder() -> None:
    assert sorted(CATALOG) == ["pca", "tsne", "umap"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_groups_stay_apart_and_new_ones_fall_into_theirs(name: str) -> None:
    method = CATALOG[name](seed=1)
    made = method.fit(DATA[::2], no_progress)
    assert made.points.shape == (60, 2) and made.points.dtype == np.float32
    placed = method.place(made, DATA[::2], DATA[1::2], no_progress)
    centers = made.points[:30].mean(0), made.points[30:].mean(0)
    nearer = [np.linalg.norm(placed - center, axis=1) for center in centers]
    assert (nearer[0][:30] < nearer[1][:30]).all() and (nearer[1][30:] < nearer[0][30:]).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("data", "phrase"),
    [(DATA[:2], "needs 3 vectors"), (DATA[:, :1], "1 values"), (np.ones_like(DATA), "equal")],
)
def test_what_has_no_map_is_refused(name: str, data: np.ndarray, phrase: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InvalidParameter, match=phrase):
        CATALOG[name]().fit(data, no_progress)


def test_a_perplexity_over_a_third_says_what_to_do() -> None:
    with pytest.raises(InvalidParameter, match="lower it to 20 or less"):
        CATALOG["tsne"](perplexity=21).fit(DATA[:60], no_progress)  # type: ignore[call-arg]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brightfield.embedding.projections.umap.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"brightfield\[umap\]"):
        CATALOG["umap"]().fit(DATA, no_progress)

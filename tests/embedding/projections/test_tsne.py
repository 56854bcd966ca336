from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from brightfield.embedding.projections import tsne
from brightfield.embedding.projections.tsne import Tsne
from brightfield.errors import Cancelled, InvalidParameter
from brightfield.progress import Step, no_progress

DIGITS = load_digits()
DATA = DIGITS.data.astype(np.float32)


@pytest.mark.slow
def test_digits_are_mapped_and_new_ones_find_their_kind() -> None:
    rng = np.random.default_rng(0)
    order = rng.permutation(len(DATA))
    known, new = order[:1500], order[1500:]
    method = Tsne()
    made = method.fit(DATA[known], no_progress)
    assert trustworthiness(DATA[known], made.points, n_neighbors=5) >= 0.99
    before = made.points.copy()
    placed = method.place(made, DATA[known], DATA[new], no_progress)
    np.testing.assert_array_equal(made.points, before)
    voting = KNeighborsClassifier(10).fit(made.points, DIGITS.target[known])
    assert voting.score(placed, DIGITS.target[new]) >= 0.92


def test_a_seed_gives_one_map_with_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    maps = []
    monkeypatch.setattr(tsne, "_SHARED", 0)
    for threads in (1, 3):
        monkeypatch.setattr(tsne, "cpu_count", lambda threads=threads: threads)
        maps.append(Tsne(iterations=50).fit(DATA[:200], no_progress))
    np.testing.assert_array_equal(maps[0].points, maps[1].points)
    assert maps[0].facts == maps[1].facts


def test_vectors_are_reduced_first() -> None:
    made = Tsne(components=20, iterations=100).fit(DATA[:300], no_progress)
    assert made.arrays["components"].shape == (20, 64)
    assert trustworthiness(DATA[:300], made.points, n_neighbors=5) > 0.9
    with pytest.raises(InvalidParameter, match="1 components"):
        Tsne(components=1).fit(DATA[:300], no_progress)


def test_three_dimensions() -> None:
    made = Tsne(dimensions=3, iterations=100).fit(DATA[:300], no_progress)
    assert made.points.shape == (300, 3)
    assert trustworthiness(DATA[:300], made.points, n_neighbors=5) > 0.9


def test_it_tells_how_far_it_is_and_stops_when_nobody_waits() -> None:
    told: list[tuple[int, int]] = []

    def leave(step: Step) -> None:
        told.append((step.done, step.total))
        if step.done >= 100:
            raise Cancelled("gone")

    with pytest.raises(Cancelled):
        Tsne().fit(DATA[:200], leave)
    assert told[-1] == (100, 750) and len(told) >= 4


def test_it_stops_early_where_little_is_gained() -> None:
    made = Tsne(min_gain=0.05).fit(DATA[:200], no_progress)
    assert 250 < made.facts["iterations"] < 750
    assert Tsne(iterations=100).fit(DATA[:200], no_progress).facts["iterations"] == 350

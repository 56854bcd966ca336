"""Runs and their painting against plain loops."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest

from brightfield.images import runs as module
from brightfield.images.runs import LabelRuns, find_runs, paint


@pytest.mark.parametrize("row", [None, 1, 5, 30])
def test_runs_are_those_of_groupby(row: int | None) -> None:
    flat = np.random.default_rng(0).integers(0, 3, 30)
    lines = [flat] if row is None else flat.reshape(-1, row)
    expected = [(label, len(list(group))) for line in lines for label, group in groupby(line)]
    runs = find_runs(flat, row=row)
    assert list(zip(runs.labels, runs.lengths, strict=True)) == expected
    np.testing.assert_array_equal(runs.starts, np.cumsum(runs.lengths) - runs.lengths)


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_painting_gives_the_pixels_back(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    flat = np.random.default_rng(0).integers(0, 3, 100)
    np.testing.assert_array_equal(paint(find_runs(flat), 100), flat)


def test_the_last_run_wins() -> None:
    runs = LabelRuns(np.array([7, 8, 9]), np.array([1, 2, 4]), np.array([4, 1, 0]))
    assert paint(runs, 6).tolist() == [0, 7, 8, 7, 7, 0]


def test_nothing_has_no_runs() -> None:
    assert find_runs(np.zeros(0, np.int32), row=0).labels.size == 0
    assert paint(find_runs(np.zeros(0, np.int32)), 0).size == 0

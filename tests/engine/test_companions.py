"""Methods that need another answer about the image first: the objects of a segmenter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from brightfield.errors import UnknownModel, WrongTask
from brightfield.explain.kernel_shap import KernelShap
from brightfield.tasks.segment import Segment

from ..toys.engines import Bench, noise, png

IMAGE = png(noise(24, 24))
WEIGHED: dict[str, Any] = {"regions": "objects", "samples": 300, "segmenter": "felt-one-by-one"}


@pytest.mark.parametrize("region", [None, (4, 2, 16, 16)])
def test_the_objects_of_segment_are_weighed(bench: Bench, region: Any) -> None:
    segmented: Any = bench.answer(Segment(mode="instance"), IMAGE, "felt-one-by-one", region=region)
    answer: Any = bench.answer(KernelShap(**WEIGHED), IMAGE, "bare", region=region)
    payload = answer.result.payload("input")
    ids = [found.id for found in segmented.result.objects]
    assert len(ids) > 1
    assert [weight["region"] for weight in payload["weights"]] == ids
    assert answer.card.id == "bare"
    if region is None:  # the model's input is the image
        np.testing.assert_array_equal(answer.result.regions.labels, segmented.result.labels)
        boxes = [found.box.json() for found in segmented.result.objects]
        assert [weight["box"] for weight in payload["weights"]] == boxes


def test_a_segmenter_that_is_none_is_named(bench: Bench) -> None:
    with pytest.raises(UnknownModel, match="`segmenter`: "):
        bench.answer(KernelShap(**{**WEIGHED, "segmenter": "nowhere"}), IMAGE, "bare")
    with pytest.raises(WrongTask, match="`segmenter`: The model bare is for 'classify'"):
        bench.answer(KernelShap(**{**WEIGHED, "segmenter": "bare"}), IMAGE, "bare")


def test_a_model_may_be_asked_about_its_own_objects(bench: Bench) -> None:
    answer: Any = bench.answer(KernelShap(**WEIGHED), IMAGE, "felt-one-by-one")
    assert len(answer.result.regions) > 1
    assert answer.result.gaps.max() < 1e-6

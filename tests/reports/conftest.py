"""Reports of all four tasks, as their evaluations make them, with hostile names among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from brightfield import metrics
from brightfield.images.limits import Limits
from brightfield.metrics.evaluation import DataLimits
from brightfield.progress import no_progress
from brightfield.reports.requirements.both import judged

Report = dict[str, Any]

HOSTILE = '</td><script>alert("x")</script>&amp;$\\frac{1}$ =1+1\x00\u202e'
ODD = "\U0001f9ab 細胞 'quoted' --> ]]>"


def evaluated(task: str, data: Mapping[str, Any], **options: Any) -> Report:
    """The report, with few resamples."""
    given = {"ci": {"resamples": 50}, **options}
    evaluation = metrics.catalog()[task](**given)
    return evaluation.evaluate(data, DataLimits(Limits(10**8), 10**8), no_progress)


def binary(n: int = 200, **options: Any) -> Report:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, n)
    scores = np.clip(0.35 * truth + rng.normal(0.35, 0.2, n), 0, 1)
    data = {"truth": truth.tolist(), "scores": scores.tolist()}
    return evaluated("classification", data, **options)


def several(k: int, n: int = 300, labels: list[str] | None = None, **options: Any) -> Report:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, k, n)
    logits = rng.normal(0, 1, (n, k)) + 2 * np.eye(k)[truth]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    data = {"truth": truth.tolist(), "scores": scores.tolist()}
    names = labels or [f"class {c}" for c in range(k)]
    return evaluated("classification", data, labels=names, **options)


def masks(n: int = 12, mode: str = "semantic", **options: Any) -> Report:
    rng = np.random.default_rng(2)
    pairs = []
    for case in range(n):
        truth = np.zeros((32, 32), np.uint8)
        prediction = np.zeros_like(truth)
        row, column = rng.integers(2, 14, 2)
        truth[row : row + 14, column : column + 14] = 1
        prediction[row + 1 : row + 15, column + case % 4 : column + 14] = 1
        pairs.append(
            {"id": f"case {case}", "truth": {"array": truth.tolist()},
             "prediction": {"array": prediction.tolist()}}
        )  # fmt: skip
    return evaluated("segmentation", {"pairs": pairs}, mode=mode, **options)


def boxes(names: tuple[str, ...] = ("RBC", "WBC"), images: int = 12) -> Report:
    rng = np.random.default_rng(3)
    annotations, found = [], []
    for image in range(images):
        for number in range(6):
            category = 1 + int(rng.integers(len(names)))
            x, y = rng.integers(0, 200, 2).tolist()
            box = [x, y, 40, 40]
            annotations.append(
                {"id": image * 10 + number + 1, "image_id": image, "category_id": category,
                 "bbox": box, "area": 1600, "iscrowd": 0}
            )  # fmt: skip
            off = float(rng.normal(0, 6))
            found.append(
                {"image_id": image, "category_id": 1 + int(rng.integers(len(names))),
                 "bbox": [x + off, y, 40, 40], "score": float(rng.random())}
            )  # fmt: skip
            found.append({**found[-1], "category_id": category, "score": float(rng.random())})
    truth = {
        "images": [{"id": image} for image in range(images)],
        "categories": [{"id": c + 1, "name": name} for c, name in enumerate(names)],
        "annotations": annotations,
    }
    return evaluated("detection", {"ground_truth": truth, "detections": found})


def images(n: int = 9) -> Report:
    rng = np.random.default_rng(4)
    pairs = []
    for case in range(n):
        reference = rng.integers(0, 256, (20, 20))
        image = np.clip(reference + rng.normal(0, 2 + case, (20, 20)), 0, 255).astype(int)
        pairs.append(
            {"id": f"field {case}", "reference": {"array": reference.tolist()},
             "image": {"array": image.tolist()}}
        )  # fmt: skip
    return evaluated("restoration", {"pairs": pairs})


def hostile() -> Report:
    """Two classes with names that try to break out, ids likewise, and a row that is left out."""
    rng = np.random.default_rng(5)
    truth = [HOSTILE, ODD] * 20 + [None]
    scores = [*np.clip(np.tile([0.3, 0.6], 20) + rng.normal(0, 0.2, 40), 0, 1).tolist(), 0.5]
    ids = [f"{HOSTILE}{row}" for row in range(41)]
    columns = {HOSTILE: [HOSTILE, ODD] * 20 + [ODD]}
    data = {"truth": truth, "scores": scores, "ids": ids, "columns": columns}
    return evaluated("classification", data, labels=[HOSTILE, ODD], by=[HOSTILE])


def nothing() -> Report:
    """No row at all: every number is undefined."""
    return evaluated("classification", {"truth": [], "scores": []}, labels=["a", "b"])


MAKERS: dict[str, Callable[[], Report]] = {
    "binary": binary,
    "judged": lambda: dict(judged(binary(), ["auroc>=0.9", "auroc@lower>0.1"])),
    "binary_of_labels": lambda: evaluated(
        "classification", {"truth": [0, 1, 1], "predictions": [0, 1, 0]}
    ),
    "youden": lambda: binary(operating_point="youden"),
    "one_class": lambda: evaluated(
        "classification", {"truth": [1, 1], "scores": [0.2, 3.0]}, labels=["a", "b"]
    ),
    "nothing": nothing,
    "several": lambda: several(4),
    "twenty": lambda: several(20, labels=[f"a longer name of class {c}" for c in range(20)]),
    "sixty": lambda: several(60, 400),
    "absent": lambda: evaluated(
        "classification",
        {"truth": [0, 1, 1, 0], "predictions": [0, 1, 2, 0]},
        labels=["a", "b", "absent"],
    ),
    "masks": masks,
    "objects": lambda: masks(mode="instance", pixel_size=0.5),
    "no_masks": lambda: evaluated("segmentation", {"pairs": []}),
    "boxes": boxes,
    "no_boxes": lambda: evaluated(
        "detection",
        {"ground_truth": {"images": [], "annotations": [], "categories": []}, "detections": []},
    ),
    "images": images,
    "no_images": lambda: evaluated("restoration", {"pairs": []}),
    "hostile": hostile,
    "hostile_boxes": lambda: boxes((HOSTILE, ODD)),
}


@pytest.fixture(scope="session")
def reports() -> dict[str, Report]:
    """All kinds by name."""
    return {name: make() for name, make in MAKERS.items()}

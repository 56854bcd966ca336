"""Results are plain values: they pickle, copy, and become JSON."""

from __future__ import annotations

import base64
import copy
import io
import json
import pickle
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

import brightfield_client as package
from brightfield_client.errors import ApiError
from brightfield_client.results.value import Value

BOX = {"xmin": 0.0, "ymin": 1.0, "xmax": 2.0, "ymax": 3.0}
POINT = {"x": 1.0, "y": 2.0}
TARGET = {"label": "cat", "class_id": 3, "iou": 0.5}
CLASS = {"label": "cat", "class_id": 0, "color": [1, 2, 3]}
ESTIMATE = {"value": 0.5, "ci": [0.1, 0.9], "method": "m", "n": 3, "undefined": None}
ESTIMATE |= {"clipped": False}
DIFFERENCE = {"a": 0.5, "b": 0.25, "difference": 0.25, "ci": None, "method": "m", "p_value": 0.1}
DIFFERENCE |= {"undefined": None, "ci_undefined": "x"}
DETECTION = {"id": 1, "label": "cat", "class_id": 0, "score": 0.5, "box": BOX, "uuid": "u"}
SEGMENT = {**DETECTION, "area_px": 3, "centroid": POINT, "mean_intensity": [1.5, None]}
SEGMENT |= {"rle": {"size": [2, 3], "counts": "01"}, "outline": [[[[0, 0], [2, 0], [2, 1]]]]}
SOLID = {**DETECTION, "box": {**BOX, "zmin": 0, "zmax": 2}, "voxels": 7}
SOLID |= {"centroid": {**POINT, "z": 1.5}}
UNIT = {"unit": 1, "max": 2.5, "mean": None, "place": [0, 1], "position": POINT, "box": BOX}
WHAT_IF = {"targets": [TARGET], "before": [5.0], "after": [None], "difference": [3.0]}
GRID = {"rows": 1, "cols": 1, "window": [4], "stride": [2], "border": "cut"}
GRID |= {"x": [[0, 4]], "y": [[0, 4]]}
PROBLEM = {"status": 404, "code": "unknown_model", "detail": "No."}


def array(values: Any) -> dict[str, Any]:
    exact = np.ascontiguousarray(values, "<f4")
    data = base64.b64encode(exact.tobytes()).decode()
    return {"shape": list(exact.shape), "dtype": "float32", "data": data}


def png(values: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


LABELS = np.array([[0, 1, 1], [0, 0, 1]], np.uint16)
MASK = {"format": "png", "bits": 16, "data": png(LABELS)}
MAP = {**array([[1, -2], [0, 3]]), "signed": True, "region": [0, 0, 4, 3], "extent": [0, 0, 4, 3]}
FOUND = {"objects": [SEGMENT], "classes": [CLASS], "mode": "instance", "mask": MASK}
PATCH = {**UNIT, "image": 0, "value": 1.0, "patch": {"data": png(LABELS)}, "guided": None}
JUDGED = {
    **{"requirement": "auroc>=0.9", "metric": "auroc", "of": "value", "value": 0.8},
    **{"relation": ">=", "bound": 0.9, "p_value": None, "outcome": "not_met"},
    **{"undefined": None, "detail": "auroc is 0.8; required is >= 0.9."},
}
RUN = {"id": "r", "name": None, "task": "t", "options": {"a": 1}, "created": 1.0, "touched": 2.0}
RUN |= {"chunks": 1, "rows": 2}
REPORT = {"task": "classification", "n": 3, "metrics": {"auroc": ESTIMATE}, "worst": [{"id": 1}]}
REPORT |= {"excluded": [], "warnings": [], "conventions": {"x": "y"}, "input_sha256": "ab"}
REPORT |= {"per_class": [{"label": "cat", "metrics": {"auroc": ESTIMATE}}]}

RESULTS: dict[str, dict[str, Any]] = {
    "Activations": {"layer": "c", "units": [UNIT], "maps": array(np.ones((1, 2, 2)))}
    | {"receptive_field": {"height": 7}},
    "Classification": {"predictions": [{"label": "cat", "class_id": 3, "score": 0.9}]}
    | {"map": {**MAP, "labels": ["cat"]}},
    "Detections": {"objects": [DETECTION], "classes": [CLASS]},
    "Embedding": {"embedding": [1.0, None], "layer": "pool", "normalized": True},
    "Enlargement": {
        "image": {"format": "png", "data": png(LABELS), "axes": "YX", "pixel_size": 0.5}
    }
    | {"scale": 2, "psnr": None, "ssim": 0.5},
    "Occlusion": {"grid": GRID, "targets": [TARGET], "base": [1.0], "scores": [[[None]]]}
    | {"map": MAP, "what_if": WHAT_IF, "most_probable": [[3]], "sign": "base - occluded"},
    "Patches": {"layer": "c", "rule": "none", "units": [{"unit": 1, "patches": [PATCH]}]},
    "Result": {"anything": [1, 2]},
    "Saliency": {"method": "gradient", "target": TARGET, "map": MAP, "completeness_gap": 0.25},
    "Segmentation": FOUND,
    "Volume": {**FOUND, "objects": [SOLID], "planes": 1},
}
SCORES = {"items": 9, "score": 0.5, "deviation": 0.1, "scores": [0.4, 0.6]}
SCORES |= {"accuracy": 0.75, "accuracies": [1.0, 0.5]}
OTHERS: dict[str, Any] = {
    "Box": None,
    "ClassEvaluation": REPORT["per_class"][0],
    "PartEvaluation": {"column": "site", "value": "A", "n": 2, "metrics": {"auroc": ESTIMATE}},
    "Clusters": {"k": 1, "inertia": 0.5, "silhouette": {"value": None}, "ids": ["a"]}
    | {"labels": [0], "clusters": [{"size": 1, "members": ["a"]}]},
    "CollectionInfo": {"name": "n", "model": None, "layer": None, "metric": "cosine", "dim": 3}
    | {"items": 2},
    "Comparison": {"task": "t", "n": 2, "metrics": {"auroc": DIFFERENCE}, "warnings": []}
    | {"only_a": {"n": 0}, "only_b": {"n": 0}},
    "ConceptScores": SCORES,
    "ConceptTest": {"layer": "pool", "target": TARGET, "n": 4, "runs": 2, "size": 3, "inputs": []}
    | {"concept": SCORES, "random": SCORES, "p": 0.5, "matched": 0.25, "significant": False}
    | {"warnings": []},
    "Detection": DETECTION,
    "Difference": DIFFERENCE,
    "Estimate": ESTIMATE,
    "Evaluation": REPORT,
    "EvaluationRun": RUN,
    "Filters": {"layer": "c", "type": "Conv2d", "weights": array(np.ones((1, 1, 2, 2)))}
    | {"total": [4, 3], "first": [0, 0], "ranges": [None]},
    "Grid": GRID,
    "IndexInfo": {"method": "hnsw", "m": 4, "ef_construction": 8, "indexed": 3, "waiting": 0}
    | {"recall": {"value": 1.0}},
    "JobStatus": {"id": "j", "state": "running", "progress": {"done": 1, "total": 2}},
    "Layer": {"name": "c", "output_shape": [1, None]},
    "Model": {"id": "m", "labels": [{"name": "a"}, "b"]},
    "ModelRef": {"id": "m", "version": "1", "sha256": None},
    "Neighbor": {"id": "a", "distance": 0.5, "metadata": {"kind": "x"}},
    "Neighbors": {"neighbors": [{"id": "a", "distance": 0.5, "metadata": {}}], "exact": True}
    | {"metric": "cosine", "searched": 3},
    "ObjectClass": CLASS,
    "Patch": PATCH,
    "Prediction": {"label": "cat", "class_id": 3, "score": 0.5},
    "Projection": {"id": "p", "method": "pca", "points": {"ids": ["a"], "x": [1.0], "y": [2.0]}}
    | {"trustworthiness": {"value": None}, "placed": []},
    "JudgedRequirement": JUDGED,
    "RunChunk": {"key": "k", "rows": 3, "sha256": "ab"},
    "Segment": SEGMENT,
    "Solid": SOLID,
    "Target": TARGET,
    "UnitActivity": UNIT,
    "Warned": {"code": "c", "detail": "d"},
    "WhatIf": WHAT_IF,
}
ERROR = package.errors.api_error(404, PROBLEM)
MADE: dict[str, Any] = {
    "Addition": package.Addition("a", "failed", ERROR),
    "Binary": package.Binary(b"\\x00\\xff", "image/png", {"x-model": "m"}),
    "Check": package.Check("service", True, "answers"),
    "Evaluated": package.Evaluated(
        package.EvaluationRun.from_json(RUN), package.Evaluation.from_json(REPORT), ()
    ),
    "ItemError": package.ItemError(1, ERROR),
    "JobEvent": package.JobEvent("progress", {"done": 1}, "3"),
    "MapItem": package.MapItem("a.png", error=ERROR),
    "Report": package.Report((package.Check("service", True, "answers"),)),
    "StoredImage": package.StoredImage("sha256:ab", "CYX"),
}


@pytest.fixture(scope="module")
def values(enveloped) -> dict[str, Any]:
    read = {
        name: getattr(package, name).from_json(
            {**enveloped(result), "image": {"height": 3, "width": 4, "pixel_size": 0.5}}
        )
        for name, result in RESULTS.items()
    }
    read |= {
        name: getattr(package, name).from_json(value)
        for name, value in OTHERS.items()
        if value is not None
    }
    good = enveloped(RESULTS["Classification"])
    bad = {"error": PROBLEM}
    batch = package.Batch.of({"items": [good, bad]}, package.Classification.from_json)
    return read | MADE | {"Batch": batch, "Box": package.Box(0.0, 1.0, 2.0, 3.0)}


def test_every_public_value_is_tried(values):
    public = {
        name
        for name in package.__all__
        if isinstance(kind := getattr(package, name), type) and issubclass(kind, Value)
    }
    assert public <= set(values)
    assert len(public) > 40


def told(value: Any) -> Any:
    """A value as something that `==` compares: NaN equals NaN, arrays are lists."""
    if isinstance(value, Value | package.Batch):
        fields = {name: told(each) for name, each in vars(value).items() if name != "_ask"}
        return type(value), fields
    if isinstance(value, dict):
        return {key: told(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [told(each) for each in value]
    if isinstance(value, np.ndarray):
        return str(value.dtype), told(value.tolist())
    if isinstance(value, ApiError | float):
        return type(value), str(value)
    return value


def equal(one: Any, other: Any) -> bool:
    return bool(told(one) == told(other))


@pytest.mark.parametrize("name", sorted({*RESULTS, *OTHERS, *MADE, "Batch"}))
def test_they_pickle_copy_and_become_json(values, name):
    value = values[name]
    for twin in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value), copy.copy(value)):
        assert type(twin) is type(value)
        assert equal(value, twin)
    if name != "Box":
        text = json.dumps(value.to_dict(), allow_nan=False)
        assert json.loads(value.to_json()) == json.loads(text)


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_an_answer_is_read_again_from_its_json(values, name):
    value = values[name]
    assert equal(value, type(value).from_json(json.loads(value.to_json())))


def test_a_copy_has_no_link_to_the_client(client, fake, enveloped):
    fake.reply = lambda _: httpx2.Response(200, json=enveloped(RESULTS["Classification"]))
    answer = client.classify(b"x")
    assert answer.again("csv").content
    for twin in (pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
        with pytest.raises(ValueError, match=r"no longer knows its question.*format='csv'"):
            twin.again("csv")
    assert answer.again("csv").content

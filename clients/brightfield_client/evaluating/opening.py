"""Which data set a path holds, for a model of some task."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from brightfield_client.evaluating.classification import ClassificationEvaluator
from brightfield_client.evaluating.dataset import Dataset
from brightfield_client.evaluating.detection import DetectionEvaluator
from brightfield_client.evaluating.segmentation import SegmentationEvaluator
from brightfield_client.evaluating.super_resolution import SuperResolutionEvaluator
from brightfield_client.evaluating.task_evaluator import TaskEvaluator

TASK_EVALUATORS: Mapping[str, type[TaskEvaluator]] = {
    "classify": ClassificationEvaluator,
    "segment": SegmentationEvaluator,
    "detect": DetectionEvaluator,
    "superresolve": SuperResolutionEvaluator,
}
"""By the task of the model."""

PathLike = str | os.PathLike[str]


def open_dataset(task: str, data: PathLike, truth: PathLike | None = None) -> Dataset:
    """The data set at `data`, in one of the forms that `Client.evaluate` lists for the task.

    Raises `ValueError` for what is none of them, `OSError` for what is not there.
    """
    path = Path(data).expanduser()
    if not path.exists():
        raise FileNotFoundError(2, "No such file or folder", str(path))
    if task not in TASK_EVALUATORS:
        raise ValueError(
            f"There is no evaluation of models that {task}; of {', '.join(TASK_EVALUATORS)}."
        )
    beside = None if truth is None else Path(truth).expanduser()
    found = TASK_EVALUATORS[task].opened(path, beside)
    return replace(found, name=path.name)

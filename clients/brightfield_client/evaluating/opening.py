"""Which data set a path holds, for a model of some task."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from brightfield_client.evaluating.classification import ClassificationEvaluator
from brightfield_client.evaluating.coco import by_coco, by_object
from brightfield_client.evaluating.dataset import (
    Case,
    Dataset,
    by_folder,
    by_stem,
    by_table,
    images_in,
    of_cases,
)
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
    """The data set at `data`, as the task of a model wants it:

    | task | data |
    |---|---|
    | classify | a folder for each class, a CSV with `path` and `label`, or a COCO file's objects |
    | segment | `images` and `labels` with equal names, or a CSV with `path` and `mask` |
    | detect | a COCO file; images in `images` beside it, else beside it |
    | superresolve | `images` and `reference`, a CSV with both, or images alone |

    `truth` is the folder of masks or references where it lies elsewhere, of a COCO file that of
    the images. Raises `ValueError` for what is none of it, `OSError` for what is not there.
    """
    path = Path(data).expanduser()
    if not path.exists():
        raise FileNotFoundError(2, "No such file or folder", str(path))
    other = None if truth is None else Path(truth).expanduser()
    opened = _OPENERS.get(task)
    if opened is None:
        raise ValueError(
            f"There is no evaluation of models that {task}; of {', '.join(TASK_EVALUATORS)}."
        )
    return opened(path, other)


def _classes(path: Path, truth: Path | None) -> Dataset:
    if path.suffix.lower() == ".json":
        return by_object(path, truth)
    if truth is not None:
        raise ValueError("The classes of images come from their folders or from a CSV.")
    return by_table(path) if _is_table(path) else by_folder(path)


def _masks(path: Path, truth: Path | None) -> Dataset:
    if _is_table(path):
        return by_table(path, files=True)
    if truth is not None:
        return by_stem(path, truth)
    return by_stem(path / "images", path / "labels")


def _boxes(path: Path, truth: Path | None) -> Dataset:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name the COCO file in it.")
    return by_coco(path, truth)


def _enlargements(path: Path, truth: Path | None) -> Dataset:
    if _is_table(path):
        return by_table(path, files=True)
    if truth is not None:
        return by_stem(path, truth)
    if (path / "reference").is_dir():
        return by_stem(path / "images", path / "reference")
    cases = [Case(file.relative_to(path).as_posix(), file, None) for file in images_in(path)]
    return of_cases(cases, path)


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


_OPENERS: Mapping[str, Callable[[Path, Path | None], Dataset]] = {
    "classify": _classes,
    "segment": _masks,
    "detect": _boxes,
    "superresolve": _enlargements,
}

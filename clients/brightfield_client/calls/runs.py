"""/metrics/runs: evaluations whose predictions come in chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from brightfield_client.arrays import Array
from brightfield_client.calls import _parameters as given
from brightfield_client.calls.call import Call, path_of
from brightfield_client.calls.predictions import Columns, Evaluand, options_of, predictions_of
from brightfield_client.calls.reading import arrays, one
from brightfield_client.results._shapes import EvaluationRun, RunChunk


def start_run(
    name: str | None = None,
    *,
    task: Evaluand = "classification",
    labels: Sequence[Any] | None = None,
    ci: Mapping[str, Any] | None = None,
    timeout: float | None = None,
    **options: Unpack[given.EvaluationParameters],
) -> Call[EvaluationRun]:
    """Start an evaluation whose predictions come in chunks.

    With a `name` it can be called again, by any program: the same name and options give the same
    run, other options raise `ConflictError`. The options are those of `metrics`.
    """
    body = {"name": name, "task": task, **options_of(labels, ci, options)}
    named = name is not None  # without one a repeated call would start a second run
    call = Call("POST", "/metrics/runs", one(EvaluationRun), idempotent=named, timeout=timeout)
    return call.with_given(body)


def add_chunk(  # noqa: PLR0913 - all of a chunk, and how long to wait
    run: EvaluationRun | str,
    key: str,
    truth: Any,
    scores: Any = None,
    *,
    predictions: Any = None,
    task: Evaluand | None = None,
    ids: Sequence[Any] | None = None,
    groups: Columns | None = None,
    timeout: float | None = None,
) -> Call[RunChunk]:
    """Add predictions to a run; when it returns, the service has them on disk.

    The same key with the same predictions counts once, so a program that starts anew may send
    everything again; with other predictions it raises `ConflictError`.

    Args:
        run: the run, or its id.
        key: a name for the chunk, as of the file that the predictions come from.
        truth: as in `metrics`, and so are `scores`, `predictions`, `ids` and `groups`.
        task: the run's, where only its id is given and it isn't a classification.
        timeout: seconds for this call, instead of the client's.
    """
    chosen = task or (run.task if isinstance(run, EvaluationRun) else "classification")
    found = predictions_of(chosen, truth, scores, predictions, ids, groups)
    media_type, content = found.body()
    path, headers = path_of("/metrics/runs/{}/chunks/{}", run, key), {"Content-Type": media_type}
    return Call("PUT", path, one(RunChunk), headers=headers, content=content, timeout=timeout)


def run_points(
    run: EvaluationRun | str, *, timeout: float | None = None
) -> Call[Mapping[str, Array]]:
    """Every point of the curves as arrays: roc_fpr, roc_tpr, roc_thresholds, pr_precision, ..."""
    path = path_of("/metrics/runs/{}/report", run)
    return Call("GET", path, arrays, {"format": "npz"}, timeout=timeout)

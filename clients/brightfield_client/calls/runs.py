"""/metrics/runs: evaluations whose predictions come in chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from brightfield_client.arrays import Array
from brightfield_client.calls.call import Call, query
from brightfield_client.calls.predictions import options_of, predictions_of
from brightfield_client.calls.reading import arrays, nothing, one, several
from brightfield_client.results.evaluation import Evaluation
from brightfield_client.results.runs import Comparison, EvaluationRun, RunChunk


def start_run(
    name: str | None = None,
    *,
    task: str = "classification",
    labels: Sequence[Any] | None = None,
    ci: Mapping[str, Any] | None = None,
    **options: Any,
) -> Call[EvaluationRun]:
    """Start an evaluation whose predictions come in chunks.

    With a `name` it can be called again, by any program: the same name and options give the same
    run, other options raise `ConflictError`. The options are those of `metrics`.
    """
    wanted = {"name": name, "task": task, **options_of(labels, ci, options)}
    body = {key: value for key, value in wanted.items() if value is not None}
    named = name is not None  # without one a repeated call would start a second run
    return Call("POST", "/metrics/runs", one(EvaluationRun), idempotent=named).with_json(body)


def add_chunk(
    run: EvaluationRun | str,
    key: str,
    truth: Any,
    scores: Any = None,
    *,
    predictions: Any = None,
    task: str | None = None,
    ids: Sequence[Any] | None = None,
    groups: Sequence[Any] | None = None,
) -> Call[RunChunk]:
    """Add predictions to a run; when it returns, the service has them on disk.

    The same key with the same predictions counts once, so a program that starts anew may send
    everything again; with other predictions it raises `ConflictError`.

    Args:
        run: the run, or its id.
        key: a name for the chunk, as of the file that the predictions come from.
        truth: as in `metrics`, and so are `scores`, `predictions`, `ids` and `groups`.
        task: the run's, where only its id is given and it isn't a classification.
    """
    chosen = task or (run.task if isinstance(run, EvaluationRun) else "classification")
    found = predictions_of(chosen, truth, scores, predictions, ids, groups)
    media_type, content = found.body()
    path = f"{_path(run)}/chunks/{quote(key, safe='')}"
    return Call("PUT", path, one(RunChunk), headers={"Content-Type": media_type}, content=content)


def run_report(run: EvaluationRun | str) -> Call[Evaluation]:
    """The report about what is there: the same as that of `metrics` about all rows at once."""
    return Call("GET", _path(run), one(Evaluation))


def run_points(run: EvaluationRun | str) -> Call[Mapping[str, Array]]:
    """Every point of the curves as arrays: roc_fpr, roc_tpr, roc_thresholds, pr_precision, ..."""
    return Call("GET", f"{_path(run)}/report", arrays, {"format": "npz"})


def runs(*, limit: int | None = None, offset: int | None = None) -> Call[list[EvaluationRun]]:
    """The runs at the service, the newest first."""
    return Call(
        "GET",
        "/metrics/runs",
        several(EvaluationRun, "runs"),
        query({"limit": limit, "offset": offset}),
    )


def run_chunks(run: EvaluationRun | str) -> Call[list[RunChunk]]:
    """The chunks that are there, by their keys: what a program that starts anew need not send."""
    return Call("GET", f"{_path(run)}/chunks", several(RunChunk, "chunks"))


def delete_run(run: EvaluationRun | str) -> Call[None]:
    """Delete a run and its chunks."""
    return Call("DELETE", _path(run), nothing)


def compare_runs(
    a: EvaluationRun | str, b: EvaluationRun | str, *, ci: Mapping[str, Any] | None = None
) -> Call[Comparison]:
    """How much the numbers of run `a` differ from those of `b`, over the ids that both have.

    Raises `UnprocessableError` for runs of other tasks, labels or truth.
    """
    given = {"a": _id(a), "b": _id(b)}
    given |= {f"ci.{name}": value for name, value in (ci or {}).items()}
    return Call("GET", "/metrics/compare", one(Comparison), query(given))


def _id(run: EvaluationRun | str) -> str:
    return run.id if isinstance(run, EvaluationRun) else run


def _path(run: EvaluationRun | str) -> str:
    return f"/metrics/runs/{quote(_id(run), safe='')}"

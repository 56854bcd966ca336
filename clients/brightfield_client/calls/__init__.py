"""The calls: one function each, without I/O on the network, under both clients.

A new call is a function here and a line in `AsyncClient`; of an image endpoint the function is
written by `clients/generate.py` from a row in `endpoints`.
"""

from brightfield_client.calls._images import (
    activations,
    classify,
    detect,
    embed,
    occlusion,
    patches,
    saliency,
    segment,
    superresolve,
)
from brightfield_client.calls.collection import collections
from brightfield_client.calls.doctor import doctor
from brightfield_client.calls.health import live, metrics_text, ready, version
from brightfield_client.calls.metrics import metrics
from brightfield_client.calls.models import (
    filters,
    layers,
    load_model,
    model,
    models,
    unload_model,
)
from brightfield_client.calls.runs import (
    add_chunk,
    compare_runs,
    delete_run,
    run_chunks,
    run_points,
    run_report,
    runs,
    start_run,
)
from brightfield_client.calls.stored import put_image

__all__ = [
    "activations",
    "add_chunk",
    "classify",
    "collections",
    "compare_runs",
    "delete_run",
    "detect",
    "doctor",
    "embed",
    "filters",
    "layers",
    "live",
    "load_model",
    "metrics",
    "metrics_text",
    "model",
    "models",
    "occlusion",
    "patches",
    "put_image",
    "ready",
    "run_chunks",
    "run_points",
    "run_report",
    "runs",
    "saliency",
    "segment",
    "start_run",
    "superresolve",
    "unload_model",
    "version",
]

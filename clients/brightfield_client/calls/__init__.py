"""The calls: one function each, without I/O on the network, under both clients.

A new endpoint is one file here, one line in each client, and one in `endpoints` if it takes images.
"""

from brightfield_client.calls.activations import activations
from brightfield_client.calls.classify import classify
from brightfield_client.calls.collection import collections
from brightfield_client.calls.detect import detect
from brightfield_client.calls.doctor import doctor
from brightfield_client.calls.embed import embed
from brightfield_client.calls.filters import filters
from brightfield_client.calls.health import live, metrics_text, ready, version
from brightfield_client.calls.metrics import metrics
from brightfield_client.calls.models import layers, load_model, model, models, unload_model
from brightfield_client.calls.occlusion import occlusion
from brightfield_client.calls.patches import patches
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
from brightfield_client.calls.saliency import saliency
from brightfield_client.calls.segment import segment
from brightfield_client.calls.stored import put_image
from brightfield_client.calls.superresolve import superresolve

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

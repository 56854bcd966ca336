"""Brightfield from Python: `Client`, `AsyncClient`, typed answers and one tree of errors."""

from brightfield_client.async_client import AsyncClient
from brightfield_client.async_collection import AsyncCollection
from brightfield_client.async_job import AsyncJob
from brightfield_client.calls.doctor import Check, Report
from brightfield_client.calls.jobs import JobStatus
from brightfield_client.client import Client
from brightfield_client.collection import Collection
from brightfield_client.errors import (
    ApiError,
    BadRequestError,
    BrightfieldError,
    ConflictError,
    ConnectionFailed,
    DeadlineError,
    ForbiddenError,
    InternalError,
    MethodNotAllowedError,
    NotAcceptableError,
    NotFoundError,
    OverloadedError,
    TimedOut,
    TooLargeError,
    UnavailableError,
    UnexpectedReply,
    UnprocessableError,
    UnsupportedError,
)
from brightfield_client.evaluating.outcome import Evaluated
from brightfield_client.following import JobEvent
from brightfield_client.images import StoredImage
from brightfield_client.in_process import InProcess
from brightfield_client.job import Job
from brightfield_client.mapping import MapItem
from brightfield_client.models import Layer, Model
from brightfield_client.results.activations import Activations, UnitActivity
from brightfield_client.results.batch import Batch, ItemError
from brightfield_client.results.binary import Binary
from brightfield_client.results.classification import Classification, Prediction
from brightfield_client.results.collections import (
    Addition,
    Clusters,
    CollectionInfo,
    IndexInfo,
    Neighbor,
    Neighbors,
    Projection,
)
from brightfield_client.results.detections import Detections
from brightfield_client.results.embedding import Embedding
from brightfield_client.results.enlargement import Enlargement
from brightfield_client.results.evaluation import ClassEvaluation, Estimate, Evaluation
from brightfield_client.results.filters import Filters
from brightfield_client.results.found import Box, Detection, ObjectClass, Segment, Solid
from brightfield_client.results.occlusion import Grid, Occlusion, WhatIf
from brightfield_client.results.patches import Patch, Patches
from brightfield_client.results.result import ModelRef, Result, Warned
from brightfield_client.results.runs import Comparison, Difference, EvaluationRun, RunChunk
from brightfield_client.results.saliency import Saliency
from brightfield_client.results.segmentation import Segmentation
from brightfield_client.results.target import Target
from brightfield_client.results.volume import Volume

__all__ = [
    "Activations",
    "Addition",
    "ApiError",
    "AsyncClient",
    "AsyncCollection",
    "AsyncJob",
    "BadRequestError",
    "Batch",
    "Binary",
    "Box",
    "BrightfieldError",
    "Check",
    "ClassEvaluation",
    "Classification",
    "Client",
    "Clusters",
    "Collection",
    "CollectionInfo",
    "Comparison",
    "ConflictError",
    "ConnectionFailed",
    "DeadlineError",
    "Detection",
    "Detections",
    "Difference",
    "Embedding",
    "Enlargement",
    "Estimate",
    "Evaluated",
    "Evaluation",
    "EvaluationRun",
    "Filters",
    "ForbiddenError",
    "Grid",
    "InProcess",
    "IndexInfo",
    "InternalError",
    "ItemError",
    "Job",
    "JobEvent",
    "JobStatus",
    "Layer",
    "MapItem",
    "MethodNotAllowedError",
    "Model",
    "ModelRef",
    "Neighbor",
    "Neighbors",
    "NotAcceptableError",
    "NotFoundError",
    "ObjectClass",
    "Occlusion",
    "OverloadedError",
    "Patch",
    "Patches",
    "Prediction",
    "Projection",
    "Report",
    "Result",
    "RunChunk",
    "Saliency",
    "Segment",
    "Segmentation",
    "Solid",
    "StoredImage",
    "Target",
    "TimedOut",
    "TooLargeError",
    "UnavailableError",
    "UnexpectedReply",
    "UnitActivity",
    "UnprocessableError",
    "UnsupportedError",
    "Volume",
    "Warned",
    "WhatIf",
]

"""Jobs, and the events that tell of them."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import EncodedArray, Natural, UnixTime
from brightfield.api.schema.shapes.problems import Problem
from brightfield.api.schema.shapes.shape import open_shape, shape
from brightfield.store.jobs import JobState


@shape
class JobProgress(TypedDict):
    """How much of a job is done; also the data of an event `progress`."""

    done: Natural
    total: Natural
    """0 before it is known."""


@shape
class Job(TypedDict):
    """Long work; also the data of an event `end`."""

    id: str
    endpoint: Annotated[str, Field(pattern="^/")]
    """The path that was asked."""
    state: JobState
    progress: JobProgress
    created: UnixTime
    finished: UnixTime | None
    problem: NotRequired[Problem]
    """Why it failed."""


@open_shape
class JobPartial(TypedDict):
    """The data of an event `partial`: what is known so far, by the method's own members."""

    done: Natural
    total: Natural
    places: NotRequired[list[Natural]]
    """Of a method that slides a window: the windows, in row-major order, that are new."""
    scores: NotRequired[list[list[float]]]
    """Their scores, a list for each target."""
    masks: NotRequired[Natural]
    """Of random masks: how many are counted."""
    map: NotRequired[EncodedArray]
    """The maps (targets, height, width) so far, on the model's input grid."""

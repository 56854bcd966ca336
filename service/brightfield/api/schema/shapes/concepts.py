"""Concepts, and what was found out about them."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import Natural, ReplyWarning
from brightfield.api.schema.shapes.problems import Problem
from brightfield.api.schema.shapes.shape import shape

_Share = Annotated[float, Field(ge=0, le=1)]


@shape
class TestedClass(TypedDict):
    """The class whose score was asked about."""

    label: str
    class_id: Natural


@shape
class ConceptScores(TypedDict):
    """What sets of items gave: of the concept, or random ones."""

    items: Natural
    """From which sets are drawn."""
    score: _Share
    """The mean of the scores: the share of images whose class score rises along a set's vector."""
    deviation: float
    """The standard deviation of the scores."""
    scores: list[_Share]
    """Of each run."""
    accuracy: _Share
    """The mean of the accuracies."""
    accuracies: list[_Share]
    """Of each run: the share of held-out items that the vector tells apart."""


@shape
class TestedImage(TypedDict):
    """An image that was asked about."""

    image: Natural
    """Its place among the images."""
    id: str | None
    """Of its item; null for an image of the request."""
    derivative: NotRequired[float | None]
    """Mean derivative of the class's score along the concept's vectors: positive if the score rises
    towards the concept."""
    error: NotRequired[Problem]


@shape
class TestedConcept(TypedDict):
    """Whether a class depends on a concept."""

    collection: str
    model: str
    layer: str
    target: TestedClass
    n: Natural
    """Images that could be read."""
    runs: Natural
    size: Natural
    """Items of each set."""
    seed: Natural
    concept: ConceptScores
    random: ConceptScores
    p: _Share
    """Of Welch's t-test, two-sided, between the concept's scores and those of random sets."""
    matched: _Share
    """The share of random sets that differ from others along the mean gradient as much."""
    significant: bool
    """Whether p is less than 0.05 and `matched` at most 0.05."""
    inputs: list[TestedImage]
    warnings: list[ReplyWarning]

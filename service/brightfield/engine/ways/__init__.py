"""The ways of answering: one file for each kind of task or method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from brightfield.engine.answer import Answer, MultiImageAnswer
from brightfield.engine.context import AnswerContext
from brightfield.engine.image_bytes import ImageReader
from brightfield.engine.ways import (
    concept_test,
    explanation,
    layer,
    several,
    tiled,
    unit_search,
    whole,
    windows,
)
from brightfield.explain.method import Method
from brightfield.tasks.concepts.concept_gradients import ConceptGradients
from brightfield.tasks.kinds.dense import Dense
from brightfield.tasks.kinds.layer import LayerReading
from brightfield.tasks.kinds.several import Several
from brightfield.tasks.kinds.sliding import SlidingWindow
from brightfield.tasks.kinds.unit_search import UnitSearch
from brightfield.tasks.kinds.whole import Whole
from brightfield.work import Work

T = TypeVar("T")

Way = Callable[[Any, AnswerContext], Awaitable[Answer]]
"""From a task or method of its kind to the answer about the job's image."""
WayTogether = Callable[[Any, Sequence[ImageReader], AnswerContext], Awaitable[MultiImageAnswer]]
"""From a task of its kind and the images to the one answer about all of them."""

_OF_ONE: Mapping[type, Way] = {
    Whole: whole.answer,
    SlidingWindow: windows.answer,
    LayerReading: layer.answer,
    Dense: tiled.answer,
    Method: explanation.answer,
}
_OF_SEVERAL: Mapping[type, WayTogether] = {
    Several: several.answer,
    UnitSearch: unit_search.answer,
    ConceptGradients: concept_test.answer,
}


def way_of(work: type[Work]) -> Way:
    """How the kind of a task or method is answered for one image: the nearest class that has a way.

    Raises `TypeError` for a work that is about several images, or of no kind.
    """
    return _nearest(work, _OF_ONE)


def way_together(work: type[Work]) -> WayTogether:
    """How the kind of a task is answered for several images. Raises `TypeError` for one that is
    about one image."""
    return _nearest(work, _OF_SEVERAL)


def _nearest(work: type[Work], ways: Mapping[type, T]) -> T:
    for kind in work.__mro__:
        if kind in ways:
            return ways[kind]
    known = ", ".join(kind.__name__ for kind in ways)
    raise TypeError(f"{work.__name__} can't be answered here; what can is one of: {known}")

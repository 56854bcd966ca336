"""Problems: what every endpoint answers when something is wrong."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.shape import shape


@shape
class ProblemPlace(TypedDict):
    """One place where something is wrong."""

    location: NotRequired[str]
    """The parameter, or the path to the value in the data."""
    expected: NotRequired[Any]
    """What would be right."""
    received: NotRequired[Any]
    """What came."""
    row: NotRequired[Annotated[int, Field(ge=0)]]
    """The row of the data, from 0."""


@shape
class Problem(TypedDict):
    """A problem as RFC 9457 has it, with a code for programs."""

    type: Annotated[str, Field(pattern=r"^urn:brightfield:problem:[a-z_]+$")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    """One sentence that says what to do."""
    code: str
    """Stable, for programs."""
    request_id: str
    """That of the reply's X-Request-ID; of an image in a batch with its place."""
    retryable: bool
    """Whether the same request may succeed later."""
    errors: NotRequired[list[ProblemPlace]]
    """The places where something is wrong."""


@shape
class FailedItem(TypedDict):
    """An image of several that could not be answered."""

    error: Problem

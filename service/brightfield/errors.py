"""The one tree of errors.

Every error that a caller can get is a subclass of `BrightfieldError` with a `code` (stable, for
programs), a `status` (HTTP) and a `detail` (one sentence that says what to do, for people). One
handler in `api.problems` turns it into `application/problem+json`; nothing else knows HTTP. Those
about API keys are in `refusals`, and those that are not the caller's (503 and above) in `outages`.

    BrightfieldError
    ├── BadRequest 400        the body cannot be decoded or is cut short
    ├── Forbidden 403         a foreign Host or Origin
    ├── NotFound 404          an id that is not there
    ├── MethodNotAllowed 405  a method that the path does not know
    ├── NotAcceptable 406     a reply format that the endpoint does not have
    ├── BodyTooSlow 408       the body comes too slowly
    ├── Conflict 409          the current state forbids it
    ├── TooLarge 413          bytes, pixels or a reply over its limit
    ├── Unsupported 415       a format that cannot be read
    ├── Unprocessable 422     well-formed but wrong
    ├── Overloaded 429        more in flight than allowed
    ├── Cancelled 499         the client left (never sent)
    ├── Unavailable 503       the model or the device cannot answer now
    │   └── StoreFull 507     the store's disk has no room
    └── DeadlineExceeded 504  the client's deadline passed
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, Self


class BrightfieldError(Exception):
    """An error with a stable `code`, an HTTP `status` and a sentence that says what to do.

    `errors` lists places (`location`, `expected`, `received`) where several things are wrong;
    `retry_after` is in seconds and only given where waiting helps.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after

    def again(self) -> Self:
        """The same fault for another who is told, without the frames that it came through and what
        these hold."""
        return copy.copy(self)

    def about(self, name: str) -> Self:
        """The same fault, said of the further image `name` that came with a request."""
        fault = copy.copy(self)
        fault.detail = f"`{name}`: {self.detail}"
        fault.args = (fault.detail,)
        return fault


class BadRequest(BrightfieldError):
    code, status, title = "bad_request", 400, "The request cannot be read"


class EmptyBody(BadRequest):
    code, title = "empty_body", "The body is empty"


class MalformedJson(BadRequest):
    code, title = "malformed_json", "The JSON cannot be parsed"


class MalformedForm(BadRequest):
    code, title = "malformed_form", "The multipart form cannot be parsed"


class MalformedTable(BadRequest):
    code, title = "malformed_table", "The table of predictions cannot be read"


class TruncatedImage(BadRequest):
    code, title = "truncated_image", "The image is cut short"


class UndecodableImage(BadRequest):
    code, title = "undecodable_image", "The image cannot be decoded"


class Forbidden(BrightfieldError):
    code, status, title = "foreign_origin", 403, "Foreign host or origin"


class NotFound(BrightfieldError):
    code, status, title = "not_found", 404, "Not found"


class UnknownModel(NotFound):
    code, title = "unknown_model", "Unknown model"


class ImageExpired(NotFound):
    code, title = "image_expired", "The stored image is gone"


class UnknownJob(NotFound):
    code, title = "unknown_job", "Unknown job"


class UnknownRun(NotFound):
    code, title = "unknown_run", "Unknown run"


class UnknownChunk(NotFound):
    code, title = "unknown_chunk", "There is no such chunk"


class UnknownCollection(NotFound):
    code, title = "unknown_collection", "Unknown collection"


class UnknownItem(NotFound):
    code, title = "unknown_item", "Unknown item of a collection"


class UnknownProjection(NotFound):
    code, title = "unknown_projection", "Unknown projection of a collection"


class UnknownIndex(NotFound):
    code, title = "unknown_index", "The collection has no index"


class MethodNotAllowed(BrightfieldError):
    code, status, title = "method_not_allowed", 405, "Method not allowed"


class NotAcceptable(BrightfieldError):
    code, status, title = "not_acceptable", 406, "The endpoint does not have this format"


class BodyTooSlow(BrightfieldError):
    code, status, title, retryable = "body_too_slow", 408, "The body came too slowly", True


class Conflict(BrightfieldError):
    code, status, title = "conflict", 409, "Conflict"


class JobNotFinished(Conflict):
    code, title, retryable = "job_not_finished", "The job has not finished", True


class JobCancelled(Conflict):
    code, title = "job_cancelled", "The job was cancelled"


class RunConflict(Conflict):
    code, title = "run_conflict", "A run of this name exists with other options"


class ChunkConflict(Conflict):
    code, title = "chunk_conflict", "The chunk has other content"


class UnfitChunk(Conflict):
    code, title = "unfit_chunk", "The chunk does not fit the others of its run"


class RepeatedId(Conflict):
    code, title = "repeated_id", "An id is in two chunks of a run"


class CollectionDiffers(Conflict):
    code, title = "collection_differs", "The collection exists with other properties"


class ItemDiffers(Conflict):
    code, title = "item_differs", "The item exists with other content"


class ModelChanged(Conflict):
    code, title = "model_changed", "The model has changed since the collection was made"


class TooFewItems(Conflict):
    code, title = "too_few_items", "The collection has too few items"


class IndexUnavailable(Conflict):
    code, title = "index_unavailable", "The store cannot index the vectors"


class IndexBusy(Conflict):
    code, title, retryable = "index_busy", "An index of the collection is being built", True


class TooLarge(BrightfieldError):
    code, status, title = "too_large", 413, "Too large"


class TooManyBytes(TooLarge):
    code, title = "too_many_bytes", "Too many bytes"


class TooManyValues(TooLarge):
    code, title = "too_many_values", "Too many values in one request"


class TooManyPixels(TooLarge):
    code, title = "too_many_pixels", "Too many pixels"


class TooManyImages(TooLarge):
    code, title = "too_many_images", "Too many images in one request"


class ReplyTooLarge(TooLarge):
    code, title = "reply_too_large", "The reply is too large as JSON"


class Unsupported(BrightfieldError):
    code, status, title = "unsupported", 415, "Unsupported"


class UnknownFormat(Unsupported):
    code, title = "unknown_format", "Unknown image format"


class PickledArray(Unsupported):
    code, title = "pickled_array", "Pickled arrays are refused"


class Unprocessable(BrightfieldError):
    code, status, title = "unprocessable", 422, "Well-formed but wrong"


class InvalidParameter(Unprocessable):
    code, title = "invalid_parameter", "Invalid parameter"


class UnknownParameter(Unprocessable):
    code, title = "unknown_parameter", "Unknown parameter"


class ConflictingParameter(Unprocessable):
    code, title = "conflicting_parameter", "A parameter is given twice with different values"


class AmbiguousAxes(Unprocessable):
    """`missing` has the parameters that would choose a plane, with the number of planes of each."""

    code, title = "ambiguous_axes", "The axes of the image are not known"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        missing: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(detail, errors=errors)
        self.missing = dict(missing or {})


class InvalidRegion(Unprocessable):
    code, title = "invalid_region", "The region lies outside the image"


class UnfitImage(Unprocessable):
    code, title = "unfit_image", "The image does not fit the model"


class UnknownTarget(Unprocessable):
    code, title = "unknown_target", "Unknown target"


class UnknownLayer(Unprocessable):
    code, title = "unknown_layer", "Unknown layer"


class InvalidRows(Unprocessable):
    code, title = "invalid_rows", "Rows of predictions are wrong"


class MissingValues(Unprocessable):
    code, title = "missing_values", "Rows of predictions lack values"


class IncomparableRuns(Unprocessable):
    code, title = "incomparable_runs", "The runs cannot be compared"


class InvalidVectors(Unprocessable):
    code, title = "invalid_vectors", "The vectors are wrong"


class WrongTask(Unprocessable):
    code, title = "wrong_task", "The model has a different task"


class Unexplainable(Unprocessable):
    code, title = "unexplainable", "The method does not fit the model"


class InvalidCard(Unprocessable):
    code, title = "invalid_card", "The model card is wrong"


class UntrustedCode(Unprocessable):
    code, title = "untrusted_code", "The model brings code that is not trusted"


class Overloaded(BrightfieldError):
    code, status, title, retryable = "overloaded", 429, "Too many requests in flight", True


class Cancelled(BrightfieldError):
    code, status, title = "cancelled", 499, "Cancelled"


def nearest(name: str, known: Sequence[str], limit: int = 3) -> str:
    """The phrase " Did you mean a, b?" for a name that isn't in `known`, or an empty one."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), list(folded), n=limit, cutoff=0.5)
    return f" Did you mean {', '.join(folded[c] for c in close)}?" if close else ""


def suggestions(name: str, known: Sequence[str]) -> str:
    """The end of "There is no ...": " Did you mean a? Known: a, b."; empty where none is known."""
    return f"{nearest(name, known)} Known: {', '.join(known)}." if known else ""

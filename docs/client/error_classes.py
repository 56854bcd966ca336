"""The classes of errors, one for each status of a problem."""

from __future__ import annotations

from text import head

STATUSES = (
    ("BadRequestError", 400, "the image cannot be decoded or is cut short"),
    ("UnauthorizedError", 401, "no API key, or none that the service knows"),
    ("ForbiddenError", 403, "a foreign host or origin, or a key without the scope"),
    ("NotFoundError", 404, "an unknown model, or an image or job that is gone"),
    ("MethodNotAllowedError", 405, "a method that the path does not know"),
    ("NotAcceptableError", 406, "a format that the endpoint does not have"),
    ("ConflictError", 409, "the state of the thing forbids it"),
    ("TooLargeError", 413, "bytes, pixels or a reply over the service's limit"),
    ("UnsupportedError", 415, "an image format that the service cannot read"),
    ("UnprocessableError", 422, "well-formed but wrong: `.errors` names the places"),
    ("OverloadedError", 429, "more in flight, or of a key's share, than the service allows"),
    ("InternalError", 500, "a fault of the service"),
    ("UnavailableError", 503, "the model or the device cannot answer now"),
    ("DeadlineError", 504, "the deadline passed inside the service"),
)
_TREE = '''"""The one tree of errors.

    BrightfieldError
    ├── ConnectionFailed            the service cannot be reached, or the connection broke
    ├── TimedOut                    no answer within the timeout
    ├── UnexpectedReply             the answer is not one of Brightfield's
    └── ApiError                    the service refused: `.status .code .detail .request_id`
{tree}

Files that cannot be read stay `OSError`, and values that cannot be sent are `ValueError` or
`TypeError`, as everywhere in Python.
"""

from __future__ import annotations

from brightfield_client.faults import (
    ApiError, BrightfieldError, ConnectionFailed, TimedOut, UnexpectedReply, api_error
)

__all__ = {names}
'''
_BASES = ("ApiError", "BrightfieldError", "ConnectionFailed", "TimedOut", "UnexpectedReply")


def error_classes() -> str:
    """The module `errors`."""
    branches = [f"├── {name} {status}".ljust(32) + what for name, status, what in STATUSES]
    branches[-1] = branches[-1].replace("├", "└")
    tree = "\n".join(f"        {branch}" for branch in branches)
    names = sorted([*_BASES, "api_error", *(name for name, _, _ in STATUSES)])
    classes = (
        f'class {name}(ApiError):\n    """{status}: {what}."""\n\n    expected_status = {status}\n'
        for name, status, what in STATUSES
    )
    text = _TREE.format(tree=tree, names=repr(names))
    return "\n".join([head("docs/client/error_classes.py"), text, *classes])

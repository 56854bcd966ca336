"""Methods that look like the functions they are made from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def present_bound(method: Callable[..., Any], build: Callable[..., Any]) -> None:
    """As `present`, where the method itself gives the first argument of `build`."""
    _name(method, build)
    signature = inspect.signature(build)
    rest = list(signature.parameters.values())[1:]
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[first, *rest], return_annotation=inspect.Signature.empty
    )


def present(method: Callable[..., Any], build: Callable[..., Any]) -> None:
    """Give `method` the name, the documentation and the parameters of `build`.

    So `help(client.classify)` shows what can be passed. What `build` returns, a call, is left out:
    the method returns what the call reads.
    """
    signature = inspect.signature(build)
    _name(method, build)
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[first, *signature.parameters.values()],
        return_annotation=inspect.Signature.empty,
    )


def _name(method: Callable[..., Any], build: Callable[..., Any]) -> None:
    method.__name__ = method.__qualname__ = build.__name__
    method.__doc__ = build.__doc__

"""Methods that look like the functions they are made from."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from brightfield_client.calls import _parameters

_SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


def present(method: Callable[..., Any], build: Callable[..., Any], *, bound: int = 0) -> None:
    """Give `method` the name, the documentation and the parameters of `build`.

    So `help(client.classify)` shows what can be passed, and notebooks complete it: the keys of
    `**parameters: Unpack[...]` stand among the parameters. The first `bound` parameters are given
    by the method itself. What `build` returns, a call, is left out: the method returns what the
    call reads.
    """
    method.__name__ = method.__qualname__ = build.__name__
    method.__doc__ = build.__doc__
    signature = inspect.signature(build)
    own = list(signature.parameters.values())[bound:]
    if own and own[-1].kind is inspect.Parameter.VAR_KEYWORD:
        own[-1:] = [*_unpacked(own[-1]), own[-1]]
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[_SELF, *own], return_annotation=inspect.Signature.empty
    )


def _unpacked(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """The keys of a TypedDict as parameters."""
    found = re.fullmatch(r"Unpack\[(?:\w+\.)?(\w+)\]", str(parameter.annotation))
    if found is None:
        return []
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
        for name in getattr(_parameters, found[1]).__annotations__
    ]

"""Methods that look like the functions they are made from."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

from brightfield_client.calls import _parameters

_SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


def present(method: Callable[..., Any], build: Callable[..., Any], *, bound: int = 0) -> None:
    """Give `method` the name, the documentation and the parameters of `build`.

    So `help(client.classify)` shows what can be passed, and notebooks complete it: the keys of
    `**parameters: Unpack[...]` stand among the parameters. The first `bound` parameters are given
    by the method itself. What `build` returns, a call, is not shown: the method returns what the
    call reads.
    """
    method.__name__ = method.__qualname__ = build.__name__
    method.__doc__ = build.__doc__
    signature = inspect.signature(build)
    own = list(signature.parameters.values())[bound:]
    if own and own[-1].kind is inspect.Parameter.VAR_KEYWORD:
        kind = re.fullmatch(r"Unpack\[(?:\w+\.)?(\w+)\]", str(own[-1].annotation))
        keys = getattr(_parameters, kind[1]).__annotations__ if kind else ()
        by_name = inspect.Parameter.KEYWORD_ONLY
        own[-1:] = [*(inspect.Parameter(name, by_name, default=None) for name in keys), own[-1]]
        method.__doc__ = _documented(build.__doc__ or "", kind[1] if kind else "")
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[_SELF, *own], return_annotation=inspect.Signature.empty
    )


def _documented(text: str, kind: str) -> str:
    """A text with what the service says of each parameter, where the text does not say it."""
    if kind not in _parameters.DESCRIPTIONS:
        return text
    lines = [f"{name}: {said}" for name, said in _parameters.DESCRIPTIONS[kind].items()]
    shown = "\n".join(
        textwrap.fill(line, 96, initial_indent=" " * 8, subsequent_indent=" " * 12)
        for line in lines
    )
    head = "" if "Args:" in text else "\n    Args:\n"
    return f"{text.rstrip()}\n{head}{shown}\n"

"""Faults without the frames that they came through."""

from __future__ import annotations

from typing import TypeVar

F = TypeVar("F", bound=BaseException)


def without_frames(fault: F) -> F:
    """The same fault, which keeps nothing alive any more; so do its causes and contexts.

    A traceback holds every function on the way with all its values: images, tensors, bodies. If one
    of these in turn holds the fault, as a future or a variable does, only the garbage collector
    can free them, which counts objects and not bytes, and so comes hundreds of requests later.
    Called when a fault is kept, or was told to whom it concerns.
    """
    seen: set[int] = set()
    links: list[BaseException | None] = [fault]
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        link.__traceback__ = None
        links += [link.__cause__, link.__context__, *getattr(link, "exceptions", ())]
    return fault

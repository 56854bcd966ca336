"""One endpoint over many images: each is answered or fails for itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast

from brightfield_client.calls.call import Call, LazyCall
from brightfield_client.calls.endpoints import Endpoint
from brightfield_client.errors import BrightfieldError
from brightfield_client.exchange import Policy, Steps
from brightfield_client.images import ImageSource
from brightfield_client.journal import Journal
from brightfield_client.progress import ProgressBar
from brightfield_client.results.value import Value

T = TypeVar("T")

WINDOW = 4
"""Images begun ahead of the one that is waited for, per unit of concurrency."""
FAULTS = (BrightfieldError, OSError, ValueError, TypeError)


@dataclass(frozen=True)
class MapItem(Value, Generic[T]):
    """One image of a `map`: its `result`, or the `error` that kept it from one."""

    source: Any
    result: T | None = None
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    def unwrap(self) -> T:
        """The result; raises the error if there is one."""
        if self.error is not None:
            raise self.error
        return cast("T", self.result)

    def linked(self, link: Callable[[T], T]) -> MapItem[T]:
        """The item whose result can have its question asked again."""
        return self if self.result is None else replace(self, result=link(self.result))


class MapPlan:
    """What a `map` does with every image, for both clients."""

    def __init__(
        self,
        images: Iterable[ImageSource],
        endpoint: Endpoint[Any],
        parameters: Mapping[str, Any],
        concurrency: int,
        resume: str | os.PathLike[str] | None = None,
    ) -> None:
        if isinstance(images, str | bytes):
            raise TypeError("map takes many images; pass a list of paths, or call the endpoint.")
        if concurrency < 1:
            raise ValueError(f"concurrency is 1 or more, not {concurrency}.")
        if resume is not None and parameters.get("format", "json") not in (None, "json"):
            raise ValueError("resume= keeps JSON answers only; leave format= out.")
        self.images = images
        self.concurrency = concurrency
        self.endpoint = endpoint
        self._parameters = dict(parameters)
        known = {name: each for name, each in parameters.items() if name != "timeout"}
        self.journal = None if resume is None else Journal(resume, endpoint.name, known)

    def call(self, source: Any) -> Call[Any]:
        """The question about one image."""
        return self.endpoint.call(source, **self._parameters)

    def bar(self, shown: bool) -> ProgressBar:
        total = len(self.images) if isinstance(self.images, Sized) else 0
        return ProgressBar("images", total, shown=shown)

    def item(self, source: ImageSource) -> PlannedItem:
        return PlannedItem(self, source)


@dataclass(frozen=True)
class PlannedItem:
    """One image of a plan, as something that a client can run."""

    plan: MapPlan
    source: Any

    def steps(self, policy: Policy) -> Steps[MapItem[Any]]:
        """The answer from the journal or from the service; nothing is raised for a bad image."""
        plan, source, key = self.plan, self.source, None
        try:
            if plan.journal is not None:
                key = plan.journal.key(source)
                known = plan.journal.envelope(key)
                if known is not None:
                    return MapItem(source, plan.endpoint.parse(known))
            result = yield from plan.call(source).steps(policy)
        except FAULTS as fault:
            if plan.journal is not None and key is not None:
                plan.journal.failed(key, fault)
            return MapItem(source, error=fault)
        if plan.journal is not None and key is not None:
            plan.journal.succeeded(key, result.raw)
        return MapItem(source, result)

    @property
    def question(self) -> LazyCall:
        """The question, made anew when it is asked again, so that no image is kept for it."""
        return LazyCall(lambda: self.plan.call(self.source))

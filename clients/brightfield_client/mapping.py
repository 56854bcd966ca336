"""One endpoint over many images: each is answered or fails for itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from typing import Any

from brightfield_client.calls.endpoints import endpoint_named
from brightfield_client.errors import BrightfieldError
from brightfield_client.exchange import Policy, Steps
from brightfield_client.images import ImageSource
from brightfield_client.journal import Journal
from brightfield_client.progress import ProgressBar

WINDOW = 4
"""Images begun ahead of the one that is waited for, per unit of concurrency."""
_FAULTS = (BrightfieldError, OSError, ValueError, TypeError)


@dataclass(frozen=True)
class MapItem:
    """One image of a `map`: its `result`, or the `error` that kept it from one."""

    source: Any
    result: Any = None
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    def unwrap(self) -> Any:
        """The result; raises the error if there is one."""
        if self.error is not None:
            raise self.error
        return self.result


class Plan:
    """What a `map` does with every image, for both clients."""

    def __init__(
        self,
        images: Iterable[ImageSource],
        task: str,
        parameters: Mapping[str, Any],
        concurrency: int,
        resume: str | os.PathLike[str] | None,
    ) -> None:
        if isinstance(images, str | bytes):
            raise TypeError("map takes many images; pass a list of paths, or call the endpoint.")
        if concurrency < 1:
            raise ValueError(f"concurrency is 1 or more, not {concurrency}.")
        if resume is not None and parameters.get("format", "json") not in (None, "json"):
            raise ValueError("resume= keeps JSON answers only; leave format= out.")
        self.images = images
        self.concurrency = concurrency
        self._endpoint = endpoint_named(task)
        self._parameters = dict(parameters)
        self._journal = None if resume is None else Journal(resume, task.strip("/"), parameters)

    def item(self, source: ImageSource) -> PlannedItem:
        return PlannedItem(self, source)

    def bar(self, shown: bool) -> ProgressBar:
        total = len(self.images) if isinstance(self.images, Sized) else 0
        return ProgressBar("images", total, shown=shown)

    def steps(self, source: Any, policy: Policy) -> Steps[MapItem]:
        """The answer from the journal or from the service; nothing is raised for a bad image."""
        key = None
        try:
            if self._journal is not None:
                key = self._journal.key(source)
                known = self._journal.envelope(key)
                if known is not None:
                    return MapItem(source, self._endpoint.parse(known))
            result = yield from self._endpoint.call(source, **self._parameters).steps(policy)
        except _FAULTS as fault:
            if self._journal is not None and key is not None:
                self._journal.failed(key, fault)
            return MapItem(source, error=fault)
        if self._journal is not None and key is not None:
            self._journal.succeeded(key, result.raw)
        return MapItem(source, result)


@dataclass(frozen=True)
class PlannedItem:
    """One image of a plan, as something that a client can run."""

    plan: Plan
    source: Any

    def steps(self, policy: Policy) -> Steps[MapItem]:
        return self.plan.steps(self.source, policy)

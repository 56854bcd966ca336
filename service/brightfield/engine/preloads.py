"""The default models on their way into memory when a service starts."""

from __future__ import annotations

from collections.abc import Iterable

from brightfield.errors import BrightfieldError
from brightfield.outages import ModelsLoading
from brightfield.runtime.registry import Registry


class Preloads:
    """Loads of several models, which begin at once; those that are set aside are left out.

    Raises `UnknownModel` or `InvalidCard` where one has no good card.
    """

    def __init__(self, registry: Registry, names: Iterable[str]) -> None:
        self._registry = registry
        wanted = [name for name in sorted(names) if not registry.quarantined(name)]
        for name in wanted:
            registry.card(name)
        self._loads = {name: registry.load(name) for name in wanted}

    def wait(self) -> None:
        """Block until all are warm. Raises what went wrong with one of them."""
        for load in self._loads.values():  # a process must not end while another still runs
            load.exception()
        for load in self._loads.values():
            load.result()

    def check(self) -> None:
        """Raises `ModelsLoading` while some are on their way; then what went wrong with one, until
        it is in memory after all."""
        loading = [name for name, load in self._loads.items() if not load.done()]
        if loading:
            raise ModelsLoading(
                f"The service is loading {', '.join(loading)}; requests for these models wait for "
                "them, and those for others are answered.",
                retry_after=1,
            )
        for name, load in self._loads.items():
            fault = load.exception()
            if fault is not None and self._registry.state(name) != "resident":
                raise fault.again() if isinstance(fault, BrightfieldError) else fault

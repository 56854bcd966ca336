"""The default models on their way into memory when a service starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future

from brightfield.errors import BrightfieldError
from brightfield.outages import ModelsLoading
from brightfield.runtime.registry import Registry
from brightfield.runtime.resident import Resident


def _nothing() -> None:
    """Nobody waits for it."""


class Preloads:
    """Loads of several models, one after another, so the first is there soonest; those that are set
    aside, or that other processes serve, are left out. A request for one that hasn't begun begins
    it.

    Raises `UnknownModel` or `InvalidCard` where one has no good card.
    """

    def __init__(
        self, registry: Registry, names: Iterable[str], over: Callable[[], object] = _nothing
    ) -> None:
        """`over` is called once all are in memory, or have failed."""
        self._registry = registry
        self._over = over
        served = [name for name in names if not registry.elsewhere(name)]
        wanted = [name for name in served if not registry.quarantined(name)]
        for name in wanted:
            registry.card(name)
        # Only how each has ended: whether a model stays in memory is not decided here.
        self._loads: dict[str, Future[None]] = {name: Future() for name in wanted}
        self._begin(wanted)

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

    def _begin(self, names: list[str]) -> None:
        """Begin with the first; those after it begin when it is over."""
        if not names:
            self._over()
            return
        name, *others = names

        def over(load: Future[Resident]) -> None:
            own, fault = self._loads[name], load.exception()
            if fault is None:
                own.set_result(None)
            else:
                own.set_exception(fault)
            self._begin(others)

        try:
            load = self._registry.load(name)
        except BrightfieldError as fault:
            load = Future()
            load.set_exception(fault)
        load.add_done_callback(over)

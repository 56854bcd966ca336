"""The thread that prepares for each loaded model what runs it fastest."""

from __future__ import annotations

import logging
import queue
import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

from brightfield.cards import ModelCard
from brightfield.models.examination.examination import Examination
from brightfield.runtime.acceleration.kept import KeptVerdicts
from brightfield.runtime.acceleration.search import BackendSearch, Surroundings
from brightfield.runtime.acceleration.verdict import Verdict, eager
from brightfield.runtime.acceleration.wanted import Wanted
from brightfield.runtime.examining.output_read import OutputContract
from brightfield.runtime.resident import Resident

log = logging.getLogger(__name__)

Room = Callable[[Resident, int], bool]
"""Whether so many more bytes are reserved for a model, or any longer: it may be gone."""


class Accelerator:
    """Prepares models one after another, in a thread that starts with the first.

    A model serves as it is meanwhile, and may be dropped: nothing here keeps it in memory except
    while it is compared.
    """

    def __init__(
        self,
        data: Path,
        trust_model_code: bool,
        threads: int,
        wanted: Wanted,
        contracts: Mapping[str, OutputContract],
        struck: Callable[[str], bool],
        room: Room,
    ) -> None:
        self._data = data
        self._trust = trust_model_code
        self._threads = threads
        self._wanted = wanted
        self._contracts = contracts
        self._struck = struck
        self._room = room
        self._kept = KeptVerdicts(data / "backends")
        self._stopped = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self._waiting: queue.SimpleQueue[weakref.ref[Resident] | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def offer(self, resident: Resident) -> None:
        """Prepare a model that now serves, when it is its turn."""
        reason = self._excluded(resident)
        if reason is not None:
            resident.verdict = eager(reason)
            return
        resident.verdict = Verdict(progress="waiting", reason="Other backends will be tried.")
        with self._starting:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name="prepare", daemon=True)
                self._thread.start()
        self._waiting.put(weakref.ref(resident))

    def hold(self) -> None:
        """Prepare none until `resume`: there is more urgent work."""
        self._free.clear()

    def resume(self) -> None:
        """Prepare those that were offered."""
        self._free.set()

    def close(self) -> None:
        """Prepare no more; what is being converted ends at once."""
        self._stopped.set()
        self.resume()
        self._waiting.put(None)

    def wanted_for(self, card: ModelCard) -> Wanted:
        """What the settings say, else the card."""
        return self._wanted.over(Wanted(card.inference.backend, card.inference.precision))

    def _excluded(self, resident: Resident) -> str | None:
        """Why a model stays as it is without trying anything."""
        wanted = self.wanted_for(resident.card)
        if wanted.backend == "eager" and wanted.precision in ("auto", "fp32"):
            return "The settings or the card say backend = eager."
        if self._struck(resident.card.id):
            return "The model has hung or ended the process before, so nothing is changed about it."
        if resident.examination is None or resident.digest is None:
            return "The model wasn't examined."
        return _incomparable(resident.examination)

    def _run(self) -> None:
        while (reference := self._waiting.get()) is not None and not self._stopped.is_set():
            self._free.wait()
            resident = reference()
            if resident is None or self._stopped.is_set():
                continue
            search = self._search(resident)
            del resident
            try:
                search.run()
            except Exception as fault:  # whatever it was, the model serves as it is
                log.exception("no backend could be prepared for %s", search.name)
                search.end(eager(f"Preparing one failed: {fault}.", lasting=False))

    def _search(self, resident: Resident) -> BackendSearch:
        wanted = self.wanted_for(resident.card)
        around = Surroundings(
            self._kept, self._data, self._trust, self._threads, self._room, self._stopped
        )
        compare = self._contracts[resident.card.task].compared
        return BackendSearch(resident, wanted, compare, around)


def _incomparable(found: Examination) -> str | None:
    """Why a model's outputs can't be compared with those of another backend."""
    if found.repeatable.holds is False:
        return "The network gives the same image different answers, so none can be compared."
    if found.independent.holds is False:
        return "In this network the images of a batch change each other's answers."
    codes = {note.code for note in (*found.warnings, *found.remarks)}
    if "random_weights" in codes:
        return "The network's weights are random."
    if "changes_itself" in codes:
        return "The network changes its own numbers while it predicts."
    return None

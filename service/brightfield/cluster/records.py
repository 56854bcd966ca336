"""What the replicas of a machine leave, so that the next one knows what each has died of.

Ray starts a replica that has died again, and knows nothing of models. A model that ends its process
each time would end one replica after the other.
"""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from brightfield.runtime.flights import Flights, LastFlights
from brightfield.runtime.quarantine import Quarantine
from brightfield.serving.blame import blamed
from brightfield.serving.records import CRASH, FLIGHTS, QUARANTINE
from brightfield.settings import Settings
from brightfield.store.process import ProcessIdentity, this_process

log = logging.getLogger(__name__)

_PROCESS = "process.json"


class ReplicaRecords:
    """The records of this replica, in a folder of its own below that of the machine's."""

    def __init__(self, folder: Path) -> None:
        self._all = folder
        own = this_process()
        self._own = folder / f"{own.pid}-{own.began:.0f}"
        self._own.mkdir(parents=True, exist_ok=True)
        (self._own / _PROCESS).write_text(json.dumps(asdict(own)))
        self._take_over()
        self.flights = Flights(self._own / FLIGHTS)
        self.quarantine = Quarantine(folder / QUARANTINE)

    @property
    def crash(self) -> Path:
        """Where the stacks of a process that dies are written."""
        return self._own / CRASH

    def close(self) -> None:
        """Leave nothing: the replica ends as it should."""
        shutil.rmtree(self._own, ignore_errors=True)

    def _take_over(self) -> None:
        """Note what those have died of that have ended without a word."""
        for each in self._all.iterdir():
            if each != self._own and _has_ended(each):
                taken = each.with_suffix(".taken")
                with suppress(OSError):  # another replica was first
                    each.rename(taken)
                    self._blame(taken)
                    shutil.rmtree(taken, ignore_errors=True)

    def _blame(self, folder: Path) -> None:
        last = LastFlights.read(folder / FLIGHTS)
        file = folder / CRASH
        crash = file.read_text(errors="replace") if file.exists() else ""
        if not crash and not last.exiting:
            return  # killed, as Ray kills what doesn't answer, and the kernel for memory
        quarantine = Quarantine(self._all / QUARANTINE)
        for line in crash.splitlines():
            log.error("%s", line)
        for model in blamed(last, crash):
            quarantine.strike(model, "the process of a replica ended while it ran")


def records_folder(settings: Settings) -> Path:
    """That of this machine's records."""
    return settings.data / "replicas"


def forget_records(settings: Settings) -> None:
    """A service that is started anew sets nothing aside yet, as the plain one."""
    shutil.rmtree(records_folder(settings), ignore_errors=True)


def _has_ended(folder: Path) -> bool:
    try:
        told = json.loads((folder / _PROCESS).read_text())
        return ProcessIdentity(**told).has_ended
    except (OSError, ValueError, TypeError):  # no replica's, or one that is just being made
        return False

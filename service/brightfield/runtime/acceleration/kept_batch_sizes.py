"""What batches of each model cost, kept in the data folder across restarts."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from brightfield.runtime.acceleration.kept import key_of
from brightfield.runtime.acceleration.wanted import ANY
from brightfield.runtime.resident import Resident

log = logging.getLogger(__name__)

_FILE = "batch_sizes.json"


class KeptBatchSizes:
    """A file per model, beside what runs it: seconds by operation, shape and number of rows.

    It holds for the same weights, code, versions, processor and threads, and is else ignored.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads

    def recall(self, resident: Resident) -> None:
        """Let a model begin with what its batches have cost before."""
        try:
            kept = json.loads(self._file(resident).read_text())
            if kept["key"] == self._key(resident):
                resident.sizes.recall(
                    {
                        kind: {int(rows): float(value) for rows, value in costs.items()}
                        for kind, costs in kept["seconds"].items()
                    }
                )
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as fault:
            log.warning("what batches of %s cost can't be read: %s", resident.card.id, fault)

    def keep(self, resident: Resident) -> None:
        """Write what its batches have cost. Where that isn't possible it is measured again."""
        file = self._file(resident)
        content = {"key": self._key(resident), "seconds": resident.sizes.measured()}
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(".new")
            draft.write_text(json.dumps(content))
            draft.replace(file)
        except OSError as fault:
            log.warning("what batches cost can't be kept in %s: %s", file, fault)

    def _file(self, resident: Resident) -> Path:
        return self._folder / resident.card.id / _FILE

    def _key(self, resident: Resident) -> str:
        return key_of(resident, ANY, self._threads)
